//! The end of a browser's session in a handler of one's own, and the token that a browser shows.

use std::time::Duration;

use http::HeaderMap;
use tower_descope::{
    Descope, ErrorKind, RefreshToken, RejectionKind,
    cookie::SessionCookies,
    sign_in::SignedOut,
    test_util::{Canned, FakeDescope, SignedIn as Login},
};

use super::lives;
use crate::{
    routes::{LOGOUT, LOGOUT_ALL, REFRESH, calls},
    support::{
        browser::{Browser, set_cookies},
        moved_to_call, settled,
        world::{fake, renamed_cookies},
    },
};

const TIMEOUT: Duration = Duration::from_secs(10);

fn login(fake: &FakeDescope, name: &str) -> Login {
    fake.sign_in_to(&format!("{name}@example.test"), "T1")
}

fn refresh_tokens<const N: usize>(fake: &FakeDescope, names: [&str; N]) -> [String; N] {
    names.map(|name| login(fake, name).refresh_jwt().to_owned())
}

/// A browser with these `DSR` cookies.
fn with_tokens(tokens: &[String]) -> Browser {
    Browser::with("", &tokens.join("; DSR="))
}

fn users(signed_out: &SignedOut) -> Vec<String> {
    let mut users: Vec<_> = signed_out.users().map(ToString::to_string).collect();
    users.sort_unstable();
    users
}

/// Receives the response of a sign-out, which removes everything.
fn receive(browser: &mut Browser, signed_out: &SignedOut) {
    let mut head = HeaderMap::new();
    signed_out.set_cookies(&mut head);
    assert_eq!(head["cache-control"], "no-store");
    browser.keep(&head);
    assert!(browser.jar.is_empty(), "{:?}", browser.jar.keys());
}

/// Whether this process gives anybody a session for a token.
async fn is_forgotten(descope: &Descope, token: &str) -> bool {
    let before = descope.refresh(&RefreshToken::new(token)).await;
    before.is_err_and(|error| error.kind() == ErrorKind::SessionEnded)
}

#[tokio::test]
async fn one_to_five_sessions_of_several_users_are_each_ended() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let names = ["ann", "bob", "ann", "bob", "ann"];
    for count in 1..=names.len() {
        fake.clear_requests();
        let tokens = refresh_tokens(&fake, names);
        let mut browser = with_tokens(&tokens[..count]);
        browser
            .jar
            .insert("DS".into(), login(&fake, "ann").session_jwt().into());
        let signed_out = descope.sign_out(&browser.headers()).await;
        let expected: &[&str] = if count == 1 { &["U1"] } else { &["U1", "U2"] };
        assert_eq!(users(&signed_out), expected, "{count}");
        assert!(signed_out.told().is_ok() && !signed_out.is_everywhere());
        receive(&mut browser, &signed_out);
        assert_eq!(fake.calls(LOGOUT), count);
        for (place, token) in tokens.iter().enumerate() {
            assert_eq!(
                lives(&fake, token).await,
                place >= count,
                "{place} of {count}"
            );
        }
    }
}

#[tokio::test]
async fn whatever_stands_beside_a_genuine_token_and_under_whichever_name_it_is_ended() {
    let fake = fake().start().await;
    let cookies = renamed_cookies().former_cookie_scope(Some("example.test"), "/");
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let [own, fallback] = refresh_tokens(&fake, ["ann", "ann"]);
    let mut browser = with_tokens(&[
        "dark-side".to_owned(),
        fake.refresh("U2").signed_by_stranger().token(),
        fake.refresh("U2").issuer("P2other").token(),
        fake.refresh("U2").expired().token(),
        fake.session("U2").token(),
        fallback.clone(),
    ]);
    browser.jar.insert("app_refresh".into(), own.clone());
    browser.jar.insert("app".into(), fake.session("U2").token());
    let signed_out = descope.sign_out(&browser.headers()).await;
    assert_eq!(users(&signed_out), ["U1"]);
    assert!(signed_out.told().is_ok(), "the others signed nobody in");
    assert_eq!(fake.calls(LOGOUT), 2);
    let mut head = HeaderMap::new();
    signed_out.set_cookies(&mut head);
    let lines = set_cookies(&head);
    for name in ["app", "app_refresh", "DS", "DSR"] {
        let of_name = lines
            .iter()
            .filter(|line| line.starts_with(&format!("{name}=;")));
        let mut domains: Vec<_> = of_name
            .map(|line| line.contains("Domain=example.test"))
            .collect();
        domains.sort_unstable();
        assert_eq!(domains, [false, true], "{name}: {lines:?}");
    }
    for token in [own, fallback] {
        assert!(!lives(&fake, &token).await);
    }
}

#[tokio::test]
async fn who_was_not_signed_in_is_signed_out_all_the_same() {
    let fake = fake().start().await;
    let descope = fake.descope();
    for mut browser in [
        Browser::default(),
        Browser::with("dark-side", "dark-side"),
        Browser::with(&fake.session("U1").token(), ""),
    ] {
        let headers = browser.headers();
        for signed_out in [
            descope.sign_out(&headers).await,
            descope.sign_out_everywhere(&headers).await,
        ] {
            assert_eq!(signed_out.users().count(), 0);
            assert!(signed_out.told().is_ok());
            assert!(!signed_out.is_everywhere(), "nobody's sessions were ended");
            receive(&mut browser, &signed_out);
        }
    }
    assert_eq!(calls(&fake), 0);
    // A bearer token is no browser's.
    let token = login(&fake, "ann").refresh_jwt().to_owned();
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}:{token}", fake.project_id());
    headers.insert("authorization", bearer.parse().unwrap());
    assert_eq!(descope.sign_out(&headers).await.users().count(), 0);
    assert_eq!(fake.calls(LOGOUT), 0);
}

#[tokio::test]
async fn what_descope_could_not_be_told_it_is_told_later_and_counts_here_at_once() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    for (status, kind) in [
        (500, ErrorKind::UpstreamUnavailable),
        (429, ErrorKind::RateLimited),
    ] {
        fake.clear_requests();
        let tokens = refresh_tokens(&fake, ["ann", "bob"]);
        let mut browser = with_tokens(&tokens);
        for _ in 0..4 {
            fake.respond_next(LOGOUT, Canned::error(status, "E990500", "oops"));
        }
        let signed_out = descope.sign_out(&browser.headers()).await;
        assert_eq!(users(&signed_out), ["U1", "U2"]);
        let error = signed_out.told().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        receive(&mut browser, &signed_out);
        for token in &tokens {
            assert!(is_forgotten(&descope, token).await);
        }
        assert_eq!(fake.calls(REFRESH), 0);
        moved_to_call(&fake, LOGOUT, 6).await;
        settled(&fake).await;
        for token in &tokens {
            assert!(!lives(&fake, token).await);
        }
    }
}

#[tokio::test]
async fn one_session_that_cannot_be_ended_holds_up_no_other_and_is_said() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let tokens = refresh_tokens(&fake, ["ann", "bob"]);
    fake.respond_next(LOGOUT, Canned::error(500, "E990500", "oops"));
    let signed_out = descope.sign_out(&with_tokens(&tokens).headers()).await;
    assert!(signed_out.told().is_err());
    let [ann, bob] = &tokens;
    let alive = [lives(&fake, ann).await, lives(&fake, bob).await];
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 1);
}

#[tokio::test]
async fn nobody_waits_longer_to_be_signed_out_than_for_one_call() {
    for (keys, descope_hangs) in [(false, true), (true, false), (true, true)] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let names = ["ann", "bob", "ann"];
        let tokens = refresh_tokens(&fake, names);
        let mut browser = with_tokens(&tokens);
        let keys_path = fake.keys_path();
        if keys {
            fake.hang_path(&keys_path, true);
        } else {
            descope.warm_up().await.unwrap();
        }
        fake.hang_path(LOGOUT, descope_hangs);
        let start = fake.clock().now();
        let leaving = {
            let (descope, headers) = (descope.clone(), browser.headers());
            tokio::spawn(async move { descope.sign_out(&headers).await })
        };
        if keys {
            fake.wait_for_key_fetches(1).await;
        } else {
            fake.wait_for_calls(LOGOUT, 3).await;
        }
        for second in 0..10 {
            settled(&fake).await;
            if leaving.is_finished() {
                break;
            }
            if second == 4 && descope_hangs {
                // The keys come in the middle of it, and then Descope does not answer.
                fake.hang_path(&keys_path, false);
            }
            fake.clock().advance(Duration::from_secs(1));
        }
        let signed_out = leaving.await.unwrap();
        let waited = fake.clock().now().duration_since(start).unwrap();
        assert!(waited <= TIMEOUT, "{waited:?}");
        assert!(signed_out.told().is_err());
        receive(&mut browser, &signed_out);
        fake.hang(false);
        fake.hang_path(&keys_path, false);
        fake.hang_path(LOGOUT, false);
        fake.clock().advance(Duration::from_secs(60));
        for token in &tokens {
            assert!(is_forgotten(&descope, token).await, "keys: {keys}");
        }
        assert_eq!(fake.calls(REFRESH), 0);
    }
}

#[tokio::test]
async fn everywhere_ends_all_sessions_of_whom_it_is_meant_for() {
    let fake = fake().start().await;
    let builder = fake.descope_builder();
    let descope = builder
        .cookies(SessionCookies::host_prefixed())
        .build()
        .unwrap();
    for host_session in [true, false] {
        let [anns, elsewhere] = refresh_tokens(&fake, ["ann", "ann"]);
        let [bobs, bob_elsewhere] = refresh_tokens(&fake, ["bob", "bob"]);
        let mut browser = with_tokens(&[bobs.clone(), anns.clone()]);
        if host_session {
            let session = login(&fake, "ann").session_jwt().to_owned();
            browser.jar.insert("__Host-DS".into(), session);
        }
        let signed_out = descope.sign_out_everywhere(&browser.headers()).await;
        assert_eq!(users(&signed_out), ["U1", "U2"]);
        assert!(signed_out.told().is_ok() && signed_out.is_everywhere());
        receive(&mut browser, &signed_out);
        for gone in [&anns, &elsewhere, &bobs] {
            assert!(!lives(&fake, gone).await);
        }
        assert_eq!(lives(&fake, &bob_elsewhere).await, host_session);
    }
}

#[tokio::test]
async fn that_descope_has_not_ended_all_is_said() {
    let fake = fake().start().await;
    let descope = fake.descope();
    descope.warm_up().await.unwrap();
    let [anns, elsewhere] = refresh_tokens(&fake, ["ann", "ann"]);
    fake.respond_next(LOGOUT_ALL, Canned::error(500, "E990500", "oops"));
    let browser = with_tokens(std::slice::from_ref(&anns));
    let signed_out = descope.sign_out_everywhere(&browser.headers()).await;
    assert!(!signed_out.is_everywhere());
    let error = signed_out.told().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamUnavailable);
    // Here it counts for the other session, too.
    assert!(is_forgotten(&descope, &elsewhere).await);
    moved_to_call(&fake, LOGOUT_ALL, 2).await;
    settled(&fake).await;
    assert!(!lives(&fake, &elsewhere).await);
}

#[tokio::test]
async fn the_token_that_a_browser_shows_is_that_of_renewals_or_the_reason_why_there_is_none() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let anns = login(&fake, "ann");
    let session = anns.session_jwt();
    let refresh = anns.refresh_jwt();
    let bobs = login(&fake, "bob").refresh_jwt().to_owned();
    let forged = fake.refresh("U1").signed_by_stranger().token();
    let expired = fake.refresh("U1").expired().token();
    let future = fake.refresh("U1").issued_at(500).token();
    let many = format!("{refresh}; x={}", "y".repeat(70_000));
    for (what, browser, expected) in [
        ("both", Browser::with(session, refresh), None),
        ("alone", Browser::with("", refresh), None),
        (
            "beside one that has expired",
            Browser::with(&fake.session("U1").expired().token(), refresh),
            None,
        ),
        (
            "nothing",
            Browser::default(),
            Some(RejectionKind::MissingToken),
        ),
        (
            "a session",
            Browser::with(session, ""),
            Some(RejectionKind::MissingToken),
        ),
        (
            "no token",
            Browser::with("", "dark-side"),
            Some(RejectionKind::MissingToken),
        ),
        (
            "forged",
            Browser::with("", &forged),
            Some(RejectionKind::InvalidToken),
        ),
        (
            "a session in its place",
            Browser::with("", session),
            Some(RejectionKind::InvalidToken),
        ),
        (
            "from the future",
            Browser::with("", &future),
            Some(RejectionKind::InvalidToken),
        ),
        (
            "expired",
            Browser::with("", &expired),
            Some(RejectionKind::ExpiredToken),
        ),
        (
            "of somebody else",
            Browser::with(session, &bobs),
            Some(RejectionKind::AmbiguousCredentials),
        ),
        (
            "two",
            with_tokens(&[refresh.to_owned(), bobs.clone()]),
            Some(RejectionKind::AmbiguousCredentials),
        ),
        (
            "too many",
            Browser::with(session, &many),
            Some(RejectionKind::HeadersTooLarge),
        ),
    ] {
        let result = descope.presented_refresh_token(&browser.headers()).await;
        match (result, expected) {
            (Ok(token), None) => assert_eq!(token.expose(), refresh, "{what}"),
            (Err(rejection), Some(kind)) => assert_eq!(rejection.kind(), kind, "{what}"),
            (result, _) => panic!("{what}: {result:?}"),
        }
    }
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}:{refresh}", fake.project_id());
    headers.insert("authorization", bearer.parse().unwrap());
    let rejection = descope.presented_refresh_token(&headers).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::MissingToken);
    fake.set_jwks_status(500);
    let headers = Browser::with(session, refresh).headers();
    let unwarmed = fake.descope();
    let rejection = unwarmed
        .presented_refresh_token(&headers)
        .await
        .unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::KeysUnavailable);
    assert!(rejection.retry_after().is_some());
    assert_eq!(calls(&fake), 0);
}
