//! The cross-site check, over all that a browser and a proxy may say. Text: a line each for the
//! target, and `name: value` of its fields.

use http::{HeaderValue, Uri, header::HOST};
use tower_descope::internals;
use url::Url;

use super::{fields, lines};
use crate::{dice::Dice, harness::Target};

pub const TARGET: Target = Target {
    name: "cross_site",
    make,
    check,
    slow: 1,
};

const ALLOWED: &str = "https://front.example.test";

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let mut text = dice
        .pick(&[
            "/x",
            "https://app.example.test/x",
            "http://app.example.test:443/x",
            "http://[::1]/x",
        ])
        .to_owned();
    for _ in 0..dice.below(5) {
        text.push_str(dice.pick(&[
            "\nhost: app.example.test",
            "\nhost: APP.example.test:443",
            "\nhost: evil.test",
            "\nhost: localhost:3000",
            "\nhost: acme.localhost:3000",
            "\nhost: [::1]",
            "\nhost: ",
            "\nhost: a@b",
            "\norigin: https://app.example.test",
            "\norigin: https://app.example.test:443",
            "\norigin: http://app.example.test",
            "\norigin: https://evil.test",
            "\norigin: null",
            "\norigin: https://front.example.test",
            "\norigin: http://localhost:3000",
            "\norigin: http://acme.localhost:3000",
            "\norigin: https://app.example.test.evil.test",
            "\norigin: HTTPS://FRONT.example.test",
            "\nsec-fetch-site: same-origin",
            "\nsec-fetch-site: same-site",
            "\nsec-fetch-site: cross-site",
            "\nsec-fetch-site: none",
            "\nsec-fetch-site: x",
            "\nx-forwarded-host: evil.test",
            "\nforwarded: host=evil.test",
        ]));
    }
    text.into_bytes()
}

fn check(text: &[u8]) {
    let mut rows = lines(text);
    let Ok(uri) = Uri::try_from(rows.next().unwrap_or_default()) else {
        return;
    };
    let headers = fields(rows);
    let passes = |origins: &[&str], form| {
        internals::cross_site(origins, &headers, &uri, form)
            .unwrap()
            .is_ok()
    };
    let count = |name: &str| headers.get_all(name).iter().count();
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let (site, origin) = (text("sec-fetch-site"), text("origin"));
    for form in [false, true] {
        let (alone, listed) = (passes(&[], form), passes(&[ALLOWED], form));
        assert!(
            listed || !alone,
            "a longer list lets more through, never less"
        );
        if count("origin") > 1 || count("sec-fetch-site") > 1 {
            assert!(!listed, "repeated");
            continue;
        }
        if count("sec-fetch-site") == 1 && site == Some("same-origin") {
            assert!(alone, "the browser knows");
            continue;
        }
        let is_allowed = origin.is_some_and(|origin| same(origin, ALLOWED));
        if listed != alone {
            assert!(is_allowed);
        }
        if is_allowed {
            assert!(listed, "what is listed passes, whatever else is said");
        }
        if count("sec-fetch-site") == 1 && site != Some("none") {
            assert!(!alone, "another site");
        }
        if let (true, Some(origin)) = (alone, origin) {
            let host = uri.authority().map(|it| it.as_str().to_owned());
            let host = host.or_else(|| headers.get(HOST)?.to_str().ok().map(str::to_owned));
            let Ok(url) = Url::parse(origin) else {
                // No browser is there, so none sends it.
                continue;
            };
            let own = Url::parse(&format!("{}://{}", url.scheme(), host.unwrap())).unwrap();
            assert_eq!(url.origin(), own.origin(), "its own page");
            let local = url.host_str().is_some_and(|host| {
                matches!(host, "localhost" | "[::1]")
                    || host.ends_with(".localhost")
                    || host.starts_with("127.")
            });
            assert!(url.scheme() == "https" || local, "{origin}");
        }
        if form && count("origin") == 0 && count("sec-fetch-site") == 0 {
            assert!(!listed, "a form that says nothing of itself");
        }
    }
    // Who only adds what proxies write changes nothing.
    let mut more = headers.clone();
    more.insert(
        "x-forwarded-host",
        HeaderValue::from_static("app.example.test"),
    );
    more.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    let other = internals::cross_site(&[ALLOWED], &more, &uri, false)
        .unwrap()
        .is_ok();
    assert_eq!(other, passes(&[ALLOWED], false));
}

/// Whether two texts are one origin, as browsers write origins.
fn same(one: &str, other: &str) -> bool {
    let plain = one.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    // The URL standard drops tabs, line ends and an empty port, and resolves escapes; origins
    // have none of these.
    let shaped = !one.ends_with(':')
        && one.chars().all(|c| c.is_ascii_graphic())
        && plain.starts_with("://")
        && !plain[3..].contains(['/', '?', '#', '@', '\\', '%']);
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => shaped && one.origin() == other.origin(),
        _ => false,
    }
}
