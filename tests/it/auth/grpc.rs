//! gRPC calls are refused trailers-only; a content type alone does not make a gRPC call.

use http::{Method, Request, Version};
use tower_descope::{TenantLayer, test_util::FakeDescope};

use crate::support::{app, app_with, call};

fn grpc_call(method: Method, version: Version, content_type: &str) -> Request<()> {
    Request::builder()
        .method(method)
        .version(version)
        .uri("/greeter.Greeter/Hello")
        .header("content-type", content_type)
        .body(())
        .unwrap()
}

#[tokio::test]
async fn a_grpc_refusal_is_trailers_only() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    for content_type in ["application/grpc", "application/grpc+proto"] {
        let request = grpc_call(Method::POST, Version::HTTP_2, content_type);
        let response = call(&app, request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/grpc");
        assert_eq!(response.headers()["grpc-status"], "16");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-descope-rejection"], "missing_token");
        assert_eq!(response.body(), "");
    }
}

#[tokio::test]
async fn what_only_looks_like_grpc_is_refused_over_http() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    for (method, version, content_type) in [
        (Method::GET, Version::HTTP_2, "application/grpc"),
        (Method::POST, Version::HTTP_11, "application/grpc"),
        (Method::POST, Version::HTTP_2, "application/grpc-web"),
        (Method::POST, Version::HTTP_2, "application/grpcx"),
    ] {
        let response = call(&app, grpc_call(method, version, content_type)).await;
        assert_eq!(response.status(), 401);
    }
}

#[tokio::test]
async fn kinds_have_their_grpc_codes() {
    let fake = FakeDescope::start().await;
    let app = app_with(TenantLayer::new(fake.descope()).require_tenant());
    let mut request = grpc_call(Method::POST, Version::HTTP_2, "application/grpc");
    let bearer = format!("Bearer {}", fake.session("U1").token());
    let headers = request.headers_mut();
    headers.insert("authorization", bearer.parse().unwrap());
    let response = call(&app, request).await;
    assert_eq!(response.headers()["grpc-status"], "7");
}
