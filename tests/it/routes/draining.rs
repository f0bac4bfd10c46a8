//! `Descope::drain`: what is waited for before the process ends.

use std::time::Duration;

use tower_descope::{
    RefreshToken, SessionRoutes,
    test_util::{Canned, FakeDescope},
};

use super::{Browser, LOGOUT, REFRESH, ask, fake, routes};

#[tokio::test]
async fn draining_waits_for_a_refresh_that_nobody_waits_for() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = routes(&descope);
    let mut ann = Browser::ann(&fake);
    fake.hang_path(REFRESH, true);
    let refresh = {
        let (service, request) = (service.clone(), ann.sdk_request(REFRESH, "{}"));
        tokio::spawn(async move { ask(&service, request).await })
    };
    fake.wait_for_calls(REFRESH, 1).await;
    refresh.abort();
    assert!(refresh.await.is_err());
    let drained = tokio::spawn({
        let descope = descope.clone();
        async move { descope.drain().await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!drained.is_finished());
    fake.hang_path(REFRESH, false);
    drained.await.unwrap();
    // What it brought is there.
    assert_eq!(ann.refresh(&service).await.status, 200);
    assert_eq!(fake.calls(REFRESH), 1);
    descope.drain().await;
}

#[tokio::test]
async fn draining_sends_a_sign_out_that_descope_has_not_confirmed_once_more() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = routes(&descope);
    let ann = Browser::ann(&fake);
    // A pause of ten minutes is under way.
    let canned = Canned::error(429, "E130429", "later").header("retry-after", "600");
    fake.respond_next(LOGOUT, canned);
    assert_eq!(ann.clone().call(&service, LOGOUT, "{}").await.status, 200);
    assert_eq!(fake.calls(LOGOUT), 1);
    descope.drain().await;
    assert_eq!(fake.calls(LOGOUT), 2);
    let token = RefreshToken::new(&*ann.jar["DSR"]);
    assert!(fake.descope().refresh(&token).await.is_err());
    // One that fails again is not waited for.
    let ann = Browser::ann(&fake);
    for _ in 0..2 {
        fake.respond_next(LOGOUT, Canned::error(429, "E130429", "later"));
    }
    assert_eq!(ann.clone().call(&service, LOGOUT, "{}").await.status, 200);
    descope.drain().await;
    assert_eq!(fake.calls(LOGOUT), 4);
}

/// Somebody's refresh, of which only the call is left.
async fn refresh_that_hangs(fake: &FakeDescope, service: &SessionRoutes, calls: usize) {
    let request = Browser::ann(fake).sdk_request(REFRESH, "{}");
    let service = service.clone();
    let refresh = tokio::spawn(async move { ask(&service, request).await });
    fake.wait_for_calls(REFRESH, calls).await;
    refresh.abort();
    assert!(refresh.await.is_err());
}

#[tokio::test]
async fn draining_gives_up_after_a_minute_or_earlier_where_it_is_told_to() {
    for (limit, patience) in [(Some(5), 5), (Some(600), 60), (None, 60)] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let service = routes(&descope);
        fake.hang_path(REFRESH, true);
        refresh_that_hangs(&fake, &service, 1).await;
        let drained = tokio::spawn(async move {
            match limit {
                Some(limit) => descope.drain_within(Duration::from_secs(limit)).await,
                None => descope.drain().await,
            }
        });
        tokio::task::yield_now().await;
        fake.clock().advance(Duration::from_secs(patience - 1));
        // A call is listened to for a minute, so this one outlives the limit.
        refresh_that_hangs(&fake, &service, 2).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!drained.is_finished(), "{limit:?}");
        fake.clock().advance(Duration::from_secs(1));
        drained.await.unwrap();
    }
}
