//! Slow upstream answers, slow handlers, requests that are given up: the browser gets the answer by
//! its next request, whenever that comes.

use std::{sync::Arc, time::Duration};

use http::Response;
use tokio::{sync::Notify, task::JoinHandle};
use tower_descope::{Descope, SelectTenant, test_util::FakeDescope};

use super::{KEPT, spent};
use crate::{
    routes::{ask, routes},
    support::{
        App,
        browser::{Browser, set_cookies, untouched},
        call,
        world::{ALMOST, EXPIRY, REFRESH, early, fake, held, late},
    },
};

/// How long a call is waited for, by default.
const DEADLINE: Duration = Duration::from_secs(10);

fn send(app: &App, browser: &Browser) -> JoinHandle<Response<String>> {
    let (app, request) = (app.clone(), browser.get());
    tokio::spawn(async move { call(&app, request).await })
}

/// The browser is signed in, now and after its session's end.
async fn goes_on(fake: &FakeDescope, descope: &Descope, browser: &mut Browser) {
    for _ in 0..3 {
        assert_eq!(browser.visit(&late(descope)).await.body(), "U1@T1");
        fake.clock().advance(EXPIRY);
    }
    spent(fake);
}

#[tokio::test]
async fn an_early_renewal_slower_than_a_response_is_delivered_by_the_click_after() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = early(&descope);
    let mut browser = Browser::ann(&fake);
    assert!(untouched(&browser.visit(&app).await));
    fake.clock().advance(ALMOST);
    fake.hang_path(REFRESH, true);
    let page = send(&app, &browser);
    fake.wait_for_calls(REFRESH, 1).await;
    // The response's head waits a second for it.
    while !page.is_finished() {
        fake.clock().advance(Duration::from_millis(1_100));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let response = page.await.unwrap();
    assert_eq!(response.body(), "U1@T1");
    assert!(untouched(&response), "it came too late");
    fake.hang_path(REFRESH, false);
    descope.drain().await;
    fake.clock().advance(KEPT);
    let response = browser.visit(&app).await;
    assert_eq!(response.body(), "U1@T1");
    assert_eq!(set_cookies(response.headers()).len(), 2);
    goes_on(&fake, &descope, &mut browser).await;
}

#[tokio::test]
async fn a_request_given_up_while_its_renewal_is_under_way_ends_no_session() {
    for (wait, of_another_site) in [(EXPIRY, false), (ALMOST, false), (EXPIRY, true)] {
        let fake = fake().start().await;
        let descope = fake.descope();
        let app = early(&descope);
        let mut browser = Browser::ann(&fake);
        browser.visit(&app).await;
        fake.clock().advance(wait);
        fake.hang_path(REFRESH, true);
        // A link on another site opens a page, and the user goes elsewhere at once.
        let navigation = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let request = if of_another_site {
            browser.request(http::Method::GET, &navigation)
        } else {
            browser.get()
        };
        let service = app.clone();
        let page = tokio::spawn(async move { call(&service, request).await });
        fake.wait_for_calls(REFRESH, 1).await;
        page.abort();
        assert!(page.await.is_err());
        fake.hang_path(REFRESH, false);
        descope.drain().await;
        fake.clock().advance(KEPT);
        let response = browser.visit(&app).await;
        assert_eq!(response.body(), "U1@T1");
        assert_eq!(set_cookies(response.headers()).len(), 2);
        goes_on(&fake, &descope, &mut browser).await;
    }
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_kept_for_the_next_page() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::ann(&fake);
    browser.visit(&app).await;
    fake.clock().advance(EXPIRY);
    fake.hang_path(REFRESH, true);
    let page = send(&app, &browser);
    fake.wait_for_calls(REFRESH, 1).await;
    fake.clock().advance(DEADLINE);
    let response = page.await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert!(untouched(&response));
    // Nobody waits for a call that its caller has given up, at whatever door.
    assert_eq!(call(&app, browser.get()).await.status(), 503);
    let answer = browser.clone().refresh(&routes(&descope)).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    let select = SelectTenant::new(descope.clone());
    let response = tower::ServiceExt::oneshot(select, browser.switch("T2")).await;
    assert_eq!(response.unwrap().status(), 504);
    fake.hang_path(REFRESH, false);
    descope.drain().await;
    let response = browser.visit(&app).await;
    assert_eq!(response.body(), "U1@T1");
    assert_eq!(set_cookies(response.headers()).len(), 2, "the late answer");
    assert_eq!(fake.calls(REFRESH), 1);
    goes_on(&fake, &descope, &mut browser).await;
}

#[tokio::test]
async fn an_answer_after_the_deadline_of_a_refresh_by_script_is_kept_as_well() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let service = routes(&descope);
    let mut browser = Browser::ann(&fake);
    browser.visit(&late(&descope)).await;
    fake.hang_path(REFRESH, true);
    let refresh = {
        let (service, request) = (service.clone(), browser.sdk_request(REFRESH, "{}"));
        tokio::spawn(async move { ask(&service, request).await })
    };
    fake.wait_for_calls(REFRESH, 1).await;
    fake.clock().advance(DEADLINE);
    assert_eq!(refresh.await.unwrap().status, 503);
    fake.hang_path(REFRESH, false);
    descope.drain().await;
    fake.clock().advance(Duration::from_secs(1));
    let answer = browser.refresh(&service).await;
    assert_eq!((answer.status, answer.cookies().len()), (200, 2));
    assert_eq!(fake.calls(REFRESH), 1);
    goes_on(&fake, &descope, &mut browser).await;
}

/// A request whose session has been renewed, and whose handler does not end.
struct Held {
    fake: FakeDescope,
    descope: Descope,
    browser: Browser,
    /// Lets the handler go on.
    go_on: Arc<Notify>,
    slow: JoinHandle<Response<String>>,
}

/// The request comes `wait` after the browser's first page.
async fn renewed_and_held(wait: Duration) -> Held {
    let fake = fake().start().await;
    let descope = fake.descope();
    let (go_on, mut browser) = (Arc::new(Notify::new()), Browser::ann(&fake));
    browser.visit(&late(&descope)).await;
    fake.clock().advance(wait);
    let slow = send(&held(&descope, 60, &go_on), &browser);
    fake.wait_for_calls(REFRESH, 1).await;
    descope.drain().await;
    Held {
        fake,
        descope,
        browser,
        go_on,
        slow,
    }
}

#[tokio::test]
async fn a_page_beside_a_handler_of_ninety_seconds_is_answered_and_so_is_the_handler_s() {
    for wait in [EXPIRY, ALMOST] {
        let Held {
            fake,
            descope,
            mut browser,
            go_on,
            slow,
        } = renewed_and_held(wait).await;
        fake.clock().advance(KEPT);
        let mut other_tab = browser.clone();
        let page = other_tab.visit(&late(&descope)).await;
        assert_eq!(page.body(), "U1@T1");
        assert_eq!(set_cookies(page.headers()).len(), 2);
        fake.clock().advance(Duration::from_secs(29));
        go_on.notify_one();
        let response = slow.await.unwrap();
        assert_eq!(response.body(), "U1@T1");
        // One jar, in either order.
        for answers in [[&response, &page], [&page, &response]] {
            for answer in answers {
                browser.keep(answer.headers());
            }
        }
        goes_on(&fake, &descope, &mut browser).await;
    }
}

#[tokio::test]
async fn a_handler_that_a_proxy_gave_up_does_not_sign_the_reload_out() {
    for wait in [EXPIRY, ALMOST] {
        let Held {
            fake,
            descope,
            mut browser,
            slow,
            ..
        } = renewed_and_held(wait).await;
        fake.clock().advance(Duration::from_secs(60));
        slow.abort();
        assert!(slow.await.is_err());
        fake.clock().advance(Duration::from_secs(1));
        let reload = browser.visit(&late(&descope)).await;
        assert_eq!(reload.body(), "U1@T1");
        assert_eq!(set_cookies(reload.headers()).len(), 2);
        goes_on(&fake, &descope, &mut browser).await;
    }
}
