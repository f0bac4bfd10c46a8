//! Each recipe is asked through requests, before an embedded stand-in for Descope.

mod chapter;
mod dioxus_functions;
mod graphql;
mod job;
mod lambda;
mod leptos_functions;
mod openapi_aide;
mod openapi_utoipa;
mod rate_limit;
mod worker;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, request::Builder},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use tower_descope::test_util::FakeDescope;

/// The session token of a user of the tenant `T1`, who has a role there.
fn token(fake: &FakeDescope, role: &str) -> String {
    let session = fake.session("U1").tenant("T1", |t| t.role(role));
    session.active("T1").token()
}

fn bearer(request: Builder, token: &str) -> Builder {
    request.header("authorization", format!("Bearer {token}"))
}

/// The status of an answer, and its body as JSON, or as a string where it is none.
async fn ask(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (parts.status, body)
}

/// Compares an OpenAPI document with what it describes: the two schemes, and that a call without a
/// session is answered 401 exactly where the document says that one is needed.
async fn document_is_true(app: &Router) {
    let (status, document) = ask(app, get("/openapi.json")).await;
    assert_eq!(status, 200);
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["bearer"]["type"], "http");
    assert_eq!(schemes["bearer"]["scheme"], "bearer");
    assert_eq!(schemes["cookie"]["type"], "apiKey");
    assert_eq!(schemes["cookie"]["in"], "cookie");
    assert_eq!(schemes["cookie"]["name"], "DS");
    assert!(document.get("security").is_none(), "some are for everybody");
    let mut seen = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let request = Request::builder()
                .method(&*method.to_uppercase())
                .uri(path)
                .body(Body::empty())
                .unwrap();
            let (status, _) = ask(app, request).await;
            let needs = operation.get("security");
            assert_eq!(needs.is_some(), status == 401, "{method} {path}: {status}");
            if let Some(needs) = needs {
                let either = serde_json::json!([{"bearer": []}, {"cookie": []}]);
                assert_eq!(*needs, either, "{method} {path}");
                for status in ["200", "401", "403", "503"] {
                    let response = &operation["responses"][status];
                    assert!(response.is_object(), "{method} {path}: {status}");
                }
            }
            seen.push(format!("{method} {path} {}", status.as_u16()));
        }
    }
    seen.sort();
    let expected = ["get /prices 200", "get /projects 401", "post /invoices 401"];
    assert_eq!(seen, expected);
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}
