//! Cookies that are written can be read again: `Set-Cookie` by the `cookie` crate, and the cookies that a browser
//! makes of it by this module.

use std::time::Duration;

use ::cookie::{Cookie, time};
use http::{HeaderMap, HeaderValue, header};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    CookieAttributes, CookieGrant, CookieKind, CookieLife, CookieReader, SameSite, SessionCookies,
};

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["DS", "DSR", "__Host-DS", "__Secure-DS", "__host-x"]).prop_map(str::to_owned),
        "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}",
    ]
}

fn settings() -> impl Strategy<Value = SessionCookies> {
    let scope = (
        proptest::option::of(select(vec!["example.com", "App.Example.com", "localhost"])),
        prop_oneof![Just("/".to_owned()), "/[a-z%20~.-]{1,8}(/[a-z]{1,4}){0,2}"],
    );
    let former = proptest::option::of(select(vec![None, Some("old.example.com")]));
    let same_site = select(vec![SameSite::Strict, SameSite::Lax, SameSite::None]);
    let life = select(vec![
        CookieLife::RefreshToken,
        CookieLife::BrowserSession,
        CookieLife::Chosen,
    ]);
    let more = (same_site, any::<bool>(), life);
    (vec(names(), 4), scope, former, more).prop_map(|(names, scope, former, more)| {
        let (same_site, partitioned, life) = more;
        let [session, refresh, old_session, old_refresh] = &names[..] else {
            unreachable!("four names");
        };
        let mut cookies = SessionCookies::new()
            .session_name(session)
            .refresh_name(refresh)
            .session_fallbacks([old_session])
            .refresh_fallbacks([old_refresh])
            .path(scope.1)
            .same_site(same_site)
            .partitioned(partitioned)
            .life(life);
        if let Some(domain) = scope.0 {
            cookies = cookies.domain(domain);
        }
        if let Some(domain) = former {
            cookies = cookies.former_cookie_scope(domain, "/former");
        }
        cookies
    })
}

fn token() -> impl Strategy<Value = String> {
    "[0-9A-Za-z_-]{1,40}\\.[0-9A-Za-z_-]{1,40}\\.[0-9A-Za-z_-]{1,40}"
}

/// Returns the cookies that a browser sends back after these lines, of which the first sets a cookie and the others
/// remove what has another name or scope. Only names matter here: the page is within every scope.
fn browser<'l>(lines: impl IntoIterator<Item = &'l HeaderValue>) -> Vec<(String, String)> {
    let mut jar: Vec<(String, String)> = Vec::new();
    for line in lines {
        let cookie = Cookie::parse(line.to_str().unwrap()).unwrap();
        let removed = cookie.max_age().is_some_and(time::Duration::is_zero);
        assert_eq!(removed, cookie.value().is_empty());
        if !removed {
            jar.push((cookie.name().to_owned(), cookie.value().to_owned()));
        }
    }
    jar
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // Settings that `check` refuses are another test's matter.
        max_global_rejects: u32::MAX,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_written_is_read_again(
        cookies in settings(),
        token in token(),
        kind in select(vec![CookieKind::Session, CookieKind::Refresh]),
        age in any::<u64>(),
        strangers in vec(("[a-zA-Z]{1,6}", "[ -:<-~]{0,12}"), 0..4),
    ) {
        prop_assume!(cookies.check().is_ok());
        let place = cookies.place(kind, None, None);
        let line = cookies.set(place, &token, Duration::from_secs(age), CookieAttributes::USUAL).unwrap();
        let cookie = Cookie::parse(line.to_str().unwrap()).unwrap();
        prop_assert_eq!(cookie.value(), &token);
        prop_assert_eq!(cookie.http_only(), Some(true));
        prop_assert_eq!(cookie.secure(), Some(true));
        prop_assert!(cookie.same_site().is_some());
        let seconds = cookie.max_age().unwrap().whole_seconds();
        prop_assert_eq!(seconds.unsigned_abs(), age.clamp(1, 34_560_000));
        prop_assert_eq!(cookie.domain(), cookies.scope.domain.as_deref());
        prop_assert_eq!(cookie.path(), Some(&*cookies.scope.path));
        prop_assert!(cookie.expires().is_none());

        // Back it comes, among the cookies of others, in the same kind and in no other.
        let evictions: Vec<_> = cookies.evictions(kind, place, CookieAttributes::USUAL).collect();
        // In another jar than the one that is written there may be an older one of the same name.
        let mut jar = browser(std::iter::once(&line).chain(&evictions));
        prop_assert_eq!(jar.len(), 1);
        let ours: Vec<&str> = cookies.session_names().chain(cookies.refresh_names()).collect();
        jar.extend(strangers.into_iter().filter(|(name, _)| !ours.contains(&name.as_str())));
        let turn = usize::from(token.len() > 20) % jar.len();
        jar.rotate_left(turn);
        let field: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(&field.join("; ")).unwrap());
        let presented = CookieReader::new(&cookies).presented(&headers).unwrap();
        let read = |kind| presented.of_kind(kind).map(|(_, value)| value).collect::<Vec<_>>();
        let other = match kind {
            CookieKind::Session => CookieKind::Refresh,
            CookieKind::Refresh => CookieKind::Session,
        };
        prop_assert_eq!(read(kind), [&*token]);
        prop_assert!(read(other).is_empty());
    }

    #[test]
    fn a_sign_out_removes_every_cookie_where_it_was_set(
        cookies in settings(),
        insecure in any::<bool>(),
        persistent in any::<bool>(),
    ) {
        prop_assume!(cookies.check().is_ok());
        prop_assume!(!(insecure && cookies.is_partitioned()));
        let attributes = CookieAttributes { insecure, persistent };
        let removals: Vec<_> = cookies
            .removals(attributes)
            .iter()
            .map(|line| {
                let cookie = Cookie::parse(line.to_str().unwrap().to_owned()).unwrap();
                assert!(cookie.value().is_empty());
                assert_eq!(cookie.max_age(), Some(time::Duration::ZERO));
                assert_eq!(cookie.secure().unwrap_or_default(), !insecure);
                identity(&cookie)
            })
            .collect();
        for (at, place) in removals.iter().enumerate() {
            prop_assert!(!removals[..at].contains(place), "twice: {place:?}");
        }
        let grant = CookieGrant {
            session_token: "a.b.c",
            refresh_token: Some("d.e.f"),
            session_age: Duration::from_secs(60),
            refresh_age: Duration::from_secs(60),
            session_scope: (None, None),
            refresh_scope: (None, None),
        };
        let mut lines = Vec::new();
        grant.write(&cookies, attributes, &mut lines).unwrap();
        // What a browser holds in the end, of these and of what it had before they were partitioned.
        let mut jar = Vec::new();
        for line in &lines {
            let cookie = Cookie::parse(line.to_str().unwrap().to_owned()).unwrap();
            let place = identity(&cookie);
            jar.retain(|held| *held != place);
            if cookie.max_age() != Some(time::Duration::ZERO) {
                prop_assert_eq!(cookie.max_age().is_some(), persistent);
                prop_assert_eq!(cookie.partitioned().unwrap_or_default(), cookies.is_partitioned());
                jar.push(place);
            }
        }
        let remembered = cookies.remembered_name().filter(|_| persistent);
        prop_assert_eq!(jar.len(), 2 + usize::from(remembered.is_some()));
        for place in jar {
            prop_assert!(removals.contains(&place), "{place:?} stays");
        }
    }
}

/// The name and attributes that tell two cookies of a browser apart.
fn identity(cookie: &Cookie<'_>) -> (String, Option<String>, Option<String>, bool) {
    (
        cookie.name().to_owned(),
        cookie.domain().map(str::to_owned),
        cookie.path().map(str::to_owned),
        cookie.partitioned().unwrap_or_default(),
    )
}
