//! Renewal in the layer: who is renewed, and what the response carries.

use http::{Method, StatusCode, Version};
use tower_descope::SessionToken;

use crate::{
    support::{app, call, code},
    support::{
        browser::{Browser, set_cookies, untouched},
        world::{EXPIRY, REFRESH, expired, fake, late},
    },
};

#[tokio::test]
async fn an_expired_session_is_renewed_before_the_handler_sees_the_request() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let response = browser.visit(&app).await;
    assert_eq!(response.body(), "U1@T1");
    assert!(untouched(&response));
    assert_eq!(fake.calls(REFRESH), 0, "nothing to renew");

    let before = browser.clone();
    for round in 1..=3 {
        fake.clock().advance(EXPIRY);
        let response = browser.visit(&app).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.body(), "U1@T1", "the tenant survives");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["vary"], "Authorization, Cookie");
        assert_eq!(set_cookies(response.headers()).len(), 2);
        for line in set_cookies(response.headers()) {
            for attribute in ["; HttpOnly", "; Secure", "; SameSite=Strict", "; Path=/"] {
                assert!(line.contains(attribute), "{line}");
            }
        }
        assert_eq!(fake.calls(REFRESH), round);
        assert!(
            descope
                .verify(&SessionToken::new(&browser.jar["DS"]))
                .await
                .is_ok()
        );
    }
    assert_ne!(browser.jar["DS"], before.jar["DS"]);
    assert_ne!(browser.jar["DSR"], before.jar["DSR"], "rotated");
}

#[tokio::test]
async fn a_session_cookie_that_is_gone_is_renewed_too() {
    let fake = fake().start().await;
    let app = late(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    browser.jar.remove("DS");
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
    assert!(browser.jar.contains_key("DS"));
}

#[tokio::test]
async fn without_the_setting_or_without_a_refresh_cookie_nothing_is_renewed() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(EXPIRY);
    let response = browser.visit(&app(&descope)).await;
    assert_eq!(code(&response), "expired_token");
    browser.jar.remove("DSR");
    let response = browser.visit(&late(&descope)).await;
    assert_eq!(code(&response), "expired_token");
    let response = Browser::default().visit(&late(&descope)).await;
    assert_eq!(code(&response), "missing_token");
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn fifty_requests_at_once_cost_one_call_and_all_get_its_cookies() {
    for rotation in [true, false] {
        let fake = fake().rotation(rotation).start().await;
        let app = late(&fake.descope());
        let browser = Browser::signed_in(&fake, "ann@example.test");
        fake.clock().advance(EXPIRY);
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (app, request) = (app.clone(), browser.get());
                tokio::spawn(async move { call(&app, request).await })
            })
            .collect();
        let mut cookies = Vec::new();
        for task in tasks {
            let response = task.await.unwrap();
            assert_eq!(response.body(), "U1@T1");
            cookies.push(set_cookies(response.headers()));
        }
        cookies.dedup();
        assert_eq!(cookies.len(), 1, "the same for all");
        assert_eq!(cookies[0].len(), if rotation { 2 } else { 1 });
        assert_eq!(fake.calls(REFRESH), 1);
    }
}

#[tokio::test]
async fn a_post_that_the_browser_repeats_gets_the_same_cookies() {
    let fake = fake().start().await;
    let app = late(&fake.descope());
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    fake.clock().advance(EXPIRY);
    let post = || browser.request(Method::POST, &[("origin", "https://app.example")]);
    let lost = call(&app, post()).await;
    let repeated = call(&app, post()).await;
    assert_eq!(repeated.body(), "U1@T1");
    assert_eq!(set_cookies(lost.headers()), set_cookies(repeated.headers()));
    assert_eq!(fake.calls(REFRESH), 1);
    browser.keep(repeated.headers());
    fake.clock().advance(EXPIRY);
    assert_eq!(browser.visit(&app).await.body(), "U1@T1");
}

#[tokio::test]
async fn only_this_sites_requests_and_pages_that_open_are_renewed() {
    const ORIGIN: (&str, &str) = ("origin", "https://app.example");
    const EVIL: (&str, &str) = ("origin", "https://evil.example");
    const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");
    const SIBLING: (&str, &str) = ("sec-fetch-site", "same-site");
    const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
    const PAGE: (&str, &str) = ("sec-fetch-mode", "navigate");
    const DOCUMENT: (&str, &str) = ("sec-fetch-dest", "document");
    const FRAME: (&str, &str) = ("sec-fetch-dest", "iframe");
    const LISTED: (&str, &str) = ("origin", "https://front.example");
    const UPGRADE: (&str, &str) = ("upgrade", "websocket");
    const OFFER: (&str, &str) = ("upgrade", "h2c");

    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .origins(["https://front.example"])
        .build()
        .unwrap();
    let app = late(&descope);
    let (get, post, head) = (Method::GET, Method::POST, Method::HEAD);
    for (renewed, method, fields) in [
        (true, &get, &[][..]),
        (true, &head, &[]),
        (true, &get, &[SAME]),
        (true, &get, &[SIBLING]),
        (true, &get, &[("sec-fetch-site", "none")]),
        (true, &get, &[CROSS, PAGE, DOCUMENT]),
        (true, &get, &[CROSS, LISTED]),
        (true, &post, &[SAME]),
        (true, &post, &[ORIGIN]),
        (true, &post, &[CROSS, LISTED]),
        (true, &get, &[SAME, UPGRADE]),
        (true, &get, &[CROSS, PAGE, DOCUMENT, OFFER]),
        (false, &get, &[CROSS]),
        (false, &get, &[EVIL]),
        (false, &get, &[CROSS, EVIL]),
        (false, &get, &[CROSS, PAGE, FRAME]),
        (false, &get, &[CROSS, DOCUMENT]),
        (false, &get, &[CROSS, CROSS, PAGE, DOCUMENT, DOCUMENT]),
        (false, &head, &[CROSS, PAGE, DOCUMENT]),
        (false, &get, &[CROSS, PAGE, DOCUMENT, UPGRADE]),
        (false, &get, &[CROSS, PAGE, DOCUMENT, OFFER, UPGRADE]),
        (false, &get, &[CROSS, OFFER]),
        (false, &get, &[SIBLING, UPGRADE]),
        (false, &post, &[]),
        (false, &post, &[SIBLING]),
        (false, &post, &[CROSS, PAGE, DOCUMENT]),
        (false, &post, &[EVIL]),
        (false, &post, &[("origin", "null")]),
    ] {
        let mut browser = Browser::signed_in(&fake, "ann@example.test");
        fake.clock().advance(EXPIRY);
        fake.clear_requests();
        let response = call(&app, browser.request(method.clone(), fields)).await;
        let row = format!("{method} {fields:?}");
        assert_eq!(fake.calls(REFRESH), usize::from(renewed), "{row}");
        assert_eq!(response.status().is_success(), renewed, "{row}");
        if !renewed {
            assert!(untouched(&response), "{row}");
            assert_eq!(code(&response), "expired_token", "{row}");
            assert_eq!(browser.visit(&app).await.body(), "U1@T1", "{row}");
        }
    }
}

#[tokio::test]
async fn bearers_grpc_and_preflights_are_never_renewed() {
    let fake = fake().start().await;
    let app = late(&fake.descope());
    let browser = Browser::signed_in(&fake, "ann@example.test");
    let old = expired(&fake, "U1");
    fake.clock().advance(EXPIRY);
    for credential in [
        format!("Bearer {old}"),
        "Bearer".into(),
        "DPoP x".into(),
        "Bearer x".into(),
    ] {
        let request = browser.request(Method::GET, &[("authorization", &credential)]);
        let response = call(&app, request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(untouched(&response));
    }
    let mut request = browser.request(
        Method::POST,
        &[
            ("content-type", "application/grpc"),
            ("origin", "https://app.example"),
        ],
    );
    *request.version_mut() = Version::HTTP_2;
    let response = call(&app, request).await;
    assert_eq!(response.headers()["grpc-status"], "16");
    assert!(untouched(&response));
    let preflight = browser.request(
        Method::OPTIONS,
        &[
            ("origin", "https://app.example"),
            ("access-control-request-method", "POST"),
        ],
    );
    assert!(untouched(&call(&app, preflight).await));
    assert_eq!(fake.calls(REFRESH), 0);

    // Another scheme is not ours, and leaves the cookies in force.
    let request = browser.request(Method::GET, &[("authorization", "Basic eDp5")]);
    assert_eq!(call(&app, request).await.body(), "U1@T1");
}

#[tokio::test]
async fn a_session_token_that_is_not_genuine_triggers_no_call() {
    let fake = fake().start().await;
    let app = late(&fake.descope());
    let refresh = fake.sign_in_to("ann@example.test", "T1");
    let refresh = refresh.refresh_jwt();
    let strangers = fake.session("U1").expired().signed_by_stranger().token();
    for (session, verdict) in [
        (strangers.as_str(), "invalid_token"),
        (refresh, "invalid_token"),
        // Two users at once, and another user than the refresh token's.
        (
            &format!("{}; DS={}", expired(&fake, "U1"), expired(&fake, "U2")),
            "ambiguous_credentials",
        ),
        (&expired(&fake, "U2"), "expired_token"),
    ] {
        let response = Browser::with(session, refresh).visit(&app).await;
        assert_eq!(code(&response), verdict);
        assert!(untouched(&response));
    }
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn a_refresh_token_that_is_none_changes_nothing() {
    let fake = fake().start().await;
    let app = late(&fake.descope());
    let session = expired(&fake, "U1");
    let other = fake.refresh("U2").token();
    for refresh in [
        "garbage".to_owned(),
        session.clone(),
        fake.session("U1").token(),
        fake.refresh("U1").signed_by_stranger().token(),
        format!("{}; DSR={other}", fake.refresh("U1").token()),
    ] {
        for (session, verdict) in [(session.as_str(), "expired_token"), ("", "missing_token")] {
            let response = Browser::with(session, &refresh).visit(&app).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(code(&response), verdict);
            assert!(untouched(&response));
        }
    }
    assert_eq!(fake.calls(REFRESH), 0);
}
