use super::*;

const TOKEN: &str = "eyJh.eyJi.c2ln";
const HOUR: Duration = Duration::from_secs(3600);
const INSECURE: CookieAttributes = CookieAttributes {
    insecure: true,
    ..CookieAttributes::USUAL
};

fn shown(lines: impl IntoIterator<Item = HeaderValue>) -> Vec<String> {
    lines
        .into_iter()
        .map(|line| {
            assert!(line.is_sensitive());
            line.to_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn what_is_set_is_http_only_secure_and_of_the_configured_scope() {
    let cookies = SessionCookies::new()
        .domain("Example.com")
        .path("/app")
        .same_site(SameSite::Lax);
    assert_eq!(
        shown(cookies.set_usual(CookieKind::Session, TOKEN, HOUR, CookieAttributes::USUAL)),
        [
            "DS=eyJh.eyJi.c2ln; HttpOnly; SameSite=Lax; Secure; Path=/app; Domain=example.com; \
          Max-Age=3600"
        ]
    );
    assert_eq!(
        shown(SessionCookies::host_prefixed().set_usual(
            CookieKind::Refresh,
            TOKEN,
            HOUR,
            CookieAttributes::USUAL
        )),
        ["__Host-DSR=eyJh.eyJi.c2ln; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=3600"]
    );
}

#[test]
fn secure_is_left_out_only_if_asked_for() {
    let cookies = SessionCookies::new();
    let lines = shown(cookies.set_usual(CookieKind::Session, TOKEN, HOUR, INSECURE));
    assert!(!lines[0].contains("Secure"), "{lines:?}");
    let removals = cookies.removals(INSECURE);
    assert!(shown(removals).iter().all(|line| !line.contains("Secure")));
}

#[test]
fn a_lifetime_is_a_second_at_least_and_400_days_at_most() {
    let cookies = SessionCookies::new();
    for (age, written) in [
        (Duration::ZERO, 1),
        (Duration::from_millis(1), 1),
        (Duration::from_secs(34_560_000), 34_560_000),
        (Duration::from_secs(34_560_001), 34_560_000),
        (Duration::MAX, 34_560_000),
    ] {
        for line in [
            cookies.set_usual(CookieKind::Session, TOKEN, age, CookieAttributes::USUAL),
            cookies.set_usual(CookieKind::Refresh, TOKEN, age, CookieAttributes::USUAL),
        ] {
            let line = shown(line).remove(0);
            assert!(line.ends_with(&format!("Max-Age={written}")), "{line}");
        }
    }
}

#[test]
fn name_and_value_may_have_4096_bytes_together() {
    let cookies = SessionCookies::new();
    let token = format!("a.b.{}", "c".repeat(MAX_SIZE - 6));
    cookies
        .set_usual(CookieKind::Session, &token, HOUR, CookieAttributes::USUAL)
        .unwrap();
    let error = cookies
        .set_usual(CookieKind::Refresh, &token, HOUR, CookieAttributes::USUAL)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CookieTooLarge);
    assert!(!error.to_string().contains("ccc"));
}

#[test]
fn a_compact_jwt_has_the_characters_of_base64url_and_no_others() {
    for char in (0..=0x17f).filter_map(char::from_u32) {
        let expected = char.is_ascii_alphanumeric() || char == '-' || char == '_';
        for token in [
            format!("a.{char}.b"),
            format!("a.b{char}c.d"),
            format!("a.b.{}{char}", "c".repeat(63)),
        ] {
            assert_eq!(is_compact_jwt(&token), expected, "{token:?}");
        }
    }
}

#[test]
fn only_a_compact_jwt_is_written() {
    for bad in [
        "",
        "..",
        "a.b",
        "a.b.c.d",
        "a.b.c;x",
        "a.b.\"c\"",
        "a.b.é",
        "a.b.c ",
    ] {
        let error = SessionCookies::new().set_usual(
            CookieKind::Session,
            bad,
            HOUR,
            CookieAttributes::USUAL,
        );
        assert_eq!(
            error.unwrap_err().kind(),
            ErrorKind::UpstreamInvalid,
            "{bad:?}"
        );
    }
}

#[test]
fn removals_cover_every_name_and_former_scope_with_the_attributes_of_setting() {
    let cookies = SessionCookies::host_prefixed().former_cookie_scope(Some("a.test"), "/x");
    cookies.check().unwrap();
    let removal = |name: &str, scope: &str| {
        format!(
            "{name}=; HttpOnly; SameSite=Strict; Secure; {scope}; Max-Age=0; \
             Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        )
    };
    assert_eq!(
        shown(cookies.removals(CookieAttributes::USUAL)),
        [
            removal("__Host-DS", "Path=/"),
            removal("DS", "Path=/"),
            removal("__Host-DSR", "Path=/"),
            removal("DSR", "Path=/"),
            removal("DS", "Path=/x; Domain=a.test"),
            removal("DSR", "Path=/x; Domain=a.test"),
        ]
    );
    assert_eq!(
        shown(cookies.former_removals(CookieKind::Refresh, CookieAttributes::USUAL)),
        [removal("DSR", "Path=/x; Domain=a.test")]
    );
}

#[test]
fn a_host_name_that_is_only_read_is_removed_where_it_stands() {
    let cookies = SessionCookies::new()
        .domain("a.test")
        .session_fallbacks(["__Host-DS"]);
    cookies.check().unwrap();
    let lines = shown(cookies.removals(CookieAttributes::USUAL));
    assert!(lines[0].contains("Domain=a.test"), "{lines:?}");
    assert!(lines[1].starts_with("__Host-DS=;") && !lines[1].contains("Domain"));
}

#[test]
fn an_answer_chooses_among_the_configured_names_and_scopes_only_where_it_may() {
    let cookies = SessionCookies::new()
        .session_fallbacks(["appS"])
        .domain("b.test")
        .former_cookie_scope(Some("a.test"), "/");
    let place = |cookies: &SessionCookies, name, domain| {
        let place = cookies.place(CookieKind::Session, name, domain);
        (place.name.to_owned(), place.scope.domain.clone().unwrap())
    };
    let usual = ("DS".to_owned(), "b.test".to_owned());
    assert_eq!(place(&cookies, Some("appS"), Some("a.test")), usual);

    let follows = cookies.follow_answer(true);
    for (name, domain, expected) in [
        (None, None, ("DS", "b.test")),
        (Some("appS"), None, ("appS", "b.test")),
        (Some("appS"), Some("A.test"), ("appS", "a.test")),
        (Some("evil"), Some("evil.test"), ("DS", "b.test")),
        (Some("DSR"), None, ("DS", "b.test")),
    ] {
        let (name, domain) = place(&follows, name, domain);
        assert_eq!((name.as_str(), domain.as_str()), expected);
    }
    let chosen = follows.place(CookieKind::Session, Some("appS"), Some("a.test"));
    let evicted = shown(follows.evictions(CookieKind::Session, chosen, CookieAttributes::USUAL));
    let heads: Vec<&str> = evicted
        .iter()
        .filter_map(|line| line.split(';').next())
        .collect();
    assert_eq!(heads, ["DS=", "appS=", "DS="], "{evicted:?}");
}

#[test]
fn no_response_has_more_lines_than_is_said() {
    use crate::cookie::CookieLife;

    let formerly = |cookies: SessionCookies| {
        cookies
            .former_cookie_scope(Some("a.test"), "/")
            .former_cookie_scope(None, "/app")
    };
    for (cookies, most) in [
        (SessionCookies::new(), 2),
        (SessionCookies::host_prefixed(), 4),
        (SessionCookies::host_prefixed().without_fallbacks(), 2),
        (SessionCookies::new().life(CookieLife::Chosen), 3),
        (formerly(SessionCookies::new()), 6),
        (formerly(SessionCookies::host_prefixed()), 8),
        (
            formerly(SessionCookies::new().domain("b.test")).follow_answer(true),
            6,
        ),
        (
            SessionCookies::host_prefixed()
                .same_site(SameSite::None)
                .partitioned(true),
            8,
        ),
    ] {
        cookies.check().unwrap();
        assert_eq!(cookies.most_lines(), most, "{cookies:?}");
        let removed = cookies.removals(CookieAttributes::USUAL).len();
        assert!(removed <= most, "{cookies:?}");
        for (name, domain) in [(None, None), (Some("DS"), Some("a.test"))] {
            let mut lines = Vec::new();
            let grant = crate::cookie::CookieGrant {
                session_token: TOKEN,
                refresh_token: Some(TOKEN),
                session_age: HOUR,
                refresh_age: HOUR,
                session_scope: (name, domain),
                refresh_scope: (None, domain),
            };
            grant
                .write(&cookies, CookieAttributes::USUAL, &mut lines)
                .unwrap();
            assert!(lines.len() <= most, "{cookies:?}: {lines:?}");
        }
    }
}
