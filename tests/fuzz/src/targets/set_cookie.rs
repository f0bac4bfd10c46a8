//! Writing cookies: whatever the settings and the token, what is written is one cookie, of the
//! scope configured, and the `cookie` crate reads it as it was meant. Text: a line each for the
//! session's name, the refresh cookie's, domain, path, former domain, token, lifetime.

use std::time::Duration;

use cookie::{Cookie, SameSite, time};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use tower_descope::{
    cookie::SessionCookies,
    internals::{self, TokenKind},
};

use super::lines;
use crate::{dice::Dice, harness::Target};

pub const TARGET: Target = Target {
    name: "set_cookie",
    make,
    check,
    slow: 1,
};

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let long = "x".repeat(dice.below(5_000));
    let token = match dice.below(8) {
        0 => "a.b.c; Domain=evil.test".to_owned(),
        1 => format!("a.b.{long}"),
        2 => "a.b.\"c\"".to_owned(),
        _ => "eyJh.eyJi.c2ln".to_owned(),
    };
    [
        dice.pick(&[
            "DS",
            "__Host-DS",
            "__Secure-DS",
            "D S",
            "DS;",
            "__HOST-x",
            "a.b",
        ]),
        dice.pick(&["DSR", "__Host-DSR", "DS", "é", "R=", "r"]),
        dice.pick(&[
            "",
            "example.com",
            "App.example.com",
            ".example.com",
            "com",
            "127.0.0.1",
            "localhost",
            "a.com; Secure",
            "a..b",
        ]),
        dice.pick(&[
            "/", "/app", "", "app", "/a;b", "/a/../b", "/%2e", "/a,b", "//x",
        ]),
        dice.pick(&["", "-", "old.example.com", "example.com"]),
        &token,
        dice.pick(&[
            "600",
            "0",
            "34560000",
            "34560001",
            "18446744073709551615",
            "x",
        ]),
    ]
    .join("\n")
    .into_bytes()
}

fn check(text: &[u8]) {
    let mut fields = lines(text).map(|line| String::from_utf8_lossy(line).into_owned());
    let mut field = || fields.next().unwrap_or_default();
    let (session, refresh, domain, path, former, token) =
        (field(), field(), field(), field(), field(), field());
    let age = field().parse().unwrap_or(0);
    let mut cookies = SessionCookies::new()
        .session_name(&session)
        .refresh_name(&refresh)
        .session_fallbacks(["oldS"])
        .path(&path);
    if !domain.is_empty() {
        cookies = cookies.domain(&domain);
    }
    if !former.is_empty() {
        let former = Some(&*former).filter(|former| *former != "-");
        cookies = cookies.former_cookie_scope(former, "/former");
    }
    if internals::check_cookies(&cookies).is_err() {
        return;
    }
    for (kind, name) in [
        (TokenKind::Session, &session),
        (TokenKind::Refresh, &refresh),
    ] {
        let written =
            internals::set_cookies(&cookies, kind, &token, Duration::from_secs(age), false);
        let Ok(lines) = written else {
            let fine = token.len() + name.len() <= 4_096 && is_jwt(&token);
            assert!(!fine, "{written:?}");
            continue;
        };
        assert!(is_jwt(&token));
        let set = read(&lines[0]);
        assert_eq!((set.name(), set.value()), (&**name, &*token));
        assert!(name.len() + token.len() <= 4_096);
        let domain = Some(domain.to_ascii_lowercase()).filter(|it| !it.is_empty());
        assert_eq!(set.domain(), domain.as_deref());
        assert_eq!(set.path(), Some(&*path));
        let seconds = set.max_age().unwrap().whole_seconds();
        assert_eq!(seconds.unsigned_abs(), age.clamp(1, 34_560_000));
        if name.to_ascii_lowercase().starts_with("__host-") {
            assert_eq!((set.domain(), set.path()), (None, Some("/")));
        }
        for line in &lines[1..] {
            let removal = read(line);
            assert_eq!(removal.value(), "");
            assert_eq!(removal.max_age(), Some(time::Duration::ZERO));
            let itself = removal.name() == name
                && removal.domain() == set.domain()
                && removal.path() == set.path();
            assert!(!itself, "what was just written is removed");
        }
        // As the browser sends it back.
        let other = if name == "x" { "y" } else { "x" };
        let mut headers = HeaderMap::new();
        let field = HeaderValue::from_str(&format!("{other}=1; {name}={token}")).unwrap();
        headers.insert(COOKIE, field);
        let found = internals::cookie_values(&cookies, kind, &headers);
        assert_eq!(found, [(name.as_str(), &*token)]);
    }
    for line in internals::removals(&cookies, true) {
        let mut attributes = line.to_str().unwrap().split("; ").skip(1);
        assert!(attributes.all(|it| it != "Secure"), "{line:?}");
    }
}

/// One line of a header that is one cookie, and a safe one.
fn read(line: &HeaderValue) -> Cookie<'_> {
    let cookie = Cookie::parse(line.to_str().unwrap()).unwrap();
    assert!(line.is_sensitive());
    assert_eq!(cookie.http_only(), Some(true));
    assert_eq!(cookie.secure(), Some(true));
    assert_eq!(cookie.same_site(), Some(SameSite::Strict));
    // Nothing smuggled in: each attribute is there once.
    for attribute in ["Domain=", "Path=", "Max-Age=", "SameSite=", "Expires="] {
        let attributes = line.to_str().unwrap().split("; ");
        let twice = attributes.filter(|it| it.starts_with(attribute)).count() > 1;
        assert!(!twice, "{line:?}");
    }
    cookie
}

fn is_jwt(token: &str) -> bool {
    let segments: Vec<&str> = token.split('.').collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    segments.len() == 3
        && segments
            .iter()
            .all(|it| !it.is_empty() && it.chars().all(plain))
}
