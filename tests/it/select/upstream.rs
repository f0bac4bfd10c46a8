//! Descope's refusals, failures and odd answers.

use std::time::Duration;

use http::StatusCode;
use tower_descope::{SelectTenant, test_util::Canned};

use super::{Browser, PATH, fake};

#[tokio::test]
async fn descopes_refusals_have_their_statuses_and_leave_the_cookies_alone() {
    let json = |status: u16, code: &str| {
        let body = serde_json::json!({
            "errorCode": code, "errorDescription": "<script>", "errorMessage": "secret eyJ",
        });
        Canned::new(status).body(body.to_string())
    };
    for (canned, status, error) in [
        (json(400, "E011001"), 400, "tenant_refused"),
        (json(404, "E011001"), 400, "tenant_refused"),
        (json(422, "E011001"), 400, "tenant_refused"),
        (json(400, "E061005"), 401, "invalid_token"),
        (json(401, "E061005"), 401, "invalid_token"),
        (json(403, "E061005"), 401, "invalid_token"),
        (json(404, "E061005"), 401, "invalid_token"),
        (json(403, "E011001"), 403, "tenant_refused"),
        (
            json(429, "E130429").header("retry-after", "17"),
            429,
            "rate_limited",
        ),
        (json(500, "E011001"), 502, "upstream_invalid"),
        (json(418, "E011001"), 502, "upstream_invalid"),
        (
            Canned::new(302).header("location", "http://127.0.0.1:9/"),
            502,
            "upstream_invalid",
        ),
        (Canned::new(200).body("<html>"), 502, "upstream_invalid"),
        (Canned::new(200), 502, "upstream_invalid"),
        (Canned::new(200).body("{}"), 502, "upstream_invalid"),
        (Canned::new(204), 502, "upstream_invalid"),
    ] {
        let fake = fake().start().await;
        let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
        let before = browser.jar.clone();
        fake.respond_next(PATH, canned);
        let answer = browser
            .select(&SelectTenant::new(fake.descope()), "T2")
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.error()),
            (status, error),
            "{}",
            answer.text
        );
        assert_eq!(browser.jar, before);
        assert!(!answer.text.contains("<script") && !answer.text.contains("secret"));
        assert_eq!(fake.calls(PATH), 1, "at most one POST");
        if status == 429 {
            assert_eq!(answer.headers["retry-after"], "17");
        }
    }
}

#[tokio::test]
async fn a_tenant_of_others_is_refused_by_descope_and_nothing_is_lost() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    let answer = browser.select(&service, "T3").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.error(), "tenant_refused");
    assert_eq!(browser.select(&service, "T2").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_signed_out_session_ends_and_its_cookies_are_removed() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    fake.respond_next(PATH, Canned::error(401, "E064001", "logged out"));
    let answer = browser.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.error(), "expired_token");
    assert!(browser.jar.is_empty(), "{:?}", browser.jar);
}

#[tokio::test]
async fn a_reused_token_keeps_its_cookies_until_it_comes_again_after_the_keep_time() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    // Another replica rotated the token: its answer is on its way to the browser.
    let elsewhere = SelectTenant::new(fake.descope());
    browser.clone().select(&elsewhere, "T1").await;
    let before = browser.jar.clone();
    let answer = browser.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
    assert_eq!(
        browser.jar, before,
        "a winner's cookies would be here by now"
    );
    fake.clock().advance(Duration::from_secs(61));
    let answer = browser.select(&service, "T2").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(browser.jar.is_empty());
}

#[tokio::test]
async fn an_answer_for_somebody_or_something_else_writes_nothing() {
    let fake = fake().start().await;
    let service = SelectTenant::new(fake.descope());
    let session = |user: &str, tenant: &str| fake.session(user).active(tenant).token();
    let refresh = |user: &str, tenant: &str| fake.refresh(user).active(tenant).token();
    let good = (session("U1", "T2"), refresh("U1", "T2"));
    for (what, session_jwt, refresh_jwt) in [
        (
            "another user's session",
            session("U2", "T1"),
            good.1.clone(),
        ),
        (
            "another tenant's session",
            session("U1", "T1"),
            good.1.clone(),
        ),
        (
            "an expired session",
            fake.session("U1").active("T2").expired().token(),
            good.1.clone(),
        ),
        ("a refresh token as session", good.1.clone(), good.1.clone()),
        (
            "a forged session",
            fake.session("U1").active("T2").signed_by_stranger().token(),
            good.1.clone(),
        ),
        ("no session", String::new(), good.1.clone()),
        (
            "another user's refresh token",
            good.0.clone(),
            refresh("U2", "T1"),
        ),
        (
            "another tenant's refresh token",
            good.0.clone(),
            refresh("U1", "T1"),
        ),
        ("a session as refresh token", good.0.clone(), good.0.clone()),
        (
            "a forged refresh token",
            good.0.clone(),
            fake.refresh("U1").active("T2").signed_by_stranger().token(),
        ),
        (
            "a split refresh token",
            good.0.clone(),
            "x\r\nSet-Cookie: evil=1".to_owned(),
        ),
    ] {
        let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
        let before = browser.jar.clone();
        let body = serde_json::json!({ "sessionJwt": session_jwt, "refreshJwt": refresh_jwt });
        fake.respond_next(PATH, Canned::new(200).body(body.to_string()));
        let answer = browser.select(&service, "T2").await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_GATEWAY,
            "{what}: {}",
            answer.text
        );
        assert_eq!(answer.error(), "upstream_invalid", "{what}");
        assert_eq!(browser.jar, before, "{what}");
    }
}

#[tokio::test]
async fn silence_is_a_504_within_the_deadline_and_keeps_the_cookies() {
    let fake = fake().start().await;
    let descope = fake
        .descope_builder()
        .timeout(Duration::from_millis(150))
        .build()
        .unwrap();
    descope.warm_up().await.unwrap();
    let mut browser = Browser::in_no_tenant(&fake, "ann@example.test");
    let before = browser.jar.clone();
    fake.hang(true);
    let answer = browser.select(&SelectTenant::new(descope), "T2").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer.error(), "upstream_timeout");
    assert_eq!(browser.jar, before);
    fake.hang(false);
}
