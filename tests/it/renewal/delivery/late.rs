//! Requests with a token whose successor the browser has shown a while ago: they waited somewhere.

use std::time::Duration;

use tower::ServiceExt;
use tower_descope::{Descope, RefreshToken, SelectTenant, test_util::FakeDescope};

use super::spent;
use crate::{
    routes::{HISTORY, LOGOUT, ME, MY_TENANTS, TRY_REFRESH, calls, routes},
    support::{
        browser::{Browser, untouched},
        call,
        world::{EXPIRY, REFRESH, early, fake, late},
    },
};

/// From then on, after delivery, Descope judges a replaced token.
const LATE_UNTIL: Duration = Duration::from_secs(15 * 60);

/// A browser's cookies before and after a renewal, of which it has just shown the latter.
async fn renewed(fake: &FakeDescope, descope: &Descope) -> [Browser; 2] {
    let mut browser = Browser::ann(fake);
    let before = browser.clone();
    fake.clock().advance(EXPIRY);
    let app = late(descope);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    assert!(untouched(&browser.visit(&app).await), "delivered");
    [before, browser]
}

#[tokio::test]
async fn within_the_keep_time_after_delivery_an_old_token_is_answered_with_the_newest() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let [mut before, browser] = renewed(&fake, &descope).await;
    fake.clock().advance(Duration::from_secs(59));
    assert_eq!(before.visit(&late(&descope)).await.body(), "U1@T1");
    assert_eq!(before, browser);
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn from_the_keep_time_until_a_quarter_of_an_hour_a_late_request_is_refused_here() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let [before, mut browser] = renewed(&fake, &descope).await;
    let (app, routes) = (late(&descope), routes(&descope));
    // 61 seconds, ten minutes, and all but fifteen.
    for seconds in [61, 539, 299] {
        fake.clock().advance(Duration::from_secs(seconds));
        descope.warm_up().await.unwrap();
        let before_calls = calls(&fake);
        let response = call(&app, before.get()).await;
        assert_eq!(response.status(), 401);
        assert!(untouched(&response));
        let select = SelectTenant::new(descope.clone());
        let response = select.oneshot(before.switch("T2")).await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(!response.headers().contains_key("set-cookie"));
        for (path, body) in [
            (REFRESH, "{}"),
            (TRY_REFRESH, "{}"),
            (ME, ""),
            (MY_TENANTS, r#"{"dct":true}"#),
            (HISTORY, ""),
        ] {
            let answer = before.clone().call(&routes, path, body).await;
            assert_eq!(answer.status, 503, "{path}: {}", answer.text);
            assert_eq!(answer.headers["retry-after"], "1", "{path}");
            assert!(answer.cookies().is_empty(), "{path}");
        }
        let token = RefreshToken::new(&*before.jar["DSR"]);
        assert!(descope.refresh(&token).await.is_err());
        assert_eq!(calls(&fake), before_calls, "nothing goes up");
    }
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1", "and goes on");
    spent(&fake);
}

#[tokio::test]
async fn a_late_request_whose_session_is_still_good_passes() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = early(&descope);
    let mut browser = Browser::ann(&fake);
    let before = browser.clone();
    let routes = routes(&descope);
    assert_eq!(browser.refresh(&routes).await.status, 200);
    assert!(untouched(&browser.visit(&app).await), "delivered");
    fake.clock().advance(Duration::from_secs(550));
    let response = call(&app, before.get()).await;
    assert_eq!(response.body(), "U1@T1");
    assert!(untouched(&response), "no early renewal");
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn after_a_quarter_of_an_hour_descope_sees_the_thief() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let [before, mut browser] = renewed(&fake, &descope).await;
    fake.clock().advance(LATE_UNTIL);
    assert_eq!(call(&late(&descope), before.get()).await.status(), 401);
    assert_eq!(fake.calls(REFRESH), 2, "it went up");
    assert_eq!(browser.visit(&late(&descope)).await.status(), 401);
}

#[tokio::test]
async fn a_late_sign_out_ends_the_session_with_its_newest_token() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let [mut before, mut browser] = renewed(&fake, &descope).await;
    fake.clock().advance(Duration::from_secs(600));
    let newest = browser.jar["DSR"].clone();
    let routes = routes(&descope);
    let answer = before.call(&routes, LOGOUT, "{}").await;
    assert_eq!((answer.status, fake.calls(LOGOUT)), (200, 1));
    assert!(before.jar.is_empty());
    // Keys are fetched meanwhile, too.
    let sent = fake.requests().into_iter().rfind(|it| it.path == LOGOUT);
    let sent = sent.unwrap();
    assert!(sent.header("authorization").unwrap().ends_with(&newest));
    assert_eq!(browser.refresh(&routes).await.status, 401);
    // Descope knows it, too.
    let elsewhere = fake.descope().refresh(&RefreshToken::new(newest)).await;
    assert!(elsewhere.unwrap_err().ends_session());
}
