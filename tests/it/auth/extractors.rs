//! axum's extractors: what each form makes of each sort of request.

use axum::{
    Router,
    body::{Body, to_bytes},
    routing::get,
};
use http::{Request, Response, StatusCode};
use tower::ServiceExt;
use tower_descope::{ActiveTenant, Rejection, Session, TenantLayer, test_util::FakeDescope};

fn routes() -> Router {
    Router::new()
        .route(
            "/session",
            get(|session: Session| async move { session.user_id().to_string() }),
        )
        .route(
            "/session/optional",
            get(|session: Option<Session>| async move {
                session.map_or("none".to_owned(), |session| session.user_id().to_string())
            }),
        )
        .route(
            "/tenant",
            get(|tenant: ActiveTenant| async move { tenant.id().to_string() }),
        )
        .route(
            "/tenant/optional",
            get(|tenant: Option<ActiveTenant>| async move {
                tenant.map_or("none".to_owned(), |tenant| tenant.id().to_string())
            }),
        )
        .route(
            "/tenant/result",
            get(|tenant: Result<ActiveTenant, Rejection>| async move {
                match tenant {
                    Ok(tenant) => tenant.id().to_string(),
                    Err(rejection) => rejection.code().to_owned(),
                }
            }),
        )
        .route(
            "/twice",
            get(|one: ActiveTenant, two: ActiveTenant| async move {
                format!("{} {}", one.id(), two.id())
            }),
        )
        .route(
            "/admin",
            get(|tenant: ActiveTenant| async move {
                tenant.require_role("admin")?;
                Ok::<_, Rejection>("welcome")
            }),
        )
}

async fn ask(app: &Router, path: &str, token: Option<&str>) -> (StatusCode, String) {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    text(
        app.clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap(),
    )
    .await
}

async fn text(response: Response<Body>) -> (StatusCode, String) {
    let status = response.status();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn each_form_makes_of_each_request_what_its_table_says() {
    let fake = FakeDescope::start().await;
    let app = routes().layer(TenantLayer::new(fake.descope()).optional());
    let session = || fake.session("U1").tenant("T1", |t| t);
    let good = session().active("T1").token();
    let tenantless = session().token();
    let mismatch = session().active_without_membership("T2").token();
    let expired = session().active("T1").expired().token();
    let forged = session().active("T1").signed_by_stranger().token();
    let tokens = [
        None,
        Some(&*good),
        Some(&*tenantless),
        Some(&*mismatch),
        Some(&*expired),
        Some(&*forged),
    ];
    for (path, expected) in [
        ("/session", ["401", "U1", "U1", "U1", "401", "401"]),
        (
            "/session/optional",
            ["none", "U1", "U1", "U1", "none", "401"],
        ),
        ("/tenant", ["401", "T1", "403", "403", "401", "401"]),
        (
            "/tenant/optional",
            ["none", "T1", "none", "403", "none", "401"],
        ),
        (
            "/tenant/result",
            [
                "missing_token",
                "T1",
                "no_active_tenant",
                "tenant_mismatch",
                "expired_token",
                "invalid_token",
            ],
        ),
    ] {
        for (token, expected) in tokens.iter().zip(expected) {
            let (status, body) = ask(&app, path, *token).await;
            let got = if status.is_success() {
                body
            } else {
                status.as_u16().to_string()
            };
            assert_eq!(got, expected, "{path} {token:?}");
        }
    }
}

#[tokio::test]
async fn an_extractor_can_be_used_twice_and_in_nested_routers() {
    let fake = FakeDescope::start().await;
    let app = Router::new()
        .nest("/api", routes())
        .layer(TenantLayer::new(fake.descope()));
    let good = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    let (_, body) = ask(&app, "/api/twice", Some(&good)).await;
    assert_eq!(body, "T1 T1");
}

#[tokio::test]
async fn without_the_layer_the_answer_is_500_and_names_it() {
    for path in [
        "/session",
        "/session/optional",
        "/tenant",
        "/tenant/optional",
    ] {
        let (status, body) = ask(&routes(), path, None).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(body.contains("TenantLayer"), "{body}");
    }
}

#[tokio::test]
async fn a_missing_role_is_a_403_with_its_challenge() {
    let fake = FakeDescope::start().await;
    let app = routes().layer(TenantLayer::new(fake.descope()));
    let session = |role: &'static str| {
        fake.session("U1")
            .tenant("T1", move |t| t.role(role))
            .active("T1")
            .token()
    };
    let (status, _) = ask(&app, "/admin", Some(&session("admin"))).await;
    assert_eq!(status, StatusCode::OK);

    let request = Request::get("/admin")
        .header("authorization", format!("Bearer {}", session("viewer")))
        .body(Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers()["x-descope-rejection"], "missing_role");
    assert_eq!(
        response.headers()["www-authenticate"],
        r#"Bearer error="insufficient_scope", error_description="a required role is missing""#
    );
}

#[tokio::test]
async fn with_route_layer_unknown_paths_are_404_not_401() {
    let fake = FakeDescope::start().await;
    let app = routes().route_layer(TenantLayer::new(fake.descope()));
    assert_eq!(ask(&app, "/nowhere", None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&app, "/tenant", None).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn refusals_of_the_layer_have_their_json_in_axums_body() {
    let fake = FakeDescope::start().await;
    let app = routes().layer(TenantLayer::new(fake.descope()).require_tenant());
    let none = fake.session("U1").token();
    let (status, body) = ask(&app, "/tenant", Some(&none)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains(r#""error":"no_active_tenant""#), "{body}");
}
