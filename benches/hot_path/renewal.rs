//! What the answers that are kept for browsers cost everybody else: a good session through a layer
//! that renews, with nothing kept, and with 10,000 refresh tokens that no browser has shown yet.

use std::env;

use http::Request;
use tower::{Layer, service_fn};
use tower_descope::{Descope, RefreshToken, Renewal, TenantLayer, test_util::FakeDescope};

use crate::{
    bed::{Bed, call, get, handler},
    row::{Bench, Row},
};

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    if !bench.wants("renewal") {
        return;
    }
    let families = if env::var_os("BENCH_QUICK").is_some() {
        1_000
    } else {
        10_000
    };
    let users = (0..families).fold(FakeDescope::builder(), |fake, n| {
        fake.user(&format!("{n}@example.com"), |user| user.id(user_id(n)))
    });
    let fake = bed.wait(
        users
            .user("ann@example.com", |user| user.id("U2ann"))
            .start(),
    );
    fake.add_key_for("ES256");
    let [empty, full] = [(); 2].map(|()| bed.warm(fake.descope_builder().kept_sessions(families)));
    for n in 0..families {
        let token = fake.refresh(&user_id(n)).key_algorithm("ES256").token();
        let answer = bed.wait(full.refresh(&RefreshToken::new(token)));
        assert!(answer.expect("a new session").refresh_token().is_some());
    }
    let session = |user: &str| fake.session(user).key_algorithm("ES256").token();
    let request = |user: &str| {
        let (session, refresh) = (session(user), fake.refresh(user).key_algorithm("ES256"));
        get(&[("cookie", &format!("DS={session}; DSR={}", refresh.token()))])
    };
    let [ann, other] = ["U2ann", &user_id(families / 2)].map(request);
    let bearer = get(&[("authorization", &format!("Bearer {}", session("U2ann")))]);
    let plain = |name: &str, request: &Request<()>| {
        of_layer(name, &TenantLayer::new(empty.clone()), request.clone())
    };
    let rows = vec![
        plain("does_not_renew", &ann),
        plain("bearer_does_not_renew", &bearer),
        row("bearer", &empty, bearer).over("bearer_does_not_renew"),
        row("nothing_is_kept", &empty, ann.clone()).over("does_not_renew"),
        row("others_have_undelivered_tokens", &full, ann).over("nothing_is_kept"),
        row("the_user_has_one", &full, other).over("nothing_is_kept"),
    ];
    bench.group("renewal", rows);
}

fn user_id(number: usize) -> String {
    format!("U2Zq8mXkQv1cD4eF5gH6iJ{number:05}")
}

fn row(name: &str, descope: &Descope, request: Request<()>) -> Row {
    let layer = TenantLayer::new(descope.clone()).renew(Renewal::new());
    of_layer(name, &layer, request)
}

fn of_layer(name: &str, layer: &TenantLayer, request: Request<()>) -> Row {
    let mut service = layer.layer(service_fn(handler));
    Row::with_input(
        name,
        move || request.clone(),
        move |it| call(&mut service, it),
    )
}
