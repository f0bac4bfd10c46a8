//! The shared state's store fails, or forgets.

use std::time::Duration;

use http::StatusCode;
use tower_descope::{ErrorKind, test_util::Canned};

use super::Replicas;
use crate::{
    routes::ME,
    support::{
        advance,
        browser::{Browser, untouched},
        call, settled,
        world::{ALMOST, EXPIRY, REFRESH, fake},
    },
};

/// Longer than a claim stands, and the quarantine after a loss of memory.
const QUARANTINE: Duration = Duration::from_secs(17);

#[tokio::test]
async fn while_the_store_is_away_good_sessions_pass_and_others_are_told_to_come_again() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.early_apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.shared.set_reachable(false);
    for pause in [Duration::ZERO, ALMOST] {
        replicas.fake.clock().advance(pause);
        let response = browser.visit(&apps[0]).await;
        assert_eq!(response.body(), "U1@T1");
        assert!(untouched(&response));
    }
    replicas.fake.clock().advance(EXPIRY);
    for app in &apps {
        for _ in 0..5 {
            let response = browser.visit(app).await;
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key("retry-after"));
            assert!(untouched(&response));
        }
    }
    let token = browser.refresh_token();
    let error = replicas.handles[0].refresh(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedStateUnavailable);
    assert!(error.is_transient() && !error.ends_session());
    assert_eq!(replicas.refreshes(), 0, "nothing goes up");
    assert!(!replicas.handles[0].shared_status().unwrap().reachable);
    replicas.shared.set_reachable(true);
    replicas.fake.clock().advance(Duration::from_secs(2));
    assert_eq!(browser.visit(&apps[1]).await.body(), "U1@T1");
    replicas.fake.clock().advance(Duration::from_secs(2));
    assert_eq!(browser.visit(&apps[0]).await.body(), "U1@T1");
    assert!(replicas.handles[0].shared_status().unwrap().reachable);
    replicas.spent();
}

#[tokio::test]
async fn a_call_under_way_when_the_store_goes_away_is_answered_and_told_later() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.fake.clock().advance(EXPIRY);
    replicas.fake.hang_path(REFRESH, true);
    let (app, request) = (apps[0].clone(), browser.get());
    let page = tokio::spawn(async move { call(&app, request).await });
    replicas.fake.wait_for_calls(REFRESH, 1).await;
    replicas.shared.set_reachable(false);
    replicas.fake.hang_path(REFRESH, false);
    assert_eq!(page.await.unwrap().body(), "U1@T1");
    replicas.shared.set_reachable(true);
    replicas.fake.clock().advance(Duration::from_secs(2));
    replicas.settle().await;
    // The answer was lost on its way to the browser.
    assert_eq!(browser.visit(&apps[1]).await.body(), "U1@T1");
    assert_eq!(replicas.spent().len(), 1);
}

#[tokio::test]
async fn a_store_that_forgot_is_not_relied_on_until_no_claim_of_before_stands() {
    let replicas = Replicas::start(3, fake()).await;
    let apps = replicas.apps();
    let mut known = Browser::ann(&replicas.fake);
    let mut unknown = Browser::ann(&replicas.fake);
    replicas.fake.clock().advance(EXPIRY);
    // One's answer is lost, and at hand at the first replica alone.
    call(&apps[0], known.get()).await;
    replicas.settle().await;
    replicas.shared.lose_memory();
    for app in &apps {
        let response = unknown.visit(app).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(untouched(&response));
    }
    assert_eq!(replicas.refreshes(), 1);
    // The first learns that the memory was lost, and publishes anew.
    advance(replicas.fake.clock(), 1).await;
    settled(&replicas.fake).await;
    replicas.settle().await;
    assert_eq!(known.visit(&apps[1]).await.body(), "U1@T1");
    assert_eq!(replicas.spent().len(), 1);
    let status = replicas.handles[0].shared_status().unwrap();
    assert!(!status.settling.is_zero(), "{status:?}");
    replicas.fake.clock().advance(QUARANTINE);
    assert_eq!(unknown.visit(&apps[2]).await.body(), "U1@T1");
    assert!(
        replicas.handles[0]
            .shared_status()
            .unwrap()
            .settling
            .is_zero()
    );
    replicas.spent();
}

#[tokio::test]
async fn a_sign_out_is_remembered_by_whoever_took_it_when_the_store_forgets() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    let token = browser.refresh_token();
    replicas.fake.fail_next(100);
    assert!(replicas.handles[0].logout(&token).await.is_err());
    replicas.fake.fail_next(0);
    replicas.settle().await;
    replicas.shared.lose_memory();
    advance(replicas.fake.clock(), 1).await;
    settled(&replicas.fake).await;
    replicas.settle().await;
    replicas.fake.clock().advance(QUARANTINE);
    browser.jar.remove("DS");
    assert_eq!(
        browser.visit(&apps[1]).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(replicas.refreshes(), 0);
}

#[tokio::test]
async fn a_sign_out_in_the_quarantine_goes_up_all_the_same() {
    let replicas = Replicas::start(2, fake()).await;
    let browser = Browser::ann(&replicas.fake);
    replicas.shared.lose_memory();
    let token = browser.refresh_token();
    replicas.handles[1].logout(&token).await.unwrap();
}

#[tokio::test]
async fn what_only_reads_is_not_sent_either_while_the_store_settles() {
    let replicas = Replicas::start(2, fake()).await;
    let browser = Browser::ann(&replicas.fake);
    let token = browser.refresh_token();
    replicas.shared.lose_memory();
    replicas.handles[0].warm_up().await.unwrap();
    let error = replicas.handles[0].me(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SharedStateUnavailable);
    assert_eq!(replicas.fake.calls(ME), 0);
    replicas.fake.clock().advance(QUARANTINE);
    assert!(replicas.handles[0].me(&token).await.is_ok());
}

#[tokio::test]
async fn a_429_is_told_to_all_replicas_within_a_second() {
    let replicas = Replicas::start(2, fake()).await;
    let tokens: Vec<_> = (0..3)
        .map(|_| Browser::ann(&replicas.fake).refresh_token())
        .collect();
    let slow_down = Canned::error(429, "E130429", "x").header("retry-after", "30");
    replicas.fake.respond_next(REFRESH, slow_down);
    let error = replicas.handles[0].refresh(&tokens[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    // One replica tells, and the other one asks.
    for _ in 0..2 {
        advance(replicas.fake.clock(), 1).await;
        settled(&replicas.fake).await;
    }
    // One call a second is made all the same; it is answered 429 as well.
    let slow_down = Canned::error(429, "E130429", "x").header("retry-after", "30");
    replicas.fake.respond_next(REFRESH, slow_down);
    let other = &replicas.handles[1];
    let error = other.refresh(&tokens[1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let error = other.refresh(&tokens[2]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert!(error.retry_after() > Some(Duration::from_secs(20)));
    assert_eq!(replicas.refreshes(), 2);
}

/// Descope wants no calls for a minute.
fn slow_down() -> Canned {
    Canned::error(429, "E130429", "x").header("retry-after", "60")
}

/// All replicas have told what they know, and been told it.
async fn all_told(replicas: &Replicas) {
    for _ in 0..2 {
        advance(replicas.fake.clock(), 1).await;
        settled(&replicas.fake).await;
    }
}

#[tokio::test]
async fn the_first_success_at_any_replica_ends_a_slow_down_for_all() {
    let replicas = Replicas::start(3, fake()).await;
    let token = || Browser::ann(&replicas.fake).refresh_token();
    // Two of them hear it of Descope itself, and one by the store.
    for handle in &replicas.handles[..2] {
        replicas.fake.respond_next(REFRESH, slow_down());
        let error = handle.refresh(&token()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
    }
    all_told(&replicas).await;
    let third = &replicas.handles[2];
    let error = third.me(&token()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    third.refresh(&token()).await.unwrap();
    third.me(&token()).await.unwrap();
    for _ in 0..3 {
        all_told(&replicas).await;
        for handle in &replicas.handles {
            handle.me(&token()).await.unwrap();
        }
    }
    // The next one is news again.
    replicas.fake.respond_next(REFRESH, slow_down());
    assert!(third.refresh(&token()).await.is_err());
    all_told(&replicas).await;
    let error = replicas.handles[0].me(&token()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn an_answer_of_another_replica_is_no_success_of_descope_s() {
    let replicas = Replicas::start(2, fake()).await;
    let token = || Browser::ann(&replicas.fake).refresh_token();
    let renewed = token();
    replicas.handles[0].refresh(&renewed).await.unwrap();
    let other = &replicas.handles[1];
    replicas.fake.respond_next(REFRESH, slow_down());
    assert!(other.refresh(&token()).await.is_err());
    other.refresh(&renewed).await.unwrap();
    let error = other.refresh(&token()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(replicas.refreshes(), 2);
}
