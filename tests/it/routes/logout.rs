//! Signing out, whatever else happens.

use std::time::Duration;

use tower_descope::{SessionRoutes, cookie::SessionCookies, test_util::Canned};

use super::{Browser, CALLS, LOGOUT, LOGOUT_ALL, ME, REFRESH, TRY_REFRESH, calls, fake, routes};
use crate::{
    sign_in::adopt,
    support::{
        browser::untouched,
        call, settled,
        world::{EXPIRY, late},
    },
};

#[tokio::test]
async fn logout_is_always_done_and_removes_every_name_in_every_scope() {
    let fake = fake().start().await;
    let cookies = SessionCookies::host_prefixed().former_cookie_scope(Some("example.test"), "/");
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    let routes = routes(&descope);
    for path in [LOGOUT, LOGOUT_ALL] {
        for canned in [
            None,
            Some((true, Canned::new(200))),
            Some((false, Canned::error(401, "E064001", "gone"))),
            Some((false, Canned::error(401, "E061005", "invalid"))),
            Some((false, Canned::html(403, "<h1>no</h1>"))),
            Some((false, Canned::error(500, "E990500", "oops"))),
            Some((false, Canned::error(429, "E130429", "slow"))),
        ] {
            let mut ann = Browser::ann(&fake);
            let confirmed = canned.as_ref().is_none_or(|(confirmed, _)| *confirmed);
            if let Some((_, canned)) = canned {
                fake.respond_next(path, canned);
            }
            let answer = ann.call(&routes, path, "{}").await;
            let expected = if path == LOGOUT_ALL && !confirmed {
                r#"{"everywhere":false}"#
            } else {
                "{}"
            };
            assert_eq!((answer.status, &*answer.text), (200, expected), "{path}");
            let lines = answer.cookies();
            for start in ["__Host-DS=; ", "__Host-DSR=; ", "DS=; ", "DSR=; "] {
                assert!(
                    lines.iter().any(|line| line.starts_with(start)),
                    "{start} {lines:?}"
                );
            }
            for name in ["DS=; ", "DSR=; "] {
                let former =
                    |line: &&str| line.starts_with(name) && line.contains("Domain=example.test");
                assert!(lines.iter().any(former), "{name} {lines:?}");
            }
        }
    }
    // Descope is down, or the tokens cannot be verified at all: the browser is signed out.
    let mut ann = Browser::ann(&fake);
    fake.down(true);
    assert_eq!(ann.call(&routes, LOGOUT, "{}").await.status, 200);
    assert!(ann.jar.is_empty());
    let unwarmed = SessionRoutes::new(fake.descope()).at("/v1/auth");
    let mut ann = Browser::ann(&fake);
    assert_eq!(ann.call(&unwarmed, LOGOUT, "{}").await.status, 200);
    assert!(ann.jar.is_empty());
    fake.down(false);
    // Two users' cookies, garbage, a session token in the wrong place.
    let garbage = ["garbage".to_owned(), fake.session("U1").token()];
    let both = format!(
        "{}; DSR={}",
        fake.refresh("U1").token(),
        fake.refresh("U2").token()
    );
    for token in garbage.into_iter().chain([both]) {
        let mut odd = Browser::signed_out(&fake);
        odd.jar.insert("DSR".into(), token);
        assert_eq!(odd.call(&routes, LOGOUT, "{}").await.status, 200);
        assert!(odd.jar.is_empty());
    }
}

#[tokio::test]
async fn after_logout_no_holder_of_any_token_of_the_session_signs_in_again() {
    for (path, confirmed) in [
        (LOGOUT, false),
        (LOGOUT, true),
        (LOGOUT_ALL, false),
        (LOGOUT_ALL, true),
    ] {
        no_holder_signs_in_again_after(path, confirmed).await;
    }
}

async fn no_holder_signs_in_again_after(logout: &str, confirmed: bool) {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let mut ann = Browser::ann(&fake);
    let oldest = ann.clone();
    ann.refresh(&routes).await;
    let newer = ann.clone();
    if !confirmed {
        fake.respond_next(logout, Canned::error(500, "E990500", "oops"));
    }
    // The one that signs out holds the oldest token.
    oldest.clone().call(&routes, logout, "{}").await;
    fake.clear_requests();
    for tab in [&oldest, &newer] {
        for (path, body) in CALLS {
            if path.starts_with(LOGOUT) {
                continue;
            }
            let answer = tab.clone().call(&routes, path, body).await;
            let expected = if path == TRY_REFRESH { 200 } else { 401 };
            assert_eq!(answer.status, expected, "{path}");
        }
        // The response of the sign-out removed the cookies; later ones leave them alone for a while.
        let mut late = tab.clone();
        late.refresh(&routes).await;
        assert_eq!(late.jar, tab.jar);
    }
    assert_eq!(calls(&fake), 0);
    fake.clock().advance(Duration::from_secs(900));
    for mut tab in [oldest, newer] {
        tab.refresh(&routes).await;
        assert!(tab.jar.is_empty());
    }
}

#[tokio::test]
async fn logout_during_a_refresh_ends_with_no_cookies_in_whatever_order() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let ann = Browser::ann(&fake);
    fake.hang_path(REFRESH, true);
    let spawn = |path: &'static str| {
        let (mut browser, routes) = (ann.clone(), routes.clone());
        tokio::spawn(async move { browser.call(&routes, path, "{}").await })
    };
    let refresh = spawn(REFRESH);
    fake.wait_for_calls(REFRESH, 1).await;
    let logout = spawn(LOGOUT);
    tokio::time::sleep(Duration::from_millis(50)).await;
    fake.hang_path(REFRESH, false);
    let (refresh, logout) = (refresh.await.unwrap(), logout.await.unwrap());
    assert_eq!((refresh.status, logout.status), (401, 200));
    for order in [[&refresh, &logout], [&logout, &refresh]] {
        let mut browser = ann.clone();
        for answer in order {
            browser.keep(&answer.headers);
        }
        assert!(browser.jar.is_empty());
    }
    // It went up with the successor, which nobody else has.
    assert_eq!(fake.calls(LOGOUT), 1);
    let sent = fake.requests();
    let token = |path: &str| {
        let request = sent.iter().find(|request| request.path == path).unwrap();
        request.header("authorization").unwrap().to_owned()
    };
    assert_ne!(token(REFRESH), token(LOGOUT));
}

#[tokio::test]
async fn a_poll_that_was_under_way_at_a_sign_out_does_not_touch_the_next_sign_in() {
    for (poll, body) in [(REFRESH, "{}"), (TRY_REFRESH, "{}"), (ME, "")] {
        let upstream = if poll == ME { ME } else { REFRESH };
        let fake = fake().start().await;
        let routes = routes(&fake.descope());
        let mut ann = Browser::ann(&fake);
        fake.hang_path(upstream, true);
        let polling = {
            let (mut tab, routes) = (ann.clone(), routes.clone());
            tokio::spawn(async move { tab.call(&routes, poll, body).await })
        };
        fake.wait_for_calls(upstream, 1).await;
        let signing_out = {
            let (mut tab, routes) = (ann.clone(), routes.clone());
            tokio::spawn(async move { tab.call(&routes, LOGOUT, "{}").await })
        };
        settled(&fake).await;
        fake.clock().advance(Duration::from_secs(2));
        // The same browser signs in again before either is answered, and then hears of both.
        ann = Browser::ann(&fake);
        let signed_in = ann.clone();
        fake.hang_path(upstream, false);
        let answer = signing_out.await.unwrap();
        assert_eq!(answer.status, 200, "{poll}");
        ann.keep(&polling.await.unwrap().headers);
        assert_eq!(ann.jar, signed_in.jar, "{poll}");
        assert_eq!(ann.refresh(&routes).await.status, 200, "{poll}");
    }
}

#[tokio::test]
async fn a_request_that_comes_late_after_a_sign_out_everywhere_does_not_touch_the_next_users_session()
 {
    let fake = fake().start().await;
    let descope = fake.descope();
    let (routes, app) = (routes(&descope), late(&descope));
    let ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    descope.warm_up().await.unwrap();
    let answer = ann.clone().call(&routes, LOGOUT_ALL, "{}").await;
    assert_eq!(answer.status, 200);
    // Bob has signed in in this browser, and a page of Ann's was held up on its way.
    assert!(untouched(&call(&app, ann.get()).await));

    // The same where it is Ann's other browser that Bob signs in in.
    let (mut here, mut there) = (Browser::ann(&fake), Browser::ann(&fake));
    there.refresh(&routes).await;
    here.call(&routes, LOGOUT_ALL, "{}").await;
    let bob = fake.sign_in("bob@example.test");
    let _ = adopt(&descope, &there, &bob).await.unwrap();
    fake.clock().advance(EXPIRY);
    descope.warm_up().await.unwrap();
    assert!(untouched(&call(&app, there.get()).await));
}
