//! Which path the layer sees among axum's nested routers.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Path,
    routing::get,
};
use http::Request;
use tower::ServiceExt;
use tower_descope::{
    ActiveTenant, Rejection, Require, TenantLayer, UrlTenant, test_util::FakeDescope,
};

fn pages() -> Router {
    Router::new().route(
        "/projects",
        get(
            |Path(name): Path<String>, tenant: ActiveTenant| async move {
                format!("{name} {}", tenant.id())
            },
        ),
    )
}

async fn ask(app: &Router, fake: &FakeDescope, path: &str) -> String {
    let session = fake
        .session("U1")
        .tenant("T1", |t| t)
        .tenant("T2", |t| t.role("owner"));
    let bearer = format!("Bearer {}", session.active("T1").token());
    let request = Request::get(path).header("authorization", bearer);
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        return rejection.code().to_owned();
    }
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1000).await.unwrap();
    format!("{status} {}", String::from_utf8_lossy(&body))
}

#[tokio::test]
async fn on_the_router_that_nests_the_layer_sees_the_whole_path() {
    let fake = FakeDescope::start().await;
    let app = Router::new()
        .nest("/t/{tenant}", pages())
        .route_layer(UrlTenant::after("/t/").membership_suffices())
        .route_layer(TenantLayer::new(fake.descope()))
        .fallback(async || (http::StatusCode::NOT_FOUND, "no such page"));
    assert_eq!(ask(&app, &fake, "/t/T1/projects").await, "200 T1 T1");
    // What the handler's `Path` says and what was compared are the same.
    assert_eq!(ask(&app, &fake, "/t/T%32/projects").await, "200 T2 T2");
    assert_eq!(ask(&app, &fake, "/t/T9/projects").await, "tenant_mismatch");
    assert_eq!(ask(&app, &fake, "/x").await, "404 no such page");
    assert_eq!(ask(&app, &fake, "/t/T1/x").await, "404 no such page");
}

#[tokio::test]
async fn on_the_nested_router_the_prefix_is_gone_and_nobody_passes() {
    let fake = FakeDescope::start().await;
    for (url_tenant, expected) in [
        (UrlTenant::after("/t/"), "tenant_not_named"),
        (UrlTenant::path_segment(1), "tenant_not_named"),
        (UrlTenant::path_segment(0), "tenant_mismatch"),
    ] {
        let inner = pages().route_layer(url_tenant.membership_suffices());
        let app = Router::new()
            .nest("/t/{tenant}", inner)
            .layer(TenantLayer::new(fake.descope()));
        assert_eq!(ask(&app, &fake, "/t/T1/projects").await, expected);
    }
    // A prefix before the tenant's may go: the nested router counts from where it begins.
    let inner = Router::new().nest("/t/{tenant}", pages());
    let inner = inner.route_layer(UrlTenant::after("/t/").membership_suffices());
    let app = Router::new()
        .nest("/app", inner)
        .layer(TenantLayer::new(fake.descope()));
    assert_eq!(ask(&app, &fake, "/app/t/T2/projects").await, "200 T2 T2");
}

#[tokio::test]
async fn a_guard_on_a_nested_router_judges_the_tenant_of_the_url() {
    let fake = FakeDescope::start().await;
    let app = Router::new()
        .nest("/t/{tenant}", pages().route_layer(Require::role("owner")))
        .route_layer(UrlTenant::after("/t/").membership_suffices())
        .layer(TenantLayer::new(fake.descope()));
    assert_eq!(ask(&app, &fake, "/t/T2/projects").await, "200 T2 T2");
    assert_eq!(ask(&app, &fake, "/t/T1/projects").await, "missing_role");
}

#[tokio::test]
async fn a_fallback_behind_the_layers_is_for_members_only() {
    let fake = FakeDescope::start().await;
    let app = Router::new()
        .fallback(|tenant: ActiveTenant| async move { tenant.id().to_string() })
        .layer(UrlTenant::after("/t/"))
        .layer(TenantLayer::new(fake.descope()));
    assert_eq!(ask(&app, &fake, "/t/T1/any/page").await, "200 T1");
    assert_eq!(ask(&app, &fake, "/t/T2/any/page").await, "other_tenant");
    assert_eq!(ask(&app, &fake, "/any/page").await, "tenant_not_named");
}

/// Ann is the owner of `T2`, a reader of `T1`, and an admin of both; `T1` or `T2` is active.
async fn ask_as(app: &Router, fake: &FakeDescope, active: &str, path: &str) -> String {
    let session = fake
        .session("U1")
        .tenant("T1", |t| t.role("admin").permission("read"))
        .tenant("T2", |t| t.role("owner").role("admin"));
    let bearer = format!("Bearer {}", session.active(active).token());
    let request = Request::get(path).header("authorization", bearer);
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    match response.extensions().get::<Rejection>() {
        Some(rejection) => rejection.code().to_owned(),
        None => response.status().as_str().to_owned(),
    }
}

#[tokio::test]
async fn a_guard_outside_of_the_layer_lets_nobody_into_another_tenant_than_it_has_judged() {
    let fake = FakeDescope::start().await;
    let within = |guards: Vec<Require>| {
        let mut app = Router::new()
            .nest("/t/{tenant}", pages())
            .route_layer(UrlTenant::after("/t/").or_active().membership_suffices());
        for guard in guards {
            app = app.route_layer(guard);
        }
        app.route_layer(TenantLayer::new(fake.descope()))
    };
    let owner = within(vec![Require::role("owner")]);
    // The outermost asks for another thing, and one of them for nothing of the tenant.
    let several = within(vec![
        Require::role("admin"),
        Require::permission("read"),
        Require::not_impersonated(),
    ]);
    let anybody = within(vec![Require::tenant(), Require::role("admin")]);
    for (app, active, path, expected) in [
        (&owner, "T2", "/t/T2/projects", "200"),
        (&owner, "T2", "/t/T1/projects", "missing_role"),
        (&owner, "T1", "/t/T2/projects", "missing_role"),
        (&owner, "T1", "/t/T1/projects", "missing_role"),
        (&several, "T1", "/t/T1/projects", "200"),
        (&several, "T1", "/t/T2/projects", "missing_permission"),
        (&anybody, "T1", "/t/T2/projects", "200"),
        (&anybody, "T2", "/t/T1/projects", "200"),
        (&anybody, "T2", "/t/T9/projects", "tenant_mismatch"),
    ] {
        let seen = ask_as(app, &fake, active, path).await;
        assert_eq!(seen, expected, "{path} in {active}");
    }
}

#[tokio::test]
async fn what_a_guard_asked_of_another_session_is_asked_of_no_tenant_of_this_one() {
    let (outer, inner) = (FakeDescope::start().await, FakeDescope::start().await);
    let app = Router::new()
        .nest("/t/{tenant}", pages())
        .route_layer(UrlTenant::after("/t/").membership_suffices())
        .route_layer(TenantLayer::new(inner.descope()))
        .layer(tower::util::MapRequestLayer::new({
            let token = inner.session("U1").tenant("T1", |t| t).token();
            move |mut request: Request<Body>| {
                let bearer = format!("Bearer {token}").parse().unwrap();
                request.headers_mut().insert("authorization", bearer);
                request
            }
        }))
        .layer(Require::role("owner"))
        .layer(TenantLayer::new(outer.descope()));
    assert_eq!(ask_as(&app, &outer, "T2", "/t/T1/projects").await, "200");
}
