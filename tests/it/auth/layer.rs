//! What the layer lets pass, what it refuses, and how it says so.

use http::{Method, Request, StatusCode, request::Parts};
use tower_descope::{Rejection, RejectionKind, Session, TenantLayer, test_util::FakeDescope};

use crate::support::{
    app, app_with, call, challenge, code, seen, send, token, verdict, with_bearer,
};

#[tokio::test]
async fn a_valid_session_reaches_the_handler() {
    let fake = FakeDescope::start().await;
    assert_eq!(verdict(&app(&fake.descope()), &token(&fake)).await, "U1@T1");
}

#[tokio::test]
async fn nothing_presented_is_challenged_without_an_error() {
    let fake = FakeDescope::start().await;
    let response = send(&app(&fake.descope()), &[]).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(challenge(response.headers()), Some("Bearer"));
    assert_eq!(response.headers()["x-descope-rejection"], "missing_token");
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(
        response.body(),
        r#"{"error":"missing_token","error_description":"no session token was presented"}"#
    );
    assert_eq!(fake.key_fetches(), 0, "nothing to verify, nothing to fetch");
}

#[tokio::test]
async fn bad_tokens_are_challenged_with_fixed_texts() {
    let fake = FakeDescope::start().await;
    let app = app(&fake.descope());
    let expired = with_bearer(&app, &fake.session("U1").expired().token()).await;
    assert_eq!(expired.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        challenge(expired.headers()),
        Some(r#"Bearer error="invalid_token", error_description="the session token has expired""#)
    );
    let forged = with_bearer(&app, &fake.session("U1").signed_by_stranger().token()).await;
    assert_eq!(
        challenge(forged.headers()),
        Some(r#"Bearer error="invalid_token", error_description="the session token is invalid""#)
    );
    assert_eq!(code(&forged), "invalid_token");
}

#[tokio::test]
async fn an_optional_layer_lets_requests_pass_and_says_why_there_is_no_session() {
    let fake = FakeDescope::start().await;
    let app = app_with(TenantLayer::new(fake.descope()).optional());
    assert_eq!(send(&app, &[]).await.body(), "missing_token");
    let expired = fake.session("U1").expired().token();
    assert_eq!(verdict(&app, &expired).await, "expired_token");
    let forged = fake.session("U1").signed_by_stranger().token();
    assert_eq!(verdict(&app, &forged).await, "invalid_token");
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
}

#[tokio::test]
async fn a_layer_may_require_an_active_tenant() {
    let fake = FakeDescope::start().await;
    let app = app_with(TenantLayer::new(fake.descope()).require_tenant());
    let none = with_bearer(&app, &fake.session("U1").tenant("T1", |t| t).token()).await;
    assert_eq!(none.status(), StatusCode::FORBIDDEN);
    assert_eq!(code(&none), "no_active_tenant");
    assert_eq!(challenge(none.headers()), None);
    assert!(none.body().contains(r#""error":"no_active_tenant""#));

    let foreign = fake
        .session("U1")
        .tenant("T1", |t| t)
        .active_without_membership("T2")
        .token();
    assert_eq!(verdict(&app, &foreign).await, "tenant_mismatch");
    assert_eq!(verdict(&app, &token(&fake)).await, "U1@T1");
}

#[tokio::test]
async fn optional_and_require_tenant_pass_the_absent_and_refuse_the_tenantless() {
    let fake = FakeDescope::start().await;
    let app = app_with(TenantLayer::new(fake.descope()).optional().require_tenant());
    assert_eq!(send(&app, &[]).await.body(), "missing_token");
    let none = fake.session("U1").tenant("T1", |t| t).token();
    assert_eq!(verdict(&app, &none).await, "no_active_tenant");
    assert_eq!(
        with_bearer(&app, &none).await.status(),
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn an_inner_layer_takes_out_what_an_outer_one_left() {
    use tower::{ServiceBuilder, ServiceExt};

    let ours = FakeDescope::start().await;
    let theirs = FakeDescope::builder().project_id("P2theirs").start().await;
    let stack = |inner_optional: bool| {
        let mut inner = TenantLayer::new(ours.descope());
        if inner_optional {
            inner = inner.optional();
        }
        ServiceBuilder::new()
            .layer(TenantLayer::new(theirs.descope()).optional())
            .layer(inner)
            .service_fn(|request: Request<()>| async move {
                assert!(
                    request.extensions().get::<Session>().is_none()
                        || request.extensions().get::<Rejection>().is_none(),
                    "either a session or a reason why there is none"
                );
                Ok::<_, std::convert::Infallible>(http::Response::new(seen(&request)))
            })
    };
    let request = |token: &str| {
        Request::get("/")
            .header("authorization", format!("Bearer {token}"))
            .body(())
            .unwrap()
    };
    // Good for the outer project only: its session must not pass for one of ours.
    let foreign = theirs.session("U9").token();
    let response = stack(true).oneshot(request(&foreign)).await.unwrap();
    assert_eq!(response.body(), "invalid_token");
    // Good for ours: the outer layer's complaint is gone.
    let response = stack(false).oneshot(request(&token(&ours))).await.unwrap();
    assert_eq!(response.body(), "U1@T1");
}

#[tokio::test]
async fn every_answer_varies_by_what_it_depended_on() {
    let fake = FakeDescope::start().await;
    for app in [
        app(&fake.descope()),
        app_with(TenantLayer::new(fake.descope()).optional()),
    ] {
        for response in [
            send(&app, &[]).await,
            with_bearer(&app, &token(&fake)).await,
            with_bearer(&app, "garbage").await,
        ] {
            assert_eq!(response.headers()["vary"], "Authorization, Cookie");
        }
    }
}

#[tokio::test]
async fn refusals_can_be_made_by_a_closure_that_sees_the_request() {
    let fake = FakeDescope::start().await;
    let layer = TenantLayer::new(fake.descope()).with_rejection_response(
        |rejection: Rejection, request: &Parts| {
            let mut response = http::Response::new(format!("go from {}", request.uri.path()));
            *response.status_mut() = StatusCode::SEE_OTHER;
            assert_eq!(rejection.kind(), RejectionKind::MissingToken);
            response
        },
    );
    let request = Request::get("/reports?x=1").body(()).unwrap();
    let response = call(&app_with(layer), request).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.body(), "go from /reports");
    assert_eq!(response.headers()["x-descope-rejection"], "missing_token");
    assert_eq!(code(&response), "missing_token");
}

#[tokio::test]
async fn preflights_pass_only_where_told_so_and_only_without_credentials() {
    let fake = FakeDescope::start().await;
    let preflight = |extra: Option<(&'static str, &'static str)>| {
        let mut request = Request::builder()
            .method(Method::OPTIONS)
            .uri("/")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST");
        if let Some((name, value)) = extra {
            request = request.header(name, value);
        }
        request.body(()).unwrap()
    };
    let strict = app(&fake.descope());
    assert_eq!(call(&strict, preflight(None)).await.status(), 401);
    let lenient = app_with(TenantLayer::new(fake.descope()).pass_cors_preflight());
    assert_eq!(call(&lenient, preflight(None)).await.status(), 200);
    for credential in [("cookie", "DS=x"), ("authorization", "Bearer x")] {
        let request = preflight(Some(credential));
        assert_eq!(call(&lenient, request).await.status(), 401);
    }
}

#[tokio::test]
async fn a_guarded_layer_takes_cookies_for_writes_from_its_own_origin_only() {
    let fake = FakeDescope::start().await;
    let descope = fake
        .descope_builder()
        .origins(["https://spa.example"])
        .build()
        .unwrap();
    let app = app_with(TenantLayer::new(descope).cookies_same_origin_only());
    let cookie = format!("DS={}", token(&fake));
    let write = |method: Method, fields: &[(&str, &str)]| {
        let mut request = Request::builder()
            .method(method)
            .uri("/")
            .header("host", "app.example")
            .header("cookie", cookie.as_str());
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    };
    let same = [("sec-fetch-site", "same-origin")];
    let sibling = [
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.app.example"),
    ];
    let listed = [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://spa.example"),
    ];
    for (method, fields, expected) in [
        (Method::POST, &same[..], 200),
        (Method::POST, &sibling[..], 403),
        (Method::DELETE, &sibling[..], 403),
        (Method::POST, &listed[..], 200),
        (Method::POST, &[], 403),
        (Method::GET, &sibling[..], 200),
        (Method::HEAD, &[], 200),
    ] {
        let response = call(&app, write(method.clone(), fields)).await;
        assert_eq!(response.status(), expected, "{method} {fields:?}");
        if expected == 403 {
            assert_eq!(code(&response), "cross_site");
        }
    }
    // An upgrade is a GET that opens a channel.
    let mut upgrade = sibling.to_vec();
    upgrade.push(("upgrade", "websocket"));
    assert_eq!(call(&app, write(Method::GET, &upgrade)).await.status(), 403);
    // No browser adds a bearer token by itself.
    let bearer = format!("Bearer {}", token(&fake));
    let mut with_bearer = sibling.to_vec();
    with_bearer.push(("authorization", &bearer));
    let response = call(&app, write(Method::POST, &with_bearer)).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn answers_to_sessions_can_be_kept_out_of_every_store() {
    use tower::ServiceExt;

    let fake = FakeDescope::start().await;
    let layer = TenantLayer::new(fake.descope()).optional().no_store();
    let app = app_with(layer.clone());
    let cache_control = |response: &http::Response<String>| {
        let value = response.headers().get("cache-control");
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let answer = with_bearer(&app, &token(&fake)).await;
    assert_eq!(cache_control(&answer).as_deref(), Some("no-store"));
    assert_eq!(cache_control(&send(&app, &[]).await), None, "no session");

    // What the inner service says stands.
    let service = tower::ServiceBuilder::new()
        .layer(layer)
        .service_fn(|_: Request<()>| async {
            let mut response = http::Response::new(String::new());
            let public = http::HeaderValue::from_static("public, max-age=60");
            response.headers_mut().insert("cache-control", public);
            Ok::<_, std::convert::Infallible>(response)
        });
    let request = Request::get("/")
        .header("authorization", format!("Bearer {}", token(&fake)))
        .body(())
        .unwrap();
    let answer = service.oneshot(request).await.unwrap();
    assert_eq!(
        cache_control(&answer).as_deref(),
        Some("public, max-age=60")
    );
}
