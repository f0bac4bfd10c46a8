//! The same refresh token more than once: replays, races, hang-ups.

use std::time::Duration;

use http::StatusCode;
use tower_descope::SelectTenant;

use super::{Browser, PATH, ask, fake};

#[tokio::test]
async fn a_replayed_request_gets_the_same_answer_and_spends_nothing() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    let mut lost = browser.clone();
    browser.select(&service, "T2").await;
    let answer = lost.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(lost.jar, browser.jar, "the same cookies");
    assert_eq!(fake.calls(PATH), 1);
    // The answer was lost and another tenant is wanted: it goes up with the successor.
    let mut lost = Browser::in_no_tenant(&fake, "ann@example.test");
    let mut other = lost.clone();
    lost.select(&service, "T2").await;
    let answer = other.select(&service, "T1").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json["tenant"], "T1");
}

#[tokio::test]
async fn parallel_selects_of_one_browser_all_succeed_and_none_is_mixed_up() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let ann = Browser::in_no_tenant(&fake, "ann@example.test");
    let bob = Browser::in_no_tenant(&fake, "bob@example.test");
    // Ten of them are one session's: more at once are refused.
    let tasks = (0..14).map(|n| {
        let service = service.clone();
        let (mut browser, tenant, user) = match n % 3 {
            0 => (ann.clone(), "T1", "U1"),
            1 => (ann.clone(), "T2", "U1"),
            _ => (bob.clone(), "T1", "U2"),
        };
        tokio::spawn(async move {
            let answer = browser.select(&service, tenant).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            assert_eq!(answer.json["claims"]["dct"], tenant);
            assert_eq!(answer.json["user"]["userId"], user);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_loses_nothing() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    fake.hang(true);
    let request = browser.select_request(r#"{"tenant":"T2"}"#);
    let hung_up = tokio::time::timeout(Duration::from_millis(50), ask(&service, request)).await;
    assert!(hung_up.is_err());
    fake.hang(false);
    let answer = browser.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}
