//! Sign-outs that Descope does not hear of at once.

use std::time::Duration;

use tower_descope::{
    Descope, RefreshToken,
    test_util::{Canned, FakeDescope},
};

use super::{Browser, CALLS, LOGOUT, LOGOUT_ALL, REFRESH, ask, calls, fake, routes};
use crate::support::{
    browser::untouched,
    moved_to_call, settled,
    world::{EXPIRY, late},
};

const MINUTE: Duration = Duration::from_secs(60);

/// Descope's word on a token, from a process that knows nothing of it.
async fn lives_at_descope(fake: &FakeDescope, token: &str) -> bool {
    let elsewhere = fake.descope().refresh(&RefreshToken::new(token)).await;
    elsewhere.is_ok()
}

async fn signed_out(fake: &FakeDescope, descope: &Descope, path: &str) -> Browser {
    descope.warm_up().await.unwrap();
    let mut ann = Browser::ann(fake);
    let before = ann.clone();
    let answer = ann.call(&routes(descope), path, "{}").await;
    let expected = if path == LOGOUT_ALL {
        r#"{"everywhere":false}"#
    } else {
        "{}"
    };
    assert_eq!((answer.status, &*answer.text), (200, expected));
    assert!(ann.jar.is_empty());
    before
}

#[tokio::test]
async fn a_logout_that_descope_put_off_is_sent_again_until_it_is_confirmed() {
    // A 503 is answered by a second request at once.
    for (status, code, requests) in [(429, "E130429", 1), (503, "E990503", 2)] {
        let fake = fake().start().await;
        let descope = fake.descope();
        for _ in 0..4 * requests {
            fake.respond_next(LOGOUT, Canned::error(status, code, "later"));
        }
        let before = signed_out(&fake, &descope, LOGOUT).await;
        // Backed off: each pause is longer than the one before.
        let mut last = Duration::ZERO;
        for tries in 1..=4 {
            let pause = moved_to_call(&fake, LOGOUT, tries * requests + 1).await;
            assert!(pause >= last, "{pause:?} after {last:?}");
            last = pause;
        }
        descope.drain().await;
        assert!(!lives_at_descope(&fake, &before.jar["DSR"]).await);
        // It is confirmed: that is the end of it.
        for _ in 0..20 {
            fake.clock().advance(MINUTE);
            settled(&fake).await;
        }
        assert_eq!(fake.calls(LOGOUT), 4 * requests + 1, "{status}");
    }
}

#[tokio::test]
async fn a_logout_waits_for_as_long_as_descope_asks() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let canned = Canned::error(429, "E130429", "later").header("retry-after", "90");
    fake.respond_next(LOGOUT, canned);
    signed_out(&fake, &descope, LOGOUT).await;
    let pause = moved_to_call(&fake, LOGOUT, 2).await;
    let asked = Duration::from_secs(90);
    assert!(pause >= asked && pause < asked + MINUTE, "{pause:?}");
}

#[tokio::test]
async fn what_was_signed_out_stays_so_here_however_long_descope_does_not_confirm_it() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = routes(&descope);
    let mut other = Browser::ann(&fake);
    for _ in 0..20 {
        fake.respond_next(LOGOUT, Canned::error(429, "E130429", "later"));
    }
    let out = signed_out(&fake, &descope, LOGOUT).await;
    for hours in [0, 1, 24, 24 * 7] {
        fake.clock().advance(Duration::from_secs(hours * 3_600));
        descope.warm_up().await.unwrap();
        let answer = out.clone().refresh(&service).await;
        assert_eq!(answer.status, 401, "after {hours} hours: {}", answer.text);
        assert_eq!(fake.calls(REFRESH), 0);
    }
    // Another session of the same user is none of its business.
    assert_eq!(other.refresh(&service).await.status, 200);
    moved_to_call(&fake, LOGOUT, 21).await;
    descope.drain().await;
    assert!(!lives_at_descope(&fake, &out.jar["DSR"]).await);
    assert_eq!(other.refresh(&service).await.status, 200);
}

#[tokio::test]
async fn until_a_logout_everywhere_is_confirmed_no_older_session_of_the_user_goes_on_here() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = routes(&descope);
    let other = Browser::ann(&fake);
    let bob = Browser::signed_in(&fake, "bob@example.test");
    for _ in 0..3 {
        fake.respond_next(LOGOUT_ALL, Canned::error(503, "E990503", "later"));
    }
    signed_out(&fake, &descope, LOGOUT_ALL).await;
    let before = calls(&fake);
    for (path, body) in CALLS {
        if path.starts_with(LOGOUT) || path.ends_with("try-refresh") {
            continue;
        }
        let mut tab = other.clone();
        let answer = tab.call(&service, path, body).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(tab.jar, other.jar, "{path}: cookies are left alone");
    }
    assert_eq!(calls(&fake), before, "nothing went up");
    assert_eq!(bob.clone().refresh(&service).await.status, 200);
    fake.clock().advance(EXPIRY);
    let page = other.clone().visit(&late(&descope)).await;
    assert_eq!(page.status(), 401);
    assert!(untouched(&page));
    moved_to_call(&fake, LOGOUT_ALL, 4).await;
    descope.drain().await;
    assert!(!lives_at_descope(&fake, &other.jar["DSR"]).await);
    assert_eq!(bob.clone().refresh(&service).await.status, 200);
}

#[tokio::test]
async fn a_sign_in_after_a_logout_everywhere_is_not_ended_by_the_late_call() {
    // The new session shows itself by a page, or by its refresh.
    for by_a_page in [true, false] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let service = routes(&descope);
        let canned = Canned::error(429, "E130429", "later").header("retry-after", "90");
        fake.respond_next(LOGOUT_ALL, canned);
        let before = signed_out(&fake, &descope, LOGOUT_ALL).await;
        fake.clock().advance(Duration::from_millis(1_100));
        let mut again = Browser::ann(&fake);
        if by_a_page {
            assert_eq!(again.visit(&late(&descope)).await.body(), "U1@T1");
        } else {
            assert_eq!(again.refresh(&service).await.status, 200);
        }
        // The old session's own sign-out goes on.
        let tries = fake.calls(LOGOUT) + 1;
        moved_to_call(&fake, LOGOUT, tries).await;
        descope.drain().await;
        assert!(!lives_at_descope(&fake, &before.jar["DSR"]).await);
        for _ in 0..3 {
            fake.clock().advance(EXPIRY);
            let answer = again.refresh(&service).await;
            assert_eq!(
                answer.status, 200,
                "by a page: {by_a_page}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn a_sign_out_does_not_wait_for_a_call_that_listens_and_goes_up_with_what_it_brings() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = routes(&descope);
    let mut ann = Browser::ann(&fake);
    descope.warm_up().await.unwrap();
    let before = ann.clone();
    fake.hang_path(REFRESH, true);
    let refresh = {
        let (service, request) = (service.clone(), ann.sdk_request(REFRESH, "{}"));
        tokio::spawn(async move { ask(&service, request).await })
    };
    fake.wait_for_calls(REFRESH, 1).await;
    fake.clock().advance(Duration::from_secs(10));
    assert_eq!(refresh.await.unwrap().status, 503);
    let answer = ann.call(&service, LOGOUT, "{}").await;
    assert_eq!(answer.status, 200);
    assert!(ann.jar.is_empty());
    assert_eq!(fake.calls(LOGOUT), 0, "its turn has not come");
    fake.hang_path(REFRESH, false);
    fake.wait_for_calls(LOGOUT, 1).await;
    descope.drain().await;
    let sent = fake.requests();
    let token = |path: &str| {
        let request = sent.iter().find(|request| request.path == path).unwrap();
        request.header("authorization").unwrap().to_owned()
    };
    assert_ne!(token(REFRESH), token(LOGOUT), "the successor");
    assert_eq!(before.clone().refresh(&service).await.status, 401);
    assert!(!lives_at_descope(&fake, &before.jar["DSR"]).await);
}
