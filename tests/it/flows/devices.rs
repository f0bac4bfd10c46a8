//! The device of a browser, of which Descope is told with flows and with refreshes.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use tower::ServiceExt;
use tower_descope::{
    Descope, SessionRoutes,
    test_util::{FakeDescope, Recorded},
};

use super::{Page, builder, fake, of};
use crate::support::{browser::Browser, settled, world};

const TRUSTED: &str = "x-descope-trusted-device-token";
const KNOWN: &str = "x-descope-known-device-token";

/// A browser that has signed in by a flow which knows its device again from now on.
async fn known(fake: &FakeDescope, descope: &Descope) -> Browser {
    let mut page = Page::new(fake, builder(descope).build().unwrap());
    page.start("trusting").await;
    page.next(json!({"email": "ann@example.test"})).await;
    let done = page.next(json!({"code": "123456"})).await;
    assert_eq!(done.status, 200, "{done:?}");
    let mut browser = Browser::signed_out(fake);
    browser.jar = page.jar;
    fake.clear_requests();
    browser
}

fn refreshed(fake: &FakeDescope) -> Recorded {
    let calls = fake.requests();
    let refresh = calls.into_iter().find(|it| it.path == "/v1/auth/refresh");
    refresh.expect("a refresh went up")
}

fn trusting() -> tower_descope::test_util::FakeDescopeBuilder {
    fake().flow("trusting", |f| {
        f.asks_login()
            .asks_code()
            .trusts_device()
            .knows_device()
            .completes()
    })
}

#[tokio::test]
async fn descope_is_told_of_the_device_with_each_renewal() {
    let fake = trusting().start().await;
    let descope = of(&fake);
    let mut browser = known(&fake, &descope).await;
    let tokens = ["__Host-DTD", "__Host-DKD"].map(|name| browser.jar[name].clone());
    browser.jar.remove("__Host-DS");
    let response = browser.visit(&world::late(&descope)).await;
    assert_eq!(response.status(), 200);
    let call = refreshed(&fake);
    assert_eq!(call.header(TRUSTED), Some(&*tokens[0]));
    assert_eq!(call.header(KNOWN), Some(&*tokens[1]));
    settled(&fake).await;
}

#[tokio::test]
async fn descope_is_told_of_the_device_with_a_pages_refresh_and_of_no_other_one() {
    let fake = trusting().start().await;
    let descope = of(&fake);
    let routes = SessionRoutes::new(descope.clone()).at("/v1/auth");
    let mut browser = known(&fake, &descope).await;
    let token = browser.jar["__Host-DTD"].clone();
    // One that anybody could have planted, and what is no token.
    browser.jar.insert("DTD".into(), "a.b.c".into());
    browser
        .jar
        .insert("__Host-DKD".into(), "not a token".into());
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/auth/refresh")
        .header("host", "app.example")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json")
        // The page's own word is not passed on.
        .header(KNOWN, "d.e.f")
        .header("cookie", browser.cookies());
    let request = request.body(Full::new(Bytes::from("{}"))).unwrap();
    let response = routes.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let call = refreshed(&fake);
    assert_eq!(call.header(TRUSTED), Some(&*token));
    assert_eq!(call.header(KNOWN), None);
    settled(&fake).await;
}
