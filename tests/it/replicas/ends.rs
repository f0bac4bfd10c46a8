//! The end of a session over replicas.

use std::time::Duration;

use http::StatusCode;
use tower_descope::{ErrorKind, test_util::Canned};

use super::Replicas;
use crate::{
    routes::{LOGOUT, ME, routes},
    support::{
        browser::{Browser, untouched},
        call, settled,
        world::{EXPIRY, REFRESH, fake},
    },
};

#[tokio::test]
async fn who_signed_out_at_one_replica_is_let_in_by_none_and_keeps_newer_cookies() {
    let (replicas, apps, old, browser) = Replicas::renewed(3).await;
    replicas.handles[1]
        .logout(&browser.refresh_token())
        .await
        .unwrap();
    replicas.settle().await;
    // What a replica has seen is relied on for a moment.
    replicas.fake.clock().advance(Duration::from_secs(1));
    let calls = replicas.refreshes();
    for app in &apps {
        for mut browser in [old.clone(), browser.clone()] {
            browser.jar.remove("DS");
            let response = browser.visit(app).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            assert!(untouched(&response), "they may be another session's by now");
        }
    }
    assert_eq!(replicas.refreshes(), calls);
    assert_eq!(replicas.fake.calls(LOGOUT), 1);
}

#[tokio::test]
async fn a_sign_out_goes_up_with_the_newest_token_whichever_was_presented() {
    let (replicas, _, old, browser) = Replicas::renewed(2).await;
    replicas.handles[1]
        .logout(&old.refresh_token())
        .await
        .unwrap();
    let logouts = replicas.fake.requests();
    let logout = logouts.iter().find(|it| it.path == LOGOUT).unwrap();
    let credential = logout.header("authorization").unwrap();
    assert!(credential.ends_with(&browser.jar["DSR"]));
}

#[tokio::test]
async fn a_refresh_under_way_at_one_replica_brings_nobody_a_session_after_a_sign_out_at_another() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.fake.clock().advance(EXPIRY);
    replicas.fake.hang_path(REFRESH, true);
    let (app, request) = (apps[0].clone(), browser.get());
    let page = tokio::spawn(async move { call(&app, request).await });
    replicas.fake.wait_for_calls(REFRESH, 1).await;
    let (other, token) = (replicas.handles[1].clone(), browser.refresh_token());
    let logout = tokio::spawn(async move { other.logout(&token).await });
    settled(&replicas.fake).await;
    // The claim is marked by then, so that its answer is nobody's.
    replicas.fake.hang_path(REFRESH, false);
    let response = page.await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(untouched(&response));
    logout.await.unwrap().unwrap();
    replicas.settle().await;
    assert_eq!(replicas.fake.calls(LOGOUT), 1);
    for app in &apps {
        assert_eq!(browser.visit(app).await.status(), StatusCode::UNAUTHORIZED);
    }
    replicas.spent();
}

#[tokio::test]
async fn a_sign_out_that_descope_missed_holds_at_every_replica() {
    let replicas = Replicas::start(3, fake()).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.fake.fail_next(100);
    let logout = replicas.handles[0].logout(&browser.refresh_token()).await;
    assert!(logout.unwrap_err().is_transient());
    replicas.fake.fail_next(0);
    replicas.fake.clock().advance(Duration::from_secs(120));
    browser.jar.remove("DS");
    for app in &apps[1..] {
        assert_eq!(browser.visit(app).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(replicas.refreshes(), 0);
}

#[tokio::test]
async fn a_sign_out_while_the_store_is_away_is_told_to_it_when_it_is_back() {
    let replicas = Replicas::start(2, fake()).await;
    let apps = replicas.apps();
    let mut browser = Browser::ann(&replicas.fake);
    replicas.shared.set_reachable(false);
    replicas.handles[0]
        .logout(&browser.refresh_token())
        .await
        .unwrap();
    assert_eq!(replicas.fake.calls(LOGOUT), 1, "it depends on no store");
    replicas.shared.set_reachable(true);
    // It is left alone for a second after it has failed twice.
    replicas.fake.clock().advance(Duration::from_secs(2));
    replicas.settle().await;
    browser.jar.remove("DS");
    assert_eq!(
        browser.visit(&apps[1]).await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(replicas.refreshes(), 0);
}

#[tokio::test]
async fn what_descope_ended_is_asked_once_for_all_replicas() {
    let replicas = Replicas::start(3, fake()).await;
    let browser = Browser::ann(&replicas.fake);
    replicas.fake.log_out("U1");
    for handle in &replicas.handles {
        let error = handle.refresh(&browser.refresh_token()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionEnded);
        assert_eq!(error.upstream_code(), Some("E064001"));
        assert!(error.ends_session());
        replicas.settle().await;
    }
    assert_eq!(replicas.refreshes(), 1);
}

#[tokio::test]
async fn calls_that_only_read_are_made_with_the_newest_token_of_all_replicas() {
    let (replicas, _, old, browser) = Replicas::renewed(2).await;
    let user = replicas.handles[1].me(&old.refresh_token()).await.unwrap();
    assert_eq!(user.id().unwrap().as_str(), "U1");
    let requests = replicas.fake.requests();
    let me = requests.iter().find(|it| it.path == ME).unwrap();
    assert!(
        me.header("authorization")
            .unwrap()
            .ends_with(&browser.jar["DSR"])
    );
}

#[tokio::test]
async fn a_read_beside_an_exchange_at_another_replica_ends_no_session() {
    let replicas = Replicas::start(2, fake()).await;
    let mut browser = Browser::ann(&replicas.fake);
    let [one, other] = [0, 1].map(|n| routes(&replicas.handles[n]));
    // It comes to Descope after the exchange.
    let used = Canned::error(401, "E064006", "refresh token was used before");
    replicas.fake.respond_next(ME, used);
    replicas.fake.hang_path(ME, true);
    let mut page = browser.clone();
    let (asked, at) = (one.clone(), ME);
    let me = tokio::spawn(async move { page.call(&asked, at, "").await.status });
    replicas.fake.wait_for_calls(ME, 1).await;
    assert_eq!(browser.call(&other, REFRESH, "{}").await.status, 200);
    replicas.handles[1].drain().await;
    replicas.fake.hang_path(ME, false);
    assert_eq!(me.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    replicas.settle().await;
    replicas.fake.clock().advance(Duration::from_secs(1));
    for routes in [&one, &other] {
        assert_eq!(browser.call(routes, ME, "").await.status, 200);
    }
    replicas.spent();
}
