//! Auto traits, asserted: a lost `Send` breaks users' builds.

use std::fmt::Debug;

use tower_descope::{
    AccessKey, AccessKeySession, AccessKeys, ActiveTenant, Descope, DescopeBuilder, Error,
    ErrorKind, ExchangeOptions, ForwardAuth, RefreshToken, Rejection, RejectionKind, Renewal,
    Require, ReturnPaths, RevocationWebhook, SelectTenant, Session, SessionAnswer,
    SessionCacheStatus, SessionRoutes, SessionToken, SignInPage, TenantId, TenantLayer,
    TenantSelection, UrlTenant, UserId, answer, auth, cookie, endpoint, forward, jwks, webhook,
};

fn all<T: Send + Sync + Unpin + Debug>() {}
fn all_clone<T: Send + Sync + Unpin + Debug + Clone>() {}
fn send<T: Send>(value: T) -> T {
    value
}

#[test]
fn public_types_are_send_sync_unpin_and_debug() {
    all_clone::<ActiveTenant>();
    all_clone::<Descope>();
    all::<DescopeBuilder>();
    all_clone::<Error>();
    all_clone::<ErrorKind>();
    all_clone::<RefreshToken>();
    all_clone::<Rejection>();
    all_clone::<RejectionKind>();
    all_clone::<Require>();
    all_clone::<tower_descope::guard::RequireService<()>>();
    all_clone::<SelectTenant>();
    all_clone::<SignInPage>();
    all_clone::<UrlTenant>();
    all_clone::<tower_descope::url_tenant::UrlTenantService<()>>();
    all_clone::<Session>();
    all_clone::<SessionAnswer>();
    all_clone::<SessionRoutes>();
    all_clone::<SessionToken>();
    all_clone::<answer::SignIn>();
    all_clone::<answer::TenantRecord>();
    all_clone::<answer::User>();
    all_clone::<answer::WhichTenants>();
    all_clone::<TenantId>();
    all_clone::<TenantLayer>();
    all_clone::<TenantSelection>();
    all_clone::<UserId>();
    all_clone::<auth::TenantService<()>>();
    all_clone::<AccessKey>();
    all_clone::<AccessKeys>();
    all_clone::<AccessKeySession>();
    all_clone::<ExchangeOptions>();
    all_clone::<Renewal>();
    all_clone::<SessionCacheStatus>();
    all_clone::<jwks::KeyFailure>();
    all_clone::<jwks::KeyCache>();
    all_clone::<answer::OpaqueToken>();
    all_clone::<answer::UserTenant<'_>>();
    all_clone::<cookie::SessionCookies>();
    all_clone::<jwks::KeyStatus>();
    all_clone::<endpoint::ResponseBody>();
    all_clone::<ReturnPaths>();
    all_clone::<ForwardAuth>();
    all_clone::<forward::ForwardAuthBuilder>();
    all_clone::<forward::NumberedCookies>();
    all_clone::<RevocationWebhook>();
    all::<webhook::RevocationWebhookBuilder>();
}

#[test]
fn a_layer_shows_itself_whatever_answers_its_refusals() {
    fn check<T: Send + Sync + Unpin + Debug + Clone>(value: &T) -> String {
        format!("{value:?}")
    }
    let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
        .build()
        .unwrap();
    let layer = TenantLayer::new(descope).with_rejection_response(
        |rejection: Rejection, _: &http::request::Parts| http::Response::new(rejection.to_string()),
    );
    assert!(check(&layer).starts_with("TenantLayer {"));
    let service = tower::Layer::layer(&layer, "inner");
    let refuse =
        |rejection: Rejection, _: &http::request::Parts| http::Response::new(rejection.to_string());
    let guard = Require::role("owner").with_rejection_response(refuse);
    assert!(check(&guard).contains("owner"));
    let guarded = check(&tower::Layer::layer(&guard, "inner"));
    assert!(guarded.starts_with(r#"RequireService { inner: "inner""#));
    let tenant = UrlTenant::after("/t/").with_rejection_response(refuse);
    assert!(check(&tenant).contains("MustBeActive"));
    let tenant = check(&tower::Layer::layer(&tenant, "inner"));
    assert!(tenant.starts_with(r#"UrlTenantService { inner: "inner""#));
    assert!(check(&service).starts_with(r#"TenantService { inner: "inner""#));
}

#[test]
fn an_error_is_an_error() {
    fn error<E: std::error::Error + Send + Sync + 'static>() {}
    error::<Error>();
    error::<Rejection>();
}

#[test]
fn public_futures_are_send() {
    let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
        .build()
        .unwrap();
    drop(send(descope.verify(&SessionToken::new("x"))));
    drop(send(descope.warm_up()));
    let (refresh, tenant) = (RefreshToken::new("x"), TenantId::new("T1").unwrap());
    drop(send(descope.select_tenant(&refresh, &tenant)));
    drop(send(descope.refresh(&refresh)));
    drop(send(descope.logout(&refresh)));
    drop(send(descope.logout_all(&refresh)));
    drop(send(descope.me(&refresh)));
    let current = answer::WhichTenants::Current;
    drop(send(descope.my_tenants(&refresh, current)));
    drop(send(descope.history(&refresh)));

    let inner = tower::service_fn(|_: http::Request<()>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    });
    let layer = TenantLayer::new(descope.clone());
    let mut service = tower::Layer::layer(&layer, inner);
    let request = || http::Request::new(());
    drop(send(tower::Service::call(&mut service, request())));
    let mut service = tower::Layer::layer(&Require::tenant(), inner);
    drop(send(tower::Service::call(&mut service, request())));
    let mut service = tower::Layer::layer(&UrlTenant::path_segment(0), inner);
    drop(send(tower::Service::call(&mut service, request())));
    let request = || http::Request::new(http_body_util::Empty::<bytes::Bytes>::new());
    let mut select = SelectTenant::new(descope.clone());
    drop(send(tower::Service::call(&mut select, request())));
    let mut routes = SessionRoutes::new(descope);
    drop(send(tower::Service::call(&mut routes, request())));
}

/// axum's own bounds on layers.
#[test]
fn the_layer_fits_axum_routers() {
    let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
        .build()
        .unwrap();
    let _: axum::Router = axum::Router::new()
        .route("/", axum::routing::get(|_: ActiveTenant| async {}))
        .route_layer(TenantLayer::new(descope.clone()))
        .layer(
            TenantLayer::new(descope.clone())
                .optional()
                .require_tenant(),
        )
        .route(
            "/tenant/select",
            axum::routing::post_service(SelectTenant::new(descope)),
        );
}
