//! The connections to Descope: bounded, shared, and never all in the hands of calls that hang.

use std::time::Duration;

use http::StatusCode;
use tokio::task::JoinHandle;
use tower_descope::{AccessKey, ErrorKind, ExchangeOptions, RefreshToken, test_util::FakeDescope};

use crate::support::{
    App,
    browser::Browser,
    code, settled,
    world::{EXPIRY, REFRESH, fake, late},
};

/// The longest that a caller waits, by default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Ann's sessions, each of a sign-in of its own.
fn sessions(fake: &FakeDescope, number: usize) -> Vec<Browser> {
    (0..number).map(|_| Browser::ann(fake)).collect()
}

fn visit(app: &App, browser: &Browser) -> JoinHandle<(Browser, StatusCode)> {
    let (app, mut browser) = (app.clone(), browser.clone());
    tokio::spawn(async move {
        let status = browser.visit(&app).await.status();
        (browser, status)
    })
}

/// Has all of them ask for a page at once; each must get it, with a new session.
async fn all_renewed(app: &App, browsers: Vec<Browser>) -> Vec<Browser> {
    let visits: Vec<_> = browsers.iter().map(|it| visit(app, it)).collect();
    let mut renewed = Vec::new();
    for (visit, before) in visits.into_iter().zip(&browsers) {
        let (after, status) = visit.await.unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_ne!(after, *before);
        renewed.push(after);
    }
    renewed
}

#[tokio::test]
async fn hundreds_of_sessions_that_expire_at_once_share_128_connections() {
    let fake = fake().algorithm("ES256").start().await;
    // Each waits for its turn in real time, too, which a slow machine needs more of.
    let timeout = Duration::from_secs(60);
    let descope = fake.descope_builder().timeout(timeout).build().unwrap();
    let app = late(&descope);
    let browsers = sessions(&fake, 300);
    fake.clock().advance(EXPIRY);
    all_renewed(&app, browsers).await;
    assert_eq!(fake.calls(REFRESH), 300);
    // One more fetched the keys.
    assert!(fake.connections() <= 129, "{}", fake.connections());
}

#[tokio::test]
async fn connections_are_used_again() {
    let fake = fake().start().await;
    let descope = fake.descope_builder().max_connections(4).build().unwrap();
    descope.warm_up().await.unwrap();
    let app = late(&descope);
    let mut browsers = sessions(&fake, 40);
    let before = fake.connections();
    for wave in 1..=3 {
        fake.clock().advance(EXPIRY);
        descope.warm_up().await.unwrap();
        let fetched = fake.key_fetches() - 1;
        browsers = all_renewed(&app, browsers).await;
        assert_eq!(fake.calls(REFRESH), wave * 40);
        let opened = fake.connections() - before - fetched;
        assert!(opened <= 4, "wave {wave}: {opened}");
    }
}

#[tokio::test]
async fn refreshes_that_hang_hold_up_neither_sign_outs_nor_machines_nor_reads() {
    let fake = fake()
        .access_key("K2nightlyExport", |key| key.tenant("T1", |t| t))
        .start()
        .await;
    let descope = fake.descope_builder().max_connections(4).build().unwrap();
    let app = late(&descope);
    let browsers = sessions(&fake, 5);
    let [out, read] = [Browser::ann(&fake), Browser::ann(&fake)];
    fake.clock().advance(EXPIRY);
    descope.warm_up().await.unwrap();
    fake.hang_path(REFRESH, true);
    let visits: Vec<_> = browsers.iter().map(|it| visit(&app, it)).collect();
    fake.wait_for_calls(REFRESH, 3).await;
    settled(&fake).await;
    assert_eq!(fake.calls(REFRESH), 3);

    let token = |browser: &Browser| RefreshToken::new(browser.jar["DSR"].clone());
    descope.logout(&token(&out)).await.unwrap();
    assert_eq!(fake.calls("/v1/auth/logout"), 1);
    descope.me(&token(&read)).await.unwrap();
    let (key, options) = (AccessKey::new("K2nightlyExport"), ExchangeOptions::new());
    descope.exchange_access_key(&key, &options).await.unwrap();

    fake.hang_path(REFRESH, false);
    for visit in visits {
        assert_eq!(visit.await.unwrap().1, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_renewal_that_got_no_connection_in_time_was_not_sent_and_may_be_at_once() {
    let fake = fake().start().await;
    let descope = fake.descope_builder().max_connections(2).build().unwrap();
    let app = late(&descope);
    let browsers = sessions(&fake, 2);
    fake.clock().advance(EXPIRY);
    descope.warm_up().await.unwrap();
    fake.hang_path(REFRESH, true);
    let up = visit(&app, &browsers[0]);
    fake.wait_for_calls(REFRESH, 1).await;
    let (mut waiting, waits) = (browsers[1].clone(), late(&descope));
    let in_vain = tokio::spawn(async move {
        let response = waiting.visit(&waits).await;
        (
            code(&response),
            response.headers()["retry-after"].clone(),
            waiting,
        )
    });
    settled(&fake).await;
    fake.clock().advance(TIMEOUT);
    let (code, retry_after, kept) = in_vain.await.unwrap();
    assert_eq!(
        (code, retry_after.to_str().unwrap()),
        ("renewal_unavailable", "1")
    );
    assert_eq!(kept, browsers[1]);
    assert_eq!(up.await.unwrap().1, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fake.calls(REFRESH), 1);

    // The one that is up is listened to, and holds the connection as long.
    let token = RefreshToken::new(kept.jar["DSR"].clone());
    let caller = descope.clone();
    let typed = tokio::spawn(async move { caller.refresh(&token).await.map(drop) });
    settled(&fake).await;
    fake.clock().advance(TIMEOUT);
    let error = typed.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);

    fake.hang_path(REFRESH, false);
    let mut browser = browsers[1].clone();
    assert_eq!(browser.visit(&app).await.status(), StatusCode::OK);
    assert_eq!(fake.calls(REFRESH), 2);
}
