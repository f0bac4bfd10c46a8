use axum::{Router, body::Body, http::Request};
use serde_json::Value;
use tower_descope::test_util::FakeDescope;
use tower_descope_recipes::leptos_functions::app;

use crate::{ask, bearer, token};

/// Calls a server function as Leptos's client does.
async fn call(app: &Router, token: &str, function: &str, arguments: &'static str) -> (u16, Value) {
    let request = Request::post(format!("/api/{function}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json");
    let request = bearer(request, token).body(Body::from(arguments));
    let (status, body) = ask(app, request.unwrap()).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_server_function_sees_the_active_tenant() {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope());
    let answer = call(&app, &token(&fake, "reader"), "projects", "").await;
    assert_eq!(answer, (200, serde_json::json!(["first of T1"])));
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_its_code() {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope());
    let (status, body) = call(&app, &token(&fake, "reader"), "rename", "name=x").await;
    assert_eq!(status, 403);
    assert!(body.to_string().contains("missing_role"), "{body}");
    let no_tenant = fake.session("U1").tenant("T1", |t| t).token();
    let (status, body) = call(&app, &no_tenant, "projects", "").await;
    assert_eq!(status, 403);
    assert!(body.to_string().contains("no_active_tenant"), "{body}");
    let answer = call(&app, &token(&fake, "admin"), "rename", "name=x").await;
    assert_eq!(answer, (200, "x of T1".into()));
}

#[tokio::test]
async fn without_a_session_no_server_function_runs() {
    let fake = FakeDescope::start().await;
    let request = Request::post("/api/projects").body(Body::empty()).unwrap();
    let (status, body) = ask(&app(fake.descope()), request).await;
    assert_eq!(status, 401);
    assert_eq!(body["error"], "missing_token");
}

#[tokio::test]
async fn another_sites_form_calls_no_server_function() {
    let fake = FakeDescope::start().await;
    let request = Request::post("/api/rename")
        .header("host", "app.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", format!("DS={}", token(&fake, "admin")))
        .header("sec-fetch-site", "cross-site")
        .body(Body::from("name=x"));
    let (status, body) = ask(&app(fake.descope()), request.unwrap()).await;
    assert_eq!(status, 403);
    assert_eq!(body["error"], "cross_site");
}
