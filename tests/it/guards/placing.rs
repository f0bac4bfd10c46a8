//! Guards among other layers: outside of the layer, behind `optional`, in axum's nested routers.

use axum::{
    Router,
    body::{Body, to_bytes},
    routing::{any, get},
};
use http::{Method, Request, Version, request::Parts};
use tower::ServiceExt;
use tower_descope::{
    ActiveTenant, Rejection, Require, Session, TenantLayer, test_util::FakeDescope,
};
use tracing::Level;

use super::{behind, guarded_by};
use crate::support::{Log, call, code, send, token, verdict};

#[tokio::test]
async fn a_guard_outside_of_the_layer_names_the_remedy() {
    let log = Log::default();
    let _guard = log.errors();
    let response = send(&behind(Require::role("admin")), &[]).await;
    assert_eq!(response.status(), 500);
    assert_eq!(code(&response), "layer_missing");
    assert!(
        response
            .body()
            .contains("tower_descope::TenantLayer added to this route")
    );
    assert_eq!(log.lines("TenantLayer added to this route").len(), 1);

    // In the wrong order it is the same.
    let fake = FakeDescope::start().await;
    let app = Router::new()
        .route("/", get(async || "in"))
        .route_layer(TenantLayer::new(fake.descope()))
        .route_layer(Require::tenant());
    let response = app.oneshot(bearer("/", &token(&fake))).await.unwrap();
    assert_eq!(response.status(), 500);
}

#[tokio::test]
async fn behind_an_optional_layer_a_guard_refuses_with_what_the_layer_found() {
    let fake = FakeDescope::start().await;
    let layer = TenantLayer::new(fake.descope()).optional();
    let app = guarded_by(layer, Require::tenant());
    assert_eq!(code(&send(&app, &[]).await), "missing_token");
    assert_eq!(
        send(&app, &[]).await.headers()["www-authenticate"],
        "Bearer"
    );
    let expired = fake.session("U1").expired().token();
    assert_eq!(verdict(&app, &expired).await, "expired_token");
    let forged = fake.session("U1").signed_by_stranger().token();
    assert_eq!(verdict(&app, &forged).await, "invalid_token");
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
}

#[tokio::test]
async fn a_preflight_that_passed_unseen_passes_a_guard() {
    let fake = FakeDescope::start().await;
    let preflight = || {
        Request::builder()
            .method(Method::OPTIONS)
            .uri("/")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
    };
    let layer = TenantLayer::new(fake.descope()).pass_cors_preflight();
    let app = guarded_by(layer.clone(), Require::role("admin"));
    let response = call(&app, preflight().body(()).unwrap()).await;
    assert_eq!(response.status(), 200);
    let with_credential = preflight().header("authorization", "Bearer x");
    let response = call(&app, with_credential.body(()).unwrap()).await;
    assert_eq!(code(&response), "invalid_token");

    // A second layer that looks, and lets the request pass without a session, has the last word.
    let inner = guarded_by(
        TenantLayer::new(fake.descope()).optional(),
        Require::role("admin"),
    );
    let app = tower::ServiceBuilder::new().layer(layer).service(inner);
    let response = app.oneshot(preflight().body(()).unwrap()).await.unwrap();
    assert_eq!(code(&response), "missing_token");

    // And so has one that lets it pass, where one further out has looked.
    let outer = TenantLayer::new(fake.descope()).optional();
    let layer = TenantLayer::new(fake.descope()).pass_cors_preflight();
    let inner = guarded_by(layer, Require::role("admin"));
    let app = tower::ServiceBuilder::new().layer(outer).service(inner);
    let response = app.oneshot(preflight().body(()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn to_a_handler_a_preflight_that_passed_unseen_is_a_request_without_a_token() {
    let fake = FakeDescope::start().await;
    let layer = TenantLayer::new(fake.descope()).pass_cors_preflight();
    let app = Router::new()
        .route("/known", any(async |_: Session| ""))
        .route(
            "/anybody",
            any(
                async |session: Option<Session>, tenant: Option<ActiveTenant>| {
                    assert!(session.is_none() && tenant.is_none());
                },
            ),
        )
        .route_layer(layer);
    for (path, expected) in [("/known", 401), ("/anybody", 200)] {
        let request = Request::options(path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST");
        let request = request.body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
    }
}

#[tokio::test]
async fn routers_are_guarded_each_by_its_own_guard() {
    let fake = FakeDescope::start().await;
    let admin = Router::new()
        .route("/users", get(async || "users"))
        .fallback(async || "no such page of the admins'")
        .layer(Require::role("admin"));
    let app = Router::new()
        .route("/", get(async || "home"))
        .route(
            "/invoices",
            get(|tenant: ActiveTenant| async move { format!("invoices of {}", tenant.id()) })
                .route_layer(Require::permission("invoice.read")),
        )
        .nest("/admin", admin)
        .layer(TenantLayer::new(fake.descope()))
        .fallback(async || (http::StatusCode::NOT_FOUND, "no such page"));
    let user = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    let reader = fake
        .session("U2")
        .tenant("T1", |t| t.permission("invoice.read"));
    let reader = reader.active("T1").token();
    let admin = fake.session("U3").tenant("T1", |t| t.role("admin"));
    let admin = admin.active("T1").token();
    for (path, expected) in [
        ("/", ["200 home", "200 home", "200 home"]),
        (
            "/invoices",
            [
                "403 missing_permission",
                "200 invoices of T1",
                "403 missing_permission",
            ],
        ),
        (
            "/admin/users",
            ["403 missing_role", "403 missing_role", "200 users"],
        ),
        // The nested router's fallback is behind its guard, the outer one's behind none.
        (
            "/admin/x",
            [
                "403 missing_role",
                "403 missing_role",
                "200 no such page of the admins'",
            ],
        ),
        ("/x", ["404 no such page"; 3]),
    ] {
        for (token, expected) in [&user, &reader, &admin].into_iter().zip(expected) {
            let response = app.clone().oneshot(bearer(path, token)).await.unwrap();
            assert_eq!(shown(response).await, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_shaped_by_a_closure_and_stays_a_refusal() {
    let fake = FakeDescope::start().await;
    let guard =
        Require::role("admin").with_rejection_response(|rejection: Rejection, request: &Parts| {
            let text = format!("{} at {}", rejection.code(), request.uri.path());
            let mut response = http::Response::new(Body::from(text));
            *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
            response
        });
    let app = Router::new()
        .route("/a", get(async || "in"))
        .route_layer(guard)
        .route_layer(TenantLayer::new(fake.descope()));
    let response = app.oneshot(bearer("/a", &token(&fake))).await.unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(response.headers()["x-descope-rejection"], "missing_role");
    assert_eq!(code(&response), "missing_role");
    let body = to_bytes(response.into_body(), 1000).await.unwrap();
    assert_eq!(body, "missing_role at /a");
}

#[tokio::test]
async fn grpc_calls_are_refused_trailers_only() {
    let fake = FakeDescope::start().await;
    let token = token(&fake);
    for (guard, status, code) in [
        (Require::role("admin"), "7", "missing_role"),
        (Require::step_up(), "16", "step_up_required"),
    ] {
        let app = guarded_by(TenantLayer::new(fake.descope()), guard);
        let request = Request::post("/projects.v1.Projects/List")
            .version(Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("authorization", format!("Bearer {token}"));
        let response = call(&app, request.body(()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], status);
        assert_eq!(response.headers()["content-type"], "application/grpc");
        assert_eq!(response.headers()["x-descope-rejection"], code);
        assert_eq!(response.body(), "");
    }
}

#[tokio::test]
async fn a_refusal_of_a_guards_is_logged_once() {
    let fake = FakeDescope::start().await;
    let app = guarded_by(TenantLayer::new(fake.descope()), Require::role("admin"));
    let log = Log::default();
    let _guard = log.up_to(Level::DEBUG);
    assert_eq!(verdict(&app, &token(&fake)).await, "missing_role");
    let lines = log.lines("not let in by a guard");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r#"code="missing_role""#), "{lines:?}");
}

fn bearer(path: &str, token: &str) -> Request<Body> {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    request.body(Body::empty()).unwrap()
}

/// The status, and the body of what passed or the code of a refusal.
async fn shown(response: http::Response<Body>) -> String {
    let status = response.status().as_u16();
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        return format!("{status} {}", rejection.code());
    }
    let body = to_bytes(response.into_body(), 1000).await.unwrap();
    format!("{status} {}", String::from_utf8_lossy(&body))
}
