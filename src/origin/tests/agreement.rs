//! The short way of the check beside the long one.

use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use proptest::prelude::*;

use super::LISTED;
use crate::{
    head::RequestHead,
    origin::{
        AllowedOrigins, WhenAbsent, check,
        check::{SEC_FETCH_SITE, compare},
        host::single,
    },
};

/// Hosts that look alike, and texts around them.
fn host_text() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => Just("app.test"),
        1 => Just("APP.test"),
        1 => Just("app.test."),
        1 => Just("localhost"),
        1 => Just("127.0.0.1"),
        1 => Just("999.0.0.1"),
        1 => Just("[::1]"),
        1 => Just("_"),
        1 => Just("u@app.test"),
        1 => Just("app.test/x"),
        1 => Just("a pp.test"),
        1 => Just(""),
    ];
    let port = prop_oneof![
        4 => Just(""),
        1 => Just(":443"),
        1 => Just(":0443"),
        1 => Just(":80"),
        1 => Just(":8443"),
        1 => Just(":65535"),
        1 => Just(":65536"),
        1 => Just(":"),
        1 => Just(":+443"),
        1 => Just(":44:3"),
    ];
    (name, port).prop_map(|(name, port)| format!("{name}{port}"))
}

fn origin_text() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![
        6 => Just("https://"),
        1 => Just("http://"),
        1 => Just("HTTPS://"),
        1 => Just("https:/"),
        1 => Just("null"),
        1 => Just(""),
    ];
    (scheme, host_text()).prop_map(|(scheme, host)| format!("{scheme}{host}"))
}

proptest! {
    #[test]
    fn the_short_way_ends_where_the_long_one_does(
        same in any::<bool>(),
        hosts in prop::collection::vec(host_text(), 0..3),
        target in prop::option::of(host_text()),
        origins in prop::collection::vec(origin_text(), 0..3),
        site in prop::option::of(prop_oneof![
            Just("none"), Just("same-site"), Just("cross-site"), Just("None"), Just(""),
        ]),
        absent in prop_oneof![Just(WhenAbsent::Allow), Just(WhenAbsent::Refuse)],
    ) {
        let mut headers = HeaderMap::new();
        for host in &hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        let own = hosts.first().or(target.as_ref()).map(|host| format!("https://{host}"));
        for origin in own.iter().filter(|_| same).chain(origins.iter().filter(|_| !same)) {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        if let Some(site) = site {
            headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
        }
        let target = target.and_then(|host| format!("https://{host}/select").parse().ok());
        let uri: Uri = target.unwrap_or(Uri::from_static("/select"));
        let head = RequestHead {
            method: &Method::POST,
            uri: &uri,
            version: Version::HTTP_11,
            headers: &headers,
        };
        let allowed = AllowedOrigins::new([LISTED]).unwrap();
        let long = single(&headers, &SEC_FETCH_SITE, "repeated_sec_fetch_site").and_then(|site| {
            let site = site.map(HeaderValue::as_bytes);
            let origin = single(&headers, &header::ORIGIN, "repeated_origin")?;
            compare(site, origin, head, &allowed, absent)
        });
        prop_assert_eq!(check(head, &allowed, absent), long);
    }
}
