//! Sign-outs that Descope has not confirmed, and a Descope that asks to slow down.

use std::time::Duration;

use tower_descope::{
    Descope, RefreshToken,
    test_util::{Canned, FakeDescope},
};

use super::{Browser, LOGOUT, LOGOUT_ALL, REFRESH, fake, routes};
use crate::support::{moved_to_call, world::late};

const SECOND: Duration = Duration::from_secs(1);

/// No 503, after which the client itself asks once more.
fn failure() -> Canned {
    Canned::error(500, "E990500", "oops")
}

/// Another replica's handle is told by Descope that the token's session is over.
async fn is_over_at_descope(fake: &FakeDescope, token: &RefreshToken) -> bool {
    let elsewhere: Descope = fake.descope();
    let refreshed = elsewhere.refresh(token).await;
    refreshed.is_err_and(|error| error.ends_session())
}

#[tokio::test]
async fn a_sign_out_that_descope_did_not_confirm_is_sent_again_until_it_does() {
    for failed in [
        failure,
        || Canned::error(429, "E130429", "slow"),
        || Canned::html(403, "<h1>no</h1>"),
    ] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let routes = routes(&descope);
        let mut ann = Browser::ann(&fake);
        let token = RefreshToken::new(&*ann.jar["DSR"]);
        for _ in 0..3 {
            fake.respond_next(LOGOUT, failed());
        }
        assert_eq!(ann.call(&routes, LOGOUT, "{}").await.status, 200);
        assert!(ann.jar.is_empty());
        moved_to_call(&fake, LOGOUT, 4).await;
        descope.drain().await;
        assert!(is_over_at_descope(&fake, &token).await);
        fake.clock().advance(Duration::from_secs(3_600));
        descope.drain().await;
        assert_eq!(fake.calls(LOGOUT), 4, "it is confirmed");
    }
}

#[tokio::test]
async fn draining_sends_an_unconfirmed_sign_out_once_more_and_waits_for_no_pause() {
    for confirmed in [true, false] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let mut ann = Browser::ann(&fake);
        let token = RefreshToken::new(&*ann.jar["DSR"]);
        let failures = if confirmed { 1 } else { 2 };
        for _ in 0..failures {
            fake.respond_next(LOGOUT, failure());
        }
        ann.call(&routes(&descope), LOGOUT, "{}").await;
        // The clock stands still.
        descope.drain().await;
        assert_eq!(fake.calls(LOGOUT), 2);
        assert_eq!(is_over_at_descope(&fake, &token).await, confirmed);
    }
}

#[tokio::test]
async fn draining_waits_for_a_refresh_whose_browser_has_gone() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let mut ann = Browser::ann(&fake);
    fake.delay_path(REFRESH, Duration::from_millis(100));
    tokio::select! {
        biased;
        _ = super::ask(&routes, ann.sdk_request(REFRESH, "{}")) => panic!("it takes its time"),
        () = fake.wait_for_calls(REFRESH, 1) => {}
    }
    descope.drain().await;
    let answer = ann.refresh(&routes).await;
    assert_eq!((answer.status, fake.calls(REFRESH)), (200, 1));
}

#[tokio::test]
async fn an_unconfirmed_logoutall_stops_the_users_other_browsers_and_no_later_sign_in() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let [mut here, mut there] = [(); 2].map(|()| Browser::ann(&fake));
    for _ in 0..20 {
        fake.respond_next(LOGOUT_ALL, failure());
    }
    assert_eq!(here.call(&routes, LOGOUT_ALL, "{}").await.status, 200);
    let before = there.clone();
    assert_eq!(there.refresh(&routes).await.status, 401);
    assert_eq!(there, before, "its cookies are left alone");
    assert_eq!(fake.calls(REFRESH), 0);

    fake.clock().advance(SECOND);
    let mut new = Browser::ann(&fake);
    assert_eq!(new.refresh(&routes).await.status, 200);
    assert_eq!(new.visit(&late(&descope)).await.status(), 200);
    // From now on it would end the new session, too.
    let tried = fake.calls(LOGOUT_ALL);
    moved_to_call(&fake, LOGOUT, 1).await;
    descope.drain().await;
    assert!(
        fake.calls(LOGOUT_ALL) <= tried + 1,
        "one may have been under way"
    );
    assert_eq!(new.refresh(&routes).await.status, 200);
}

#[tokio::test]
async fn a_logoutall_that_descope_refuses_ends_no_other_of_the_user() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let [mut here, mut there, mut third] = [(); 3].map(|()| Browser::ann(&fake));
    fake.respond_next(LOGOUT_ALL, failure());
    assert_eq!(here.call(&routes, LOGOUT_ALL, "{}").await.status, 200);
    let refused = Canned::error(401, "E064001", "signed out");
    fake.respond_next(LOGOUT_ALL, refused);
    assert_eq!(there.call(&routes, LOGOUT_ALL, "{}").await.status, 200);
    assert_eq!(third.refresh(&routes).await.status, 401);
    moved_to_call(&fake, LOGOUT_ALL, 3).await;
    assert_eq!(fake.calls(LOGOUT), 0);
}

#[tokio::test]
async fn after_a_429_one_refresh_a_second_is_sent_and_nobody_loses_a_cookie() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let routes = routes(&descope);
    let mut browsers: Vec<_> = (0..41).map(|_| Browser::ann(&fake)).collect();
    let before = browsers.clone();
    let slow = || Canned::error(429, "E130429", "slow").header("retry-after", "600");
    for _ in 0..3 {
        fake.respond_next(REFRESH, slow());
    }
    for second in 0..2 {
        for browser in &mut browsers {
            let answer = browser.refresh(&routes).await;
            assert_eq!(
                (answer.status, answer.error()),
                (503, "renewal_unavailable")
            );
        }
        // The first one of all, and then one a second.
        assert_eq!(fake.calls(REFRESH), 2 + second);
        fake.clock().advance(SECOND);
    }
    assert_eq!(browsers, before);
    // The first success ends it.
    for browser in &mut browsers {
        assert_eq!(browser.refresh(&routes).await.status, 200);
    }
}
