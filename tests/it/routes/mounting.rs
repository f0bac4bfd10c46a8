//! How the routes are put together: their settings, and those of a caller's own `SelectTenant`.

use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::ServiceExt;
use tower_descope::{SelectTenant, SessionRoutes, test_util::FakeDescope};

use super::{Browser, REFRESH, SELECT, ask, fake};

/// Every setting that the routes share with `tenant/select`, the other way round than by default.
fn all_other(routes: SessionRoutes) -> SessionRoutes {
    routes
        .claims_in_answer(false)
        .user_in_answer(false)
        .session_token_in_answer(true)
        .refresh_token_in_answer(true)
        .accept_bearer_refresh(true)
}

/// Which members an answer has of those that can be switched.
async fn shown(routes: &SessionRoutes, request: Request<Full<bytes::Bytes>>) -> Vec<&'static str> {
    let response = routes.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let json: Value = serde_json::from_slice(&body).unwrap();
    let mut members = vec!["claims", "user", "sessionJwt", "refreshJwt"];
    members.retain(|name| json.get(*name).is_some());
    members
}

/// A select of a client without cookies.
fn bearer(fake: &FakeDescope) -> Request<Full<bytes::Bytes>> {
    let ann = fake.sign_in_to("ann@example.test", "T1");
    Request::post(SELECT)
        .header("content-type", "application/json")
        .header(
            "authorization",
            format!("Bearer {}:{}", fake.project_id(), ann.refresh_jwt()),
        )
        .body(Full::from(r#"{"tenant":"T2"}"#))
        .unwrap()
}

#[tokio::test]
async fn a_select_of_ones_own_keeps_its_settings_whichever_comes_first() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let new = || SessionRoutes::new(descope.clone()).at("/v1/auth");
    let own = || SelectTenant::new(descope.clone());
    for routes in [
        all_other(new()).select_tenant(own()),
        all_other(new().select_tenant(own())),
    ] {
        let select = Browser::ann(&fake).sdk_request(SELECT, r#"{"tenant":"T2"}"#);
        assert_eq!(shown(&routes, select).await, ["claims", "user"]);
        let refused = routes.clone().oneshot(bearer(&fake)).await.unwrap();
        assert_eq!(refused.status(), 401, "no token of the header");
        let refresh = Browser::ann(&fake).sdk_request(REFRESH, "{}");
        let members = shown(&routes, refresh).await;
        assert_eq!(members, ["sessionJwt", "refreshJwt"], "the routes' own");
    }
    // Without one of one's own, the settings are for both.
    let routes = all_other(new());
    let members = shown(&routes, bearer(&fake)).await;
    assert_eq!(members, ["sessionJwt", "refreshJwt"]);
}

#[tokio::test]
async fn a_prefix_is_the_same_with_and_without_slashes_at_its_ends() {
    let fake = fake().start().await;
    let routes = || SessionRoutes::new(fake.descope());
    for (prefix, path) in [
        ("/v1/auth", "/v1/auth/try-refresh"),
        ("v1/auth", "/v1/auth/try-refresh"),
        ("v1/auth/", "/v1/auth/try-refresh"),
        ("/v1/auth//", "/v1/auth/try-refresh"),
        ("", "/try-refresh"),
        ("/", "/try-refresh"),
    ] {
        let routes = routes().at(prefix);
        let browser = Browser::signed_out(&fake);
        let answer = ask(&routes, browser.sdk_request(path, "{}")).await;
        assert_eq!(answer.status, 200, "{prefix:?}: {}", answer.text);
        for other in ["/v2/try-refresh", "/v1/authtry-refresh"] {
            let answer = ask(&routes, browser.sdk_request(other, "{}")).await;
            assert_eq!(answer.status, 404, "{prefix:?}: {other}");
        }
    }
}

#[tokio::test]
async fn a_doubled_slash_after_the_prefix_is_gone_before_the_routes_see_the_path() {
    let fake = fake().start().await;
    let nested = SessionRoutes::new(fake.descope());
    let app = axum::Router::new().nest_service("/v1/auth", nested);
    let browser = Browser::ann(&fake);
    for path in [REFRESH, "/v1/auth//refresh"] {
        let request = browser.sdk_request(path, "{}").map(axum::body::Body::new);
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
    // Without axum's prefix the text decides.
    let routes = SessionRoutes::new(fake.descope()).at("/v1/auth");
    let doubled = browser.sdk_request("/v1/auth//refresh", "{}");
    assert_eq!(ask(&routes, doubled).await.status, 404);
}
