use http::{HeaderMap, Request};

use super::*;
use crate::cookie::{CookieKind, CookieReader};

#[test]
fn without_fallbacks_what_other_hosts_can_set_is_not_read() {
    let planted = HeaderMap::from_iter([(
        http::header::COOKIE,
        http::HeaderValue::from_static("DS=a.b.c; DSR=d.e.f"),
    )]);
    let cookies = SessionCookies::host_prefixed();
    let read = |cookies: &SessionCookies, kind| {
        let presented = CookieReader::new(cookies).presented(&planted).unwrap();
        presented.of_kind(kind).count()
    };
    assert_eq!(read(&cookies, CookieKind::Session), 1);
    let cookies = cookies.without_fallbacks();
    cookies.check().unwrap();
    assert_eq!(read(&cookies, CookieKind::Session), 0);
    assert_eq!(read(&cookies, CookieKind::Refresh), 0);
    assert_eq!(cookies.session_names().collect::<Vec<_>>(), ["__Host-DS"]);
}

fn refused(cookies: &SessionCookies, remedy: &str) {
    let error = cookies.check().expect_err("should be refused").to_string();
    assert!(error.contains(remedy), "{error}");
}

#[test]
fn the_defaults_are_good() {
    for cookies in [SessionCookies::new(), SessionCookies::host_prefixed()] {
        cookies.check().unwrap();
    }
}

#[test]
fn a_name_used_twice_is_refused() {
    refused(
        &SessionCookies::new().session_name("DSR"),
        "different names",
    );
    refused(
        &SessionCookies::new().refresh_fallbacks(["DS"]),
        "different names",
    );
    refused(
        &SessionCookies::new().session_fallbacks(["DS"]),
        "different names",
    );
}

#[test]
fn host_names_demand_this_host_and_the_root_path() {
    let cookies = SessionCookies::host_prefixed;
    refused(&cookies().domain("example.com"), "leave out domain(..)");
    refused(&cookies().path("/app"), "leave out domain(..)");
    refused(
        &SessionCookies::new().session_name("__host-DS").path("/app"),
        "leave out domain(..)",
    );
    // A `__Host-` name that is only read does not restrict the new cookies.
    SessionCookies::new()
        .session_fallbacks(["__Host-DS"])
        .domain("example.com")
        .check()
        .unwrap();
}

#[test]
fn the_scope_in_use_is_not_a_former_one() {
    let cookies = SessionCookies::new().domain("example.com");
    refused(
        &cookies
            .clone()
            .former_cookie_scope(Some("Example.COM"), "/"),
        "had before",
    );
    cookies.former_cookie_scope(None, "/").check().unwrap();
}

#[test]
fn a_malformed_scope_is_refused_former_ones_too() {
    refused(&SessionCookies::new().domain(".example.com"), "leading dot");
    refused(&SessionCookies::new().path("app"), "start with");
    refused(
        &SessionCookies::new().former_cookie_scope(Some("a b.com"), "/"),
        "host name",
    );
}

#[test]
fn the_insecure_switch_excludes_what_demands_secure() {
    let insecure = |cookies: SessionCookies| cookies.danger_insecure_cookies_on_loopback(true);
    insecure(SessionCookies::new()).check().unwrap();
    refused(
        &insecure(SessionCookies::host_prefixed()),
        "without a prefix",
    );
    refused(
        &insecure(SessionCookies::new().session_fallbacks(["__Secure-DS"])),
        "without a prefix",
    );
    refused(
        &insecure(SessionCookies::new().same_site(SameSite::None)),
        "SameSite::Lax",
    );
}

#[test]
fn secure_is_left_out_on_loopback_only_and_only_with_the_switch() {
    let request = |host: &str| {
        let request = Request::builder().uri("/").header("host", host).body(());
        request.unwrap()
    };
    let cookies = SessionCookies::new();
    assert!(!cookies.insecure_for((&request("localhost:3000")).into()));
    let cookies = cookies.danger_insecure_cookies_on_loopback(true);
    for host in [
        "localhost:3000",
        "LOCALHOST",
        "app.localhost",
        "a.B.LOCALHOST:3000",
        "127.8.0.1",
        "[::1]:80",
    ] {
        assert!(cookies.insecure_for((&request(host)).into()), "{host}");
    }
    for host in [
        "localhost.evil.test",
        "evillocalhost",
        "128.0.0.1",
        "127.0.0.1.evil.test",
        "[::2]",
    ] {
        assert!(!cookies.insecure_for((&request(host)).into()), "{host}");
    }
}
