//! Settings: what is accepted is harmless where it goes. Text: a line each of the sort and the
//! value.

use http::{HeaderMap, HeaderValue, Uri, header::ORIGIN};
use tower_descope::{Descope, ErrorKind, cookie::SessionCookies, internals};
use url::{Host, Url};

use super::lines;
use crate::{dice::Dice, harness::Target};

pub const TARGET: Target = Target {
    name: "config",
    make,
    check,
    slow: 1,
};

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let sort = dice.pick(&[
        "project",
        "base_url",
        "origin",
        "cookie_name",
        "domain",
        "path",
        "key",
    ]);
    let mut text = format!("{sort}\n");
    for _ in 0..=dice.below(6) {
        text.push_str(dice.pick(&[
            "https://",
            "http://",
            "api.descope.com",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "0x7f.1",
            "P2aAc4T2V93bddihGEx2Ryhc8e5Z",
            "use1",
            "/",
            "//",
            "/app",
            "..",
            ".",
            ":443",
            ":",
            "@",
            "?x",
            "#",
            "%2f",
            " ",
            "\t",
            "é",
            "xn--",
            "*",
            ";",
            ",",
            "DS",
            "__Host-",
            "_",
            "-",
            "\\",
            "example.com",
            "HTTPS://",
            "ftp:",
            "{\"kty\":\"EC\"",
            "0",
            "ß",
        ]));
    }
    text.into_bytes()
}

fn check(text: &[u8]) {
    let mut parts = lines(text).map(|line| String::from_utf8_lossy(line).into_owned());
    let (sort, value) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    match &*sort {
        "project" => project(&value),
        "base_url" => base_url(&value),
        "origin" => origin(&value),
        "key" => key(&value),
        "cookie_name" => cookies(SessionCookies::new().session_name(&value), &value),
        "domain" => cookies(SessionCookies::new().domain(&value), &value),
        "path" => cookies(SessionCookies::new().path(&value), &value),
        _ => {}
    }
}

fn project(id: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let fine = (1..=64).contains(&id.len()) && id.chars().all(plain);
    assert_eq!(internals::check_project_id(id).is_ok(), fine);
    if fine {
        // A region that is no part of a host name (`xn--`) is refused as a base URL by `build()`.
        let Ok(url) = internals::base_url(&internals::region_base_url(id), false) else {
            return;
        };
        let url = Url::parse(&url).unwrap();
        let host = url.host_str().unwrap();
        assert_eq!((url.scheme(), url.path()), ("https", "/"));
        let region = host
            .strip_prefix("api.")
            .unwrap()
            .strip_suffix("descope.com")
            .unwrap();
        let region = region.trim_end_matches('.');
        assert!(region.is_empty() || id.len() >= 32 && id[1..5].eq_ignore_ascii_case(region));
    }
}

fn base_url(text: &str) {
    let Ok(url) = internals::base_url(text, false) else {
        return;
    };
    let parsed = Url::parse(&url).unwrap();
    let loopback = match parsed.host().unwrap() {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    assert!(
        parsed.scheme() == "https" || parsed.scheme() == "http" && loopback,
        "{url}"
    );
    assert!(
        parsed.username().is_empty() && parsed.password().is_none(),
        "{url}"
    );
    assert!(
        parsed.query().is_none() && parsed.fragment().is_none(),
        "{url}"
    );
    assert!(url.ends_with('/'));
    assert_eq!(
        internals::base_url(&url, false).unwrap(),
        url,
        "it stays what it is"
    );
    // What is called stands below it.
    let called = parsed.join("v2/keys/P1").unwrap();
    assert_eq!(called.as_str(), format!("{url}v2/keys/P1"));
}

fn origin(text: &str) {
    let headers = |origin: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_str(origin).ok()?);
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        Some(headers)
    };
    let uri = Uri::from_static("/");
    let passes = |allowed: &str, origin: &str| {
        let headers = headers(origin)?;
        let verdict = internals::cross_site(&[allowed], &headers, &uri, true);
        verdict.ok().map(|verdict| verdict.is_ok())
    };
    let allowed = internals::cross_site(&[text], &HeaderMap::new(), &uri, true).is_ok();
    if !allowed {
        return;
    }
    assert_eq!(passes(text, text), Some(true), "its own pages pass");
    for stranger in ["https://evil.test", "null", "https://example.com.evil.test"] {
        let same = text.trim_end_matches(":443").eq_ignore_ascii_case(stranger);
        assert!(passes(text, stranger) == Some(same), "{stranger}");
    }
    // A longer host is another one, and so is another scheme.
    assert_ne!(passes(text, &format!("{text}.evil.test")), Some(true));
    assert_ne!(passes(text, &format!("x{text}")), Some(true));
    assert!(!text.contains(['/', '@', '*', '?', '#', ' ']) || text.matches('/').count() == 2);
}

fn key(jwk: &str) {
    let built = Descope::builder("P1")
        .base_url("http://127.0.0.1:1")
        .public_key(jwk)
        .build();
    if let Err(error) = built {
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        let secret = jwk.len() > 12 && error.to_string().contains(jwk);
        assert!(!secret, "{error}");
    }
}

/// What `check` lets through can be written, and only that.
fn cookies(cookies: SessionCookies, value: &str) {
    if internals::check_cookies(&cookies).is_err() {
        return;
    }
    assert!(!value.contains([';', ',', ' ', '\r', '\n', '\0', '"']) && value.is_ascii());
    for line in internals::removals(&cookies, false) {
        let line = line.to_str().unwrap();
        assert!(line.is_ascii() && line.split("; ").count() <= 8, "{line}");
    }
}
