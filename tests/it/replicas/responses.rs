//! Responses that take long: what another replica did meanwhile is seen before cookies are written.

use std::{sync::Arc, time::Duration};

use http::Response;
use tokio::{sync::Notify, task::JoinHandle};
use tower_descope::TenantId;

use super::Replicas;
use crate::support::{
    browser::{Browser, untouched},
    call, settled,
    world::{EXPIRY, REFRESH, fake, held},
};

/// A page at the first replica whose handler is at work, after the browser's session was renewed.
async fn page_at_work(
    replicas: &Replicas,
    browser: &Browser,
    go_on: &Arc<Notify>,
) -> JoinHandle<Response<String>> {
    let (app, request) = (held(&replicas.handles[0], 0, go_on), browser.get());
    replicas.fake.clock().advance(EXPIRY);
    let page = tokio::spawn(async move { call(&app, request).await });
    replicas.fake.wait_for_calls(REFRESH, 1).await;
    settled(&replicas.fake).await;
    replicas.settle().await;
    page
}

#[tokio::test]
async fn a_response_of_ninety_seconds_writes_nothing_after_a_sign_out_at_another_replica() {
    let replicas = Replicas::start(2, fake()).await;
    let browser = Browser::ann(&replicas.fake);
    let go_on = Arc::new(Notify::new());
    let page = page_at_work(&replicas, &browser, &go_on).await;
    let token = browser.refresh_token();
    replicas.handles[1].logout(&token).await.unwrap();
    replicas.settle().await;
    // Somebody else signs in with the same browser, and their cookies are newer.
    replicas.fake.clock().advance(Duration::from_secs(90));
    go_on.notify_one();
    let response = page.await.unwrap();
    assert_eq!(response.body(), "U1@T1", "as whom it came");
    assert!(untouched(&response));
}

#[tokio::test]
async fn a_response_of_ninety_seconds_writes_the_session_that_another_replica_has_by_then() {
    let replicas = Replicas::start(2, fake()).await;
    let mut browser = Browser::ann(&replicas.fake);
    let go_on = Arc::new(Notify::new());
    let page = page_at_work(&replicas, &browser, &go_on).await;
    let token = browser.refresh_token();
    let tenant = TenantId::new("T2").unwrap();
    let other = &replicas.handles[1];
    let newest = other.select_tenant(&token, &tenant).await.unwrap();
    replicas.settle().await;
    replicas.fake.clock().advance(Duration::from_secs(30));
    go_on.notify_one();
    browser.keep(page.await.unwrap().headers());
    assert_eq!(browser.jar["DSR"], newest.refresh_token().unwrap().expose());
    replicas.spent();
}

#[tokio::test]
async fn a_response_that_took_long_is_written_as_it_is_while_the_store_is_away() {
    let replicas = Replicas::start(2, fake()).await;
    let browser = Browser::ann(&replicas.fake);
    let go_on = Arc::new(Notify::new());
    let page = page_at_work(&replicas, &browser, &go_on).await;
    replicas.shared.set_reachable(false);
    replicas.fake.clock().advance(Duration::from_secs(30));
    go_on.notify_one();
    assert!(!untouched(&page.await.unwrap()));
}
