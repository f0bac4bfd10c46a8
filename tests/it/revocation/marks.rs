//! Marks that somebody makes.

use std::time::Duration;

use http::StatusCode;
use tower_descope::{
    AccessKey, AccessKeys, Descope, ErrorKind, Mark, RejectionKind, SessionToken, TenantId,
    TenantLayer,
    test_util::{Canned, FakeDescope},
};

use super::{handle, revocation, user, world};
use crate::support::{
    app_with,
    browser::{Browser, set_cookies, untouched},
    call, challenge, code, with_bearer,
    world::{EXPIRY, REFRESH, late},
};

const EXCHANGE: &str = "/v1/auth/accesskey/exchange";

#[tokio::test]
async fn a_revoked_session_is_refused_and_its_refusal_says_so() {
    let (fake, descope) = world().await;
    let app = app_with(TenantLayer::new(descope.clone()));
    let ann = Browser::ann(&fake);
    assert_eq!(call(&app, ann.get()).await.status(), StatusCode::OK);
    descope.revoke(user("U1")).await.unwrap();
    // By cookie, and as a bearer token; cached and verified anew.
    let bearer = format!("Bearer {}", ann.jar["DS"]);
    let by_header = Browser::default().request(http::Method::GET, &[("authorization", &bearer)]);
    for request in [ann.get(), by_header, Browser::ann(&fake).get()] {
        let response = call(&app, request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(code(&response), "session_revoked");
        let challenge = challenge(response.headers()).unwrap();
        assert!(
            challenge.contains(r#"error="invalid_token""#),
            "{challenge}"
        );
        assert!(untouched(&response));
    }
    let bob = Browser::signed_in(&fake, "bob@example.test");
    assert_eq!(call(&app, bob.get()).await.status(), StatusCode::OK);
    fake.clock().advance(Duration::from_secs(1));
    let later = Browser::ann(&fake);
    assert_eq!(call(&app, later.get()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_user_who_may_stay_gets_new_claims_in_one_call_and_one_who_may_not_loses_the_cookies() {
    let (fake, descope) = world().await;
    let app = late(&descope);
    let (mut ann, mut bob) = (
        Browser::ann(&fake),
        Browser::signed_in(&fake, "bob@example.test"),
    );
    fake.clock().advance(Duration::from_secs(5));
    for id in ["U1", "U2"] {
        descope.revoke(user(id)).await.unwrap();
    }
    fake.clock().advance(Duration::from_secs(5));
    fake.log_out("U2");
    for visit in 0..3 {
        assert_eq!(ann.visit(&app).await.status(), StatusCode::OK, "{visit}");
    }
    assert_eq!(fake.calls(REFRESH), 1);
    let response = bob.visit(&app).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(set_cookies(response.headers()).len(), 2, "they are removed");
    assert!(bob.jar.is_empty());
    assert_eq!(fake.calls(REFRESH), 2);
}

#[tokio::test]
async fn an_answer_that_was_kept_from_before_the_mark_is_nobodys() {
    let (fake, descope) = world().await;
    let app = late(&descope);
    let ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    // Its answer is lost: the browser has the old cookies.
    ann.clone().visit(&app).await;
    fake.clock().advance(Duration::from_secs(5));
    descope.revoke(user("U1")).await.unwrap();
    fake.clock().advance(Duration::from_secs(5));
    let mut late_again = ann.clone();
    assert_eq!(late_again.visit(&app).await.status(), StatusCode::OK);
    assert_eq!(fake.calls(REFRESH), 2, "what was kept is refused by now");
    assert_eq!(late_again.visit(&app).await.status(), StatusCode::OK);
    assert_eq!(fake.calls(REFRESH), 2);
}

#[tokio::test]
async fn a_session_that_is_renewed_in_the_second_of_the_mark_serves_its_request() {
    let (fake, descope) = world().await;
    let app = late(&descope);
    let mut ann = Browser::ann(&fake);
    // Descope is asked after the mark, in the same second, and lets her stay.
    descope.revoke(user("U1")).await.unwrap();
    assert_eq!(ann.visit(&app).await.status(), StatusCode::OK);
    assert_eq!(fake.calls(REFRESH), 1);
    fake.clock().advance(Duration::from_secs(2));
    // Of its token alone nobody can tell, so that it is renewed once more.
    assert_eq!(ann.visit(&app).await.status(), StatusCode::OK);
    assert_eq!(ann.visit(&app).await.status(), StatusCode::OK);
    assert_eq!(fake.calls(REFRESH), 2);
}

#[tokio::test]
async fn one_session_a_tenant_and_everybody() {
    let (fake, descope) = world().await;
    let app = app_with(TenantLayer::new(descope.clone()));
    let (ann, bob) = (
        Browser::ann(&fake),
        Browser::signed_in(&fake, "bob@example.test"),
    );
    fake.clock().advance(Duration::from_secs(1));
    let other_device = Browser::ann(&fake);
    let status = async |browser: &Browser| call(&app, browser.get()).await.status();
    let token = SessionToken::new(&*ann.jar["DS"]);
    descope.revoke(Mark::session_token(&token)).await.unwrap();
    assert_eq!(status(&ann).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&other_device).await, StatusCode::OK);
    // Listed, and not selected.
    let tenant = TenantId::new("T2").unwrap();
    descope.revoke(Mark::tenant(&tenant)).await.unwrap();
    assert_eq!(status(&other_device).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&bob).await, StatusCode::OK);
    descope.revoke(Mark::everybody()).await.unwrap();
    assert_eq!(status(&bob).await, StatusCode::UNAUTHORIZED);
    assert_eq!(descope.revocation_status().unwrap().marks, 3);
    fake.clock().advance(Duration::from_secs(1));
    assert_eq!(status(&Browser::ann(&fake)).await, StatusCode::OK);
}

#[tokio::test]
async fn an_optional_session_that_was_revoked_is_none() {
    use axum::{Router, routing::get};
    use tower::ServiceExt;
    use tower_descope::Session;

    let (fake, descope) = world().await;
    let app = Router::new()
        .route(
            "/",
            get(async |session: Option<Session>| session.is_some().to_string()),
        )
        .layer(TenantLayer::new(descope.clone()).optional());
    let ann = Browser::ann(&fake);
    for seen in ["true", "false"] {
        let request = ann.get().map(|()| axum::body::Body::empty());
        let response = app.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 9).await.unwrap();
        assert_eq!(body, seen);
        descope.revoke(user("U1")).await.unwrap();
    }
}

/// A project that takes an access key, and its handle.
async fn with_key() -> (FakeDescope, Descope, AccessKey) {
    let fake =
        FakeDescope::builder().access_key("K2nightlyExportOfTheDay", |key| key.id("K2night"));
    let (fake, _) = handle(fake).await;
    let builder = fake.descope_builder().revocation(revocation());
    let keys = AccessKeys::new().any_shape();
    let descope = builder.access_keys(keys).build().unwrap();
    (fake, descope, AccessKey::new("K2nightlyExportOfTheDay"))
}

#[tokio::test]
async fn a_machine_whose_session_was_revoked_is_exchanged_once_more() {
    let (fake, descope, key) = with_key().await;
    let exchanges = || fake.calls(EXCHANGE);
    descope.verify_access_key(&key).await.unwrap();
    descope.revoke(user("K2night")).await.unwrap();
    fake.clock().advance(Duration::from_secs(1));
    for _ in 0..2 {
        descope.verify_access_key(&key).await.unwrap();
        assert_eq!(exchanges(), 2);
    }
    // Within the second of the mark, and though this clock is ahead of Descope's.
    let app = app_with(TenantLayer::new(descope.clone()));
    for mark in [user("K2night"), Mark::everybody()] {
        let before = exchanges();
        descope.revoke(mark).await.unwrap();
        fake.clock().advance(Duration::from_millis(10));
        for _ in 0..3 {
            let response = with_bearer(&app, "K2nightlyExportOfTheDay").await;
            assert_eq!(response.status(), StatusCode::OK);
        }
        assert_eq!(exchanges(), before + 1);
    }
}

#[tokio::test]
async fn a_session_that_a_machine_waits_for_is_refused_by_a_mark_that_is_made_meanwhile() {
    let (fake, descope, key) = with_key().await;
    fake.hang_path(EXCHANGE, true);
    let verify = || {
        let (descope, key) = (descope.clone(), key.clone());
        tokio::spawn(async move { descope.verify_access_key(&key).await })
    };
    let waiting = [verify(), verify()];
    fake.wait_for_calls(EXCHANGE, 1).await;
    fake.clock().advance(Duration::from_millis(10));
    descope.revoke(user("K2night")).await.unwrap();
    // Descope knows by now, too.
    fake.respond_next(EXCHANGE, Canned::error(401, "E062504", "no such key"));
    fake.hang_path(EXCHANGE, false);
    for verdict in waiting {
        assert!(verdict.await.unwrap().is_err());
    }
    assert_eq!(fake.calls(EXCHANGE), 2);
}

#[tokio::test]
async fn nothing_is_revoked_where_it_is_off_and_no_text_is_a_session() {
    let (_, descope) = world().await;
    let off = FakeDescope::start().await.descope();
    let error = off.revoke(user("U1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("DescopeBuilder::revocation"));
    assert!(off.revocation_status().is_none());
    for text in ["", "a.b", "a.!.c", "a.b.c.d"] {
        let mark = Mark::session_token(&SessionToken::new(text));
        let error = descope.revoke(mark).await.unwrap_err();
        assert!(error.to_string().contains("no session token"), "{error}");
    }
    let token = SessionToken::new("eyJ.eyJzdWIiOiJVMSJ9.sig");
    assert!(!format!("{:?}", Mark::session_token(&token)).contains("U1"));
}

#[tokio::test]
async fn a_revoked_session_outside_of_requests_is_refused_too() {
    let (fake, descope) = world().await;
    let token = SessionToken::new(fake.session("U1").token());
    let visitor = SessionToken::new(fake.session("U7").anonymous().token());
    descope.revoke(Mark::everybody()).await.unwrap();
    let refused = descope.verify(&token).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::SessionRevoked);
    let refused = descope.verify_visitor(&visitor).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::SessionRevoked);
}

#[tokio::test]
async fn a_mark_for_which_there_is_no_room_is_an_error_and_no_silence() {
    let fake = FakeDescope::start().await;
    let revocation = revocation().max_marks(1);
    let descope = fake.descope_builder().revocation(revocation).build();
    let descope = descope.unwrap();
    descope.revoke(user("U1")).await.unwrap();
    descope.revoke(user("U1")).await.unwrap();
    let error = descope.revoke(user("U2")).await.unwrap_err();
    assert!(error.to_string().contains("max_marks"), "{error}");
    let token = SessionToken::new(fake.session("U9").token());
    let refused = descope.verify(&token).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::RevocationUnavailable);
    assert!(refused.retry_after().is_some());
}
