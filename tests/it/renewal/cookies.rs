//! Renewal in the layer: the cookies that its responses carry.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response, StatusCode};
use tokio::sync::Notify;
use tower::{ServiceBuilder, ServiceExt};
use tower_descope::{RefreshToken, SelectTenant, test_util::FakeDescope};

use crate::{
    support::{app_with, call, code, seen},
    support::{
        browser::{Browser, set_cookies, untouched},
        world::{EXPIRY, REFRESH, fake, late, layer},
    },
};

#[tokio::test]
async fn the_cookies_ride_on_whatever_the_inner_service_answers() {
    let fake = fake().start().await;
    let inner = |_: Request<()>| async {
        let response = Response::builder()
            .status(500)
            .header("cache-control", "public, max-age=3600")
            .header("cdn-cache-control", "max-age=3600")
            .header("vary", "Accept")
            .header("set-cookie", "theme=dark")
            .body(String::new());
        Ok::<_, Infallible>(response.unwrap())
    };
    let service = ServiceBuilder::new()
        .layer(layer(&fake.descope(), 60))
        .service_fn(inner);
    let browser = Browser::signed_in(&fake, "ann@example.test");
    let kept = service.clone().oneshot(browser.get()).await.unwrap();
    assert_eq!(kept.headers()["cache-control"], "public, max-age=3600");

    fake.clock().advance(EXPIRY);
    let response = service.oneshot(browser.get()).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(!response.headers().contains_key("cdn-cache-control"));
    let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
    assert_eq!(vary, ["Accept", "Authorization, Cookie"]);
    let lines = set_cookies(response.headers());
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], "theme=dark");
}

#[tokio::test]
async fn what_the_inner_service_writes_into_our_cookies_is_its_word() {
    let fake = fake().start().await;
    let inner = |_: Request<()>| async {
        let response = Response::builder()
            .header("set-cookie", "DS=; Path=/; Max-Age=0")
            .header("set-cookie", "DSR=; Path=/; Max-Age=0");
        Ok::<_, Infallible>(response.body(String::new()).unwrap())
    };
    let service = ServiceBuilder::new()
        .layer(layer(&fake.descope(), 60))
        .service_fn(inner);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(EXPIRY);
    let response = service.oneshot(browser.get()).await.unwrap();
    browser.keep(response.headers());
    assert_eq!(browser, Browser::default(), "signed out");
}

#[tokio::test]
async fn a_refusal_for_want_of_a_tenant_carries_the_cookies_too() {
    let fake = fake().start().await;
    let app = app_with(layer(&fake.descope(), 60).require_tenant());
    let signed_in = fake.sign_in("ann@example.test");
    let mut browser = Browser::with(signed_in.session_jwt(), signed_in.refresh_jwt());
    fake.clock().advance(EXPIRY);
    let response = browser.visit(&app).await;
    assert_eq!(code(&response), "no_active_tenant");
    assert_eq!(set_cookies(response.headers()).len(), 2);
}

#[tokio::test]
async fn a_tenant_that_the_user_has_left_is_not_brought_back() {
    let fake = fake().start().await;
    let app = late(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.set_user("ann@example.test", |user| user.without_tenant("T1"));
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&app).await.body(), "U1@-");
    assert_eq!(set_cookies(browser.visit(&app).await.headers()).len(), 0);
}

#[tokio::test]
async fn a_tenant_that_was_selected_meanwhile_is_what_is_written() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let inner = {
        let (reached, go_on) = (reached.clone(), go_on.clone());
        move |request: Request<()>| {
            let (reached, go_on) = (reached.clone(), go_on.clone());
            async move {
                reached.notify_one();
                go_on.notified().await;
                Ok::<_, Infallible>(Response::new(seen(&request)))
            }
        }
    };
    let service = ServiceBuilder::new()
        .layer(layer(&descope, 0))
        .service_fn(inner);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(EXPIRY);
    let slow = tokio::spawn(service.oneshot(browser.get()));
    reached.notified().await;

    // The second tab has not seen the new cookies yet.
    let select = browser.switch("T2");
    let selected = SelectTenant::new(descope.clone()).oneshot(select).await;
    assert_eq!(selected.as_ref().unwrap().status(), StatusCode::OK);
    go_on.notify_one();
    let slow = slow.await.unwrap().unwrap();
    assert_eq!(slow.body(), "U1@T1", "that request began before");
    // Even if the slow response is the last to land, the browser is where the user went.
    browser.keep(selected.unwrap().headers());
    browser.keep(slow.headers());
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T2");
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T2");
}

#[tokio::test]
async fn who_signs_out_meanwhile_stays_signed_out() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let refresh = RefreshToken::new(browser.jar["DSR"].as_str());
    let inner = {
        let descope = descope.clone();
        move |_: Request<()>| {
            let (descope, refresh) = (descope.clone(), refresh.clone());
            async move {
                descope.logout(&refresh).await.unwrap();
                Ok::<_, Infallible>(Response::new(String::new()))
            }
        }
    };
    let service = ServiceBuilder::new()
        .layer(layer(&descope, 0))
        .service_fn(inner);
    fake.clock().advance(EXPIRY);
    let response = service.oneshot(browser.get()).await.unwrap();
    assert!(untouched(&response));
    // The response of a sign-out removes the cookies; later ones leave alone what came since.
    let before = browser.clone();
    assert_eq!(browser.visit(&late(&descope)).await.status(), 401);
    assert_eq!(browser, before);
    fake.clock().advance(std::time::Duration::from_secs(900));
    assert_eq!(browser.visit(&late(&descope)).await.status(), 401);
    assert_eq!(browser, Browser::default());
    assert_eq!(fake.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_session_shorter_than_the_keep_time_is_never_answered_expired() {
    let ttl = std::time::Duration::from_secs(20);
    let fake = fake().session_ttl(ttl).start().await;
    let app = late(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(ttl * 2);
    let lost = call(&app, browser.get()).await;
    assert_eq!(lost.status(), StatusCode::OK);
    // The answer never arrived; what is kept of it has expired, its successor has not.
    fake.clock().advance(ttl * 2);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    assert_eq!(fake.calls(REFRESH), 2);
    assert!(untouched(&browser.visit(&app).await));
}

#[tokio::test]
async fn cookies_lose_secure_only_for_loopback_and_only_if_asked_for() {
    let fake = FakeDescope::builder()
        .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
        .start()
        .await;
    let cookies =
        tower_descope::cookie::SessionCookies::new().danger_insecure_cookies_on_loopback(true);
    let descope = fake.descope_builder().cookies(cookies).build().unwrap();
    for (host, secure) in [("localhost:3000", false), ("app.example", true)] {
        let browser = Browser::signed_in(&fake, "ann@example.test");
        fake.clock().advance(EXPIRY);
        let mut request = browser.get();
        request.headers_mut().insert("host", host.parse().unwrap());
        let response = call(&late(&descope), request).await;
        for line in set_cookies(response.headers()) {
            assert_eq!(line.contains("Secure"), secure, "{line}");
        }
        assert!(!untouched(&response));
    }
}
