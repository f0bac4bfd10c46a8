//! Finding the token. The token itself is refused at its first byte and the layer lets the
//! request pass, so that what differs between the rows is the search alone.

use http::Request;
use tower::{Layer, service_fn};
use tower_descope::{TenantLayer, cookie::SessionCookies};

use crate::{
    bed::{Bed, call, get, handler},
    row::{Bench, Row},
};

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let cookies = SessionCookies::host_prefixed();
    let descope = bed.warm(bed.fake.descope_builder().cookies(cookies));
    let layer = TenantLayer::new(descope).optional();
    let row = |name: &str, request: Request<()>| {
        let mut service = layer.layer(service_fn(handler));
        Row::with_input(
            name,
            move || request.clone(),
            move |it| call(&mut service, it),
        )
        .over("bare_service")
    };
    let others: Vec<String> = (0..20)
        .map(|n| format!("preference_{n}=value_{n}"))
        .collect();
    let after_others = format!("{}; __Host-DS=x", others.join("; "));
    let mut bare = service_fn(handler);
    let request = get(&[]);
    let bare = move |request| call(&mut bare, request);
    let rows = vec![
        Row::with_input("bare_service", move || request.clone(), bare),
        row("no_credential", get(&[])),
        row("header", get(&[("authorization", "Bearer x")])),
        row("cookie", get(&[("cookie", "__Host-DS=x")])),
        row("cookie_after_20_others", get(&[("cookie", &after_others)])),
        row("fallback_name", get(&[("cookie", "DS=x")])),
        row(
            "two_equal_cookies",
            get(&[("cookie", "__Host-DS=x; __Host-DS=x")]),
        ),
        row(
            "four_different_cookies",
            get(&[(
                "cookie",
                "__Host-DS=x; __Host-DS=y; __Host-DS=z; __Host-DS=w",
            )]),
        ),
    ];
    bench.group("token_lookup", rows);
}
