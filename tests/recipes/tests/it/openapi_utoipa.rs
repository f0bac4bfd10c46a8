use axum::{body::Body, http::Request};
use tower_descope::test_util::FakeDescope;
use tower_descope_recipes::openapi_utoipa::app;

use crate::{ask, bearer, document_is_true, token};

#[tokio::test]
async fn the_document_names_both_schemes_and_the_routes_that_need_one() {
    let fake = FakeDescope::start().await;
    document_is_true(&app(fake.descope())).await;
}

#[tokio::test]
async fn either_scheme_opens_what_it_is_documented_for() {
    let fake = FakeDescope::start().await;
    let app = app(fake.descope());
    let token = token(&fake, "reader");
    let request = bearer(Request::get("/projects"), &token).body(Body::empty());
    assert_eq!(ask(&app, request.unwrap()).await.1, "the projects of T1");
    let request = Request::get("/projects").header("cookie", format!("DS={token}"));
    let request = request.body(Body::empty()).unwrap();
    assert_eq!(ask(&app, request).await.1, "the projects of T1");
    let request = bearer(Request::post("/invoices"), &token).body(Body::empty());
    let (status, body) = ask(&app, request.unwrap()).await;
    assert_eq!(status, 403);
    assert_eq!(body["error"], "missing_permission");
}
