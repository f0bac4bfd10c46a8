//! The check's tables.

use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};

use super::{
    AllowedOrigins, WhenAbsent,
    check::{SEC_FETCH_SITE, beginning},
};
use crate::head::RequestHead;

mod agreement;

const LISTED: &str = "https://spa.example.com";

fn check(
    headers: &HeaderMap,
    uri: &Uri,
    allowed: &AllowedOrigins,
    when_absent: WhenAbsent,
) -> Result<(), &'static str> {
    let head = RequestHead {
        method: &Method::POST,
        uri,
        version: Version::HTTP_11,
        headers,
    };
    super::check(head, allowed, when_absent)
}

/// One request: its `Host`, `Origin` and `Sec-Fetch-Site`, each absent if empty.
fn judge(host: &str, origin: &str, site: &str) -> Result<(), &'static str> {
    judge_with(host, origin, site, WhenAbsent::Allow)
}

fn judge_with(
    host: &str,
    origin: &str,
    site: &str,
    when_absent: WhenAbsent,
) -> Result<(), &'static str> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::HOST, host),
        (header::ORIGIN, origin),
        (SEC_FETCH_SITE, site),
    ] {
        if !value.is_empty() {
            headers.insert(name, value.parse().unwrap());
        }
    }
    let allowed = AllowedOrigins::new([LISTED]).unwrap();
    check(
        &headers,
        &Uri::from_static("/select"),
        &allowed,
        when_absent,
    )
}

#[test]
fn same_origin_decides_alone() {
    for (host, origin) in [
        ("app.example.com", "https://app.example.com"),
        ("127.0.0.1:3000", "https://app.example.com"),
        ("app.example.com", "null"),
        ("app.example.com", ""),
        ("", "https://app.example.com"),
    ] {
        assert_eq!(
            judge(host, origin, "same-origin"),
            Ok(()),
            "{host} {origin}"
        );
    }
}

#[test]
fn a_listed_origin_passes_whatever_sec_fetch_site_says() {
    for site in [
        "",
        "none",
        "same-site",
        "cross-site",
        "same-origin",
        "new-value",
    ] {
        for origin in [
            LISTED,
            "https://SPA.example.com",
            "https://spa.example.com:443",
        ] {
            assert_eq!(judge("api.example.com", origin, site), Ok(()), "{site}");
        }
    }
}

#[test]
fn what_only_looks_like_a_listed_origin_is_refused() {
    for origin in [
        "http://spa.example.com",
        "https://spa.example.com:8443",
        "https://spa.example.com.evil.test",
        "https://x.spa.example.com",
        "https://xspa.example.com",
        "https://example.com",
        "https://spa.example.com/",
        "https://spa.example.com@evil.test",
        "https://evil.test#https://spa.example.com",
        "https://spa.example.com https://evil.test",
    ] {
        assert!(judge("api.example.com", origin, "").is_err(), "{origin}");
        assert!(
            judge("api.example.com", origin, "same-site").is_err(),
            "{origin}"
        );
    }
}

#[test]
fn other_values_of_sec_fetch_site_are_refused_whatever_the_origin() {
    for site in [
        "same-site",
        "cross-site",
        "Same-Origin",
        "same-origin, none",
        "x",
    ] {
        for origin in ["", "null", "https://app.example.com"] {
            assert_eq!(
                judge("app.example.com", origin, site),
                Err("sec_fetch_site")
            );
        }
    }
}

#[test]
fn none_passes_without_origin_and_compares_with_one() {
    assert_eq!(judge("a.test", "", "none"), Ok(()));
    assert_eq!(judge_with("a.test", "", "none", WhenAbsent::Refuse), Ok(()));
    assert_eq!(judge("a.test", "https://a.test", "none"), Ok(()));
    assert_eq!(
        judge("a.test", "https://b.test", "none"),
        Err("foreign_origin")
    );
    assert_eq!(judge("a.test", "null", "none"), Err("null_origin"));
}

#[test]
fn without_both_the_caller_decides() {
    assert_eq!(judge("a.test", "", ""), Ok(()));
    assert_eq!(
        judge_with("a.test", "", "", WhenAbsent::Refuse),
        Err("no_origin")
    );
    assert_eq!(judge("a.test", "null", ""), Err("null_origin"));
}

#[test]
fn an_origin_is_compared_with_the_host() {
    for (host, origin, expected) in [
        ("app.test", "https://app.test", Ok(())),
        ("APP.test", "https://app.TEST", Ok(())),
        ("app.test", "HTTPS://app.test", Ok(())),
        ("app.test:443", "https://app.test", Ok(())),
        ("app.test", "https://app.test:443", Ok(())),
        ("app.test:8443", "https://app.test:8443", Ok(())),
        ("app.test:8443", "https://app.test", Err("foreign_origin")),
        ("app.test", "https://app.test:8443", Err("foreign_origin")),
        ("app.test:80", "https://app.test", Err("foreign_origin")),
        ("app.test", "https://x.app.test", Err("foreign_origin")),
        ("x.app.test", "https://app.test", Err("foreign_origin")),
        ("app.test", "https://app.test.evil", Err("foreign_origin")),
        ("app.test.", "https://app.test", Err("foreign_origin")),
        ("app.test", "http://app.test", Err("insecure_origin")),
        ("app.test", "app://app.test", Err("insecure_origin")),
        ("localhost:3000", "http://localhost:3000", Ok(())),
        ("localhost:80", "http://localhost", Ok(())),
        ("LocalHost", "http://localhost:80", Ok(())),
        ("acme.localhost:3000", "http://acme.localhost:3000", Ok(())),
        ("a.b.LocalHost", "http://A.B.localhost", Ok(())),
        (
            "acme.localhost:3000",
            "http://localhost:3000",
            Err("foreign_origin"),
        ),
        (
            "acmelocalhost",
            "http://acmelocalhost",
            Err("insecure_origin"),
        ),
        (
            "localhost.evil.test",
            "http://localhost.evil.test",
            Err("insecure_origin"),
        ),
        ("127.0.0.1:3000", "http://127.0.0.1:3000", Ok(())),
        (
            "127.0.0.1:3000",
            "http://localhost:3000",
            Err("foreign_origin"),
        ),
        (
            "127.0.0.1:3000",
            "http://127.0.0.1:3001",
            Err("foreign_origin"),
        ),
        ("127.0.0.1:3000", "https://app.test", Err("foreign_origin")),
        ("10.0.0.1", "http://10.0.0.1", Err("insecure_origin")),
        ("[::1]:3000", "http://[::1]:3000", Ok(())),
        ("[0:0:0:0:0:0:0:1]", "http://[::1]", Ok(())),
        ("[2001:DB8::1]", "https://[2001:db8::1]", Ok(())),
        (
            "[2001:db8::1]",
            "http://[2001:db8::1]",
            Err("insecure_origin"),
        ),
        ("[::1]:3000", "http://[::2]:3000", Err("foreign_origin")),
        ("::1", "http://[::1]", Err("malformed_host")),
        ("app.test", "https://::1", Err("malformed_origin")),
        ("app.test", "https://app.test/", Err("malformed_origin")),
        ("app.test", "https://user@app.test", Err("malformed_origin")),
        ("app.test", "https://app.test:", Err("malformed_origin")),
        (
            "app.test",
            "https://app.test:99999",
            Err("malformed_origin"),
        ),
        ("app.test", "https://app.test:+443", Err("malformed_origin")),
        ("app.test", "app.test", Err("malformed_origin")),
        ("app.test", "://app.test", Err("malformed_origin")),
        ("app.test", "NULL", Err("malformed_origin")),
        ("user@app.test", "https://app.test", Err("malformed_host")),
        ("app.test/x", "https://app.test", Err("malformed_host")),
        ("", "https://app.test", Err("no_host")),
    ] {
        assert_eq!(judge(host, origin, ""), expected, "{host} {origin}");
    }
}

#[test]
fn the_target_s_authority_is_the_host_and_must_not_contradict_the_field() {
    let judge = |uri: &'static str, host: Option<&'static str>, origin: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        if let Some(host) = host {
            headers.insert(header::HOST, HeaderValue::from_static(host));
        }
        check(
            &headers,
            &Uri::from_static(uri),
            &AllowedOrigins::default(),
            WhenAbsent::Allow,
        )
    };
    let h2 = "https://app.test/select";
    assert_eq!(judge(h2, None, "https://app.test"), Ok(()));
    assert_eq!(judge(h2, Some("APP.test:443"), "https://app.test"), Ok(()));
    assert_eq!(judge(h2, None, "https://evil.test"), Err("foreign_origin"));
    assert_eq!(
        judge(h2, Some("evil.test"), "https://evil.test"),
        Err("contradicting_hosts")
    );
    assert_eq!(
        judge(h2, Some("evil.test"), "https://app.test"),
        Err("contradicting_hosts")
    );
    assert_eq!(
        judge("https://u@app.test/", None, "https://app.test"),
        Err("malformed_host")
    );
}

#[test]
fn repeated_fields_are_refused_even_if_they_agree() {
    for (name, value, reason) in [
        (header::ORIGIN, "https://a.test", "repeated_origin"),
        (SEC_FETCH_SITE, "same-origin", "repeated_sec_fetch_site"),
        (header::HOST, "a.test", "repeated_host"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://a.test"));
        headers.insert(header::HOST, HeaderValue::from_static("a.test"));
        if name == SEC_FETCH_SITE {
            headers.insert(&name, HeaderValue::from_static("same-origin"));
        }
        headers.append(&name, HeaderValue::from_static(value));
        let verdict = check(
            &headers,
            &Uri::from_static("/"),
            &AllowedOrigins::default(),
            WhenAbsent::Allow,
        );
        assert_eq!(verdict, Err(reason));
    }
}

#[test]
fn forwarded_hosts_are_not_read() {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::ORIGIN,
        HeaderValue::from_static("https://evil.test"),
    );
    headers.insert(header::HOST, HeaderValue::from_static("app.test"));
    headers.insert("x-forwarded-host", HeaderValue::from_static("evil.test"));
    headers.insert("forwarded", HeaderValue::from_static("host=evil.test"));
    let uri = Uri::from_static("/");
    let verdict = check(
        &headers,
        &uri,
        &AllowedOrigins::default(),
        WhenAbsent::Allow,
    );
    assert_eq!(verdict, Err("foreign_origin"));
}

#[test]
fn origins_are_checked_as_they_are_configured() {
    for good in [
        "https://a.test",
        "http://localhost:5173",
        "https://[::1]:8443",
        "capacitor://localhost",
    ] {
        AllowedOrigins::new([good]).unwrap();
    }
    for bad in [
        "",
        "*",
        "null",
        "a.test",
        "https://",
        "https://a.test/",
        "https://a.test/x",
        "https://*.a.test",
        "https://é.test",
        "https://a.test:x",
        "https://u@a.test",
        "https://a.test?x",
    ] {
        let error = AllowedOrigins::new(["https://good.test", bad]).unwrap_err();
        assert!(error.to_string().contains("as browsers send it"), "{bad:?}");
    }
}

#[test]
fn a_refusal_logs_only_the_beginning_of_a_long_field() {
    let long = HeaderValue::from_bytes(&vec![0xff; 60_000]).unwrap();
    assert_eq!(beginning(&long).unwrap().len(), 128);
    let honest = HeaderValue::from_static(LISTED);
    assert_eq!(beginning(&honest).unwrap(), honest);
}
