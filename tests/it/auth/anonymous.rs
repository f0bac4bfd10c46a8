//! Anonymous visitors, whom Descope gives a session before they sign in: refused by every door, unless
//! the layer lets them pass; and even then no handler has their session.

use axum::{Router, routing::get};
use http::{Method, Request, Version};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_descope::{
    ActiveTenant, RefreshToken, Rejection, RejectionKind, Session, SessionToken, TenantLayer,
    test_util::{FakeDescope, TokenBuilder},
};

use crate::support::{app, app_with, call, challenge, code, send, verdict, with_bearer};

const CHALLENGE: &str = concat!(
    r#"Bearer error="insufficient_user_authentication", "#,
    r#"error_description="nobody has signed in to this session""#
);

/// With a tenant and a role, as a signed-in user would have them.
fn visitor(fake: &FakeDescope) -> TokenBuilder {
    let token = fake.session("U1").tenant("T1", |t| t.role("admin"));
    token.active("T1").anonymous()
}

async fn verify(fake: &FakeDescope, token: &str) -> Result<Session, Rejection> {
    fake.descope().verify(&SessionToken::new(token)).await
}

#[tokio::test]
async fn an_anonymous_session_is_refused_as_bearer_token_and_as_cookie() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let token = visitor(&fake).token();
    let cookie = format!("DS={token}");
    let bearer = format!("Bearer {token}");
    // Twice: the second time from the cache.
    for fields in [("authorization", &bearer), ("cookie", &cookie)].repeat(2) {
        let response = send(&app, &[(fields.0, fields.1)]).await;
        assert_eq!(response.status(), 401);
        assert_eq!(challenge(response.headers()), Some(CHALLENGE));
        assert_eq!(
            response.headers()["x-descope-rejection"],
            "anonymous_session"
        );
        assert!(response.body().contains("anonymous_session"));
    }
    let rejection = verify(&fake, &token).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::AnonymousSession);
    // Whoever has signed in is admitted as ever.
    let user = fake.session("U1").tenant("T1", |t| t).active("T1").token();
    assert_eq!(verdict(&app, &user).await, "U1@T1");
}

#[tokio::test]
async fn only_false_and_null_say_that_somebody_has_signed_in() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let anonymous: [Value; 8] = [
        true.into(),
        "true".into(),
        "false".into(),
        "".into(),
        0.into(),
        1.into(),
        json!([]),
        json!({}),
    ];
    for value in anonymous {
        let token = fake.session("U1").claim("danu", value.clone()).token();
        assert_eq!(verdict(&app, &token).await, "anonymous_session", "{value}");
    }
    for value in [Value::Bool(false), Value::Null] {
        let token = fake.session("U1").claim("danu", value.clone()).token();
        assert_eq!(verdict(&app, &token).await, "U1@-", "{value}");
        let session = verify(&fake, &token).await.unwrap();
        assert!(!session.is_anonymous(), "{value}");
    }
    let twice = r#"{"iss":"P","sub":"U1","danu":true,"danu":false,"exp":1}"#;
    let token = fake.session("U1").raw_payload(twice).token();
    assert_eq!(verdict(&app, &token).await, "invalid_token");
}

#[tokio::test]
async fn an_expired_anonymous_session_is_refused_for_being_anonymous() {
    let fake = FakeDescope::start().await;
    let expired = visitor(&fake).expired().token();
    let strict = app(&fake.descope());
    assert_eq!(verdict(&strict, &expired).await, "anonymous_session");
    let rejection = verify(&fake, &expired).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::AnonymousSession);
    // Where it would have passed, its time is what is wrong.
    let open = app_with(TenantLayer::new(fake.descope()).allow_anonymous());
    assert_eq!(verdict(&open, &expired).await, "expired_token");
}

#[tokio::test]
async fn a_layer_that_allows_visitors_lets_the_request_pass_without_a_session() {
    let fake = FakeDescope::start().await;
    let descope = fake.descope();
    let open = app_with(TenantLayer::new(descope.clone()).allow_anonymous());
    let token = visitor(&fake).token();
    for _ in 0..2 {
        let response = with_bearer(&open, &token).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.body(), "anonymous_session", "the handler's word");
        // One handle, one cache: the other layer's verdict is its own.
        let strict = app(&descope);
        assert_eq!(with_bearer(&strict, &token).await.status(), 401);
    }
    // All else is as without it.
    assert_eq!(verdict(&open, "a.b.c").await, "invalid_token");
    assert_eq!(code(&send(&open, &[]).await), "missing_token");
    let user = fake.session("U1").token();
    assert_eq!(verdict(&open, &user).await, "U1@-");
}

#[tokio::test]
async fn a_visitors_page_is_kept_out_of_caches_as_a_users_is() {
    let fake = FakeDescope::start().await;
    let layer = TenantLayer::new(fake.descope()).no_store();
    let open = app_with(layer.optional().allow_anonymous());
    let response = with_bearer(&open, &visitor(&fake).token()).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    let response = send(&open, &[]).await;
    assert!(!response.headers().contains_key("cache-control"));
}

#[tokio::test]
async fn a_session_of_an_outer_layer_does_not_outlive_a_visitors_request() {
    let fake = FakeDescope::start().await;
    let open = app_with(TenantLayer::new(fake.descope()).allow_anonymous());
    let user = verify(&fake, &fake.session("U2").token()).await.unwrap();
    let bearer = format!("Bearer {}", visitor(&fake).token());
    let mut request = Request::get("/").header("authorization", bearer).body(());
    let request = request.as_mut().unwrap();
    request.extensions_mut().insert(user);
    let response = call(&open, request.clone()).await;
    assert_eq!(response.body(), "anonymous_session");
}

#[tokio::test]
async fn where_a_tenant_is_required_a_visitor_is_refused_all_the_same() {
    let fake = FakeDescope::start().await;
    let layer = TenantLayer::new(fake.descope()).allow_anonymous();
    let app = app_with(layer.require_tenant());
    let response = with_bearer(&app, &visitor(&fake).token()).await;
    assert_eq!(response.status(), 401);
    assert_eq!(code(&response), "anonymous_session");
}

#[tokio::test]
async fn extractors_refuse_visitors_and_optional_ones_see_nobody() {
    let fake = FakeDescope::start().await;
    let descope = fake.descope();
    let routes = Router::new()
        .route("/session", get(|_: Session| async { "let in" }))
        .route("/tenant", get(|_: ActiveTenant| async { "let in" }))
        .route(
            "/nobody",
            get(
                |session: Option<Session>, tenant: Option<ActiveTenant>| async move {
                    assert!(session.is_none() && tenant.is_none());
                },
            ),
        );
    let bearer = format!("Bearer {}", visitor(&fake).token());
    for layer in [
        TenantLayer::new(descope.clone()).allow_anonymous(),
        TenantLayer::new(descope.clone()).optional(),
        TenantLayer::new(descope.clone())
            .optional()
            .allow_anonymous(),
        TenantLayer::new(descope.clone())
            .optional()
            .require_tenant(),
    ] {
        let app = routes.clone().route_layer(layer);
        for (path, status) in [("/session", 401), ("/tenant", 401), ("/nobody", 200)] {
            let request = Request::get(path).header("authorization", &bearer);
            let request = request.body(axum::body::Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{path}");
            if status == 401 {
                assert_eq!(code(&response), "anonymous_session", "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_refreshed_visitor_is_no_user_wherever_the_session_is_put() {
    let fake = FakeDescope::start().await;
    let refresh = fake.refresh("U1").anonymous();
    let refresh = refresh.active_without_membership("T1");
    let refresh = refresh.claim("tenants", json!({"T1": {}})).token();
    let answer = fake.descope().refresh(&RefreshToken::new(refresh)).await;
    let answer = answer.unwrap();
    assert!(answer.session().is_anonymous());
    assert!(answer.session().has_tenant("T1"));
    assert!(answer.tenant().is_none() && answer.lost_tenant().is_none());
    let rejection = answer.session().active_tenant().unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::AnonymousSession);

    let mut extensions = http::Extensions::new();
    extensions.insert(answer.session().clone());
    let rejection = Session::from_extensions(&extensions).unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::AnonymousSession);
    let rejection = ActiveTenant::from_extensions(&extensions).unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::AnonymousSession);
}

#[tokio::test]
async fn a_grpc_call_of_a_visitor_is_refused_as_unauthenticated() {
    let fake = FakeDescope::start().await;
    let request = Request::post("/greeter.Greeter/Hello")
        .version(Version::HTTP_2)
        .method(Method::POST)
        .header("content-type", "application/grpc")
        .header(
            "authorization",
            format!("Bearer {}", visitor(&fake).token()),
        )
        .body(())
        .unwrap();
    let response = call(&app(&fake.descope()), request).await;
    assert_eq!(response.headers()["grpc-status"], "16");
    assert_eq!(
        response.headers()["x-descope-rejection"],
        "anonymous_session"
    );
}
