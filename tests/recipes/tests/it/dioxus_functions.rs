use axum::{Router, body::Body, http::Request};
use serde_json::Value;
use tower_descope::test_util::FakeDescope;
use tower_descope_recipes::dioxus_functions::app;

use crate::{ask, bearer, get, token};

async fn rename(app: &Router, token: &str) -> (u16, Value) {
    let request = Request::post("/dioxus/rename").header("content-type", "application/json");
    let request = bearer(request, token).body(Body::from(r#"{"name":"x"}"#));
    let (status, body) = ask(app, request.unwrap()).await;
    (status.as_u16(), body)
}

async fn projects(app: &Router, token: &str) -> (u16, Value) {
    let request = bearer(Request::get("/dioxus/projects"), token).body(Body::empty());
    let (status, body) = ask(app, request.unwrap()).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_server_function_sees_the_active_tenant() {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope());
    let answer = projects(&app, &token(&fake, "reader")).await;
    assert_eq!(answer, (200, serde_json::json!(["first of T1"])));
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_its_code() {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope());
    let (status, body) = rename(&app, &token(&fake, "reader")).await;
    assert_eq!(status, 403, "{body}");
    assert!(body.to_string().contains("missing_role"), "{body}");
    // The extractor's own refusal.
    let no_tenant = fake.session("U1").tenant("T1", |t| t).token();
    let (status, body) = projects(&app, &no_tenant).await;
    assert_eq!(status, 403, "{body}");
    assert!(body.to_string().contains("no_active_tenant"), "{body}");
    let answer = rename(&app, &token(&fake, "admin")).await;
    assert_eq!(answer, (200, "x of T1".into()));
}

#[tokio::test]
async fn without_a_session_no_server_function_runs() {
    let fake = FakeDescope::start().await;
    let (status, body) = ask(&app(fake.descope()), get("/dioxus/projects")).await;
    assert_eq!(status, 401);
    assert_eq!(body["error"], "missing_token");
}

#[tokio::test]
async fn another_sites_page_calls_no_server_function_that_writes() {
    let fake = FakeDescope::start().await;
    let request = Request::post("/dioxus/rename")
        .header("host", "app.example")
        .header("content-type", "application/json")
        .header("cookie", format!("DS={}", token(&fake, "admin")))
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(r#"{"name":"x"}"#));
    let (status, body) = ask(&app(fake.descope()), request.unwrap()).await;
    assert_eq!(status, 403);
    assert_eq!(body["error"], "cross_site");
}
