use axum::{Router, body::Body, http::Request};
use serde_json::{Value, json};
use tower_descope::test_util::FakeDescope;
use tower_descope_recipes::graphql::app;

use crate::{ask, bearer, get, token};

const RENAME: &str = r#"mutation { rename(name: "x") }"#;

fn query(text: &str) -> Body {
    Body::from(json!({"query": text}).to_string())
}

async fn run(app: &Router, token: &str, text: &str) -> Value {
    let request = Request::post("/graphql").header("content-type", "application/json");
    let request = bearer(request, token).body(query(text)).unwrap();
    let (status, body) = ask(app, request).await;
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn a_resolver_sees_the_active_tenant_of_the_request() {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope());
    let answer = run(&app, &token(&fake, "reader"), "{ projects }").await;
    assert_eq!(answer, json!({"data": {"projects": ["first of T1"]}}));
    let other = fake.session("U1").tenant("T2", |t| t).active("T2").token();
    let answer = run(&app, &other, "{ projects }").await;
    assert_eq!(answer, json!({"data": {"projects": ["first of T2"]}}));
}

#[tokio::test]
async fn a_guard_refuses_by_role_and_says_so_by_a_code() {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope());
    let answer = run(&app, &token(&fake, "reader"), RENAME).await;
    assert_eq!(answer["data"], Value::Null);
    assert_eq!(answer["errors"][0]["extensions"]["code"], "missing_role");
    assert_eq!(answer["errors"][0]["path"], json!(["rename"]));
    let answer = run(&app, &token(&fake, "admin"), RENAME).await;
    assert_eq!(answer, json!({"data": {"rename": "x of T1"}}));
    // The role of another tenant is none here.
    let elsewhere = fake.session("U1").tenant("T1", |t| t).active("T1");
    let elsewhere = elsewhere.tenant("T2", |t| t.role("admin")).token();
    let answer = run(&app, &elsewhere, RENAME).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "missing_role");
}

#[tokio::test]
async fn without_a_tenant_each_resolver_says_so() {
    let fake = FakeDescope::start().await;
    let token = fake.session("U1").tenant("T1", |t| t).token();
    let answer = run(&app(fake.descope()), &token, "{ projects }").await;
    let code = &answer["errors"][0]["extensions"]["code"];
    assert_eq!(code, "no_active_tenant");
}

#[tokio::test]
async fn without_a_session_nothing_is_executed() {
    let fake = FakeDescope::start().await;
    let request = Request::post("/graphql").body(query(RENAME)).unwrap();
    let (status, body) = ask(&app(fake.descope()), request).await;
    assert_eq!(status, 401);
    assert_eq!(body["error"], "missing_token");
}

#[tokio::test]
async fn neither_a_link_nor_a_page_of_another_site_runs_a_mutation() {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope());
    let cookie = format!("DS={}", token(&fake, "admin"));
    let mut link = get("/graphql?query=mutation%7Brename(name:%22x%22)%7D");
    link.headers_mut().insert("cookie", cookie.parse().unwrap());
    assert_eq!(ask(&app, link).await.0, 405);
    // A form can send this type, and async-graphql reads it as JSON.
    let post = |site: &str| {
        Request::post("/graphql")
            .header("host", "app.example")
            .header("content-type", "text/plain")
            .header("cookie", &cookie)
            .header("sec-fetch-site", site)
            .body(query(RENAME))
            .unwrap()
    };
    let (status, body) = ask(&app, post("cross-site")).await;
    assert_eq!(status, 403);
    assert_eq!(body["error"], "cross_site");
    let (_, body) = ask(&app, post("same-origin")).await;
    assert_eq!(body, json!({"data": {"rename": "x of T1"}}));
}
