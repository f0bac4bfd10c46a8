//! Session routes that are mounted so that they cannot work.

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use tower::ServiceExt;
use tower_descope::{Descope, SessionRoutes, TenantLayer};
use tracing::Level;

use super::assert_told_once;
use crate::support::{
    Log,
    browser::Browser,
    world::{fake, layer},
};

const UNMATCHED: &str = "no request to SessionRoutes has matched yet";
const INSIDE: &str = "SessionRoutes are mounted inside of a TenantLayer";

async fn ask(app: &Router, browser: &Browser, path: &str) -> StatusCode {
    let request = Request::post(path)
        .header("host", "app.example")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json")
        .header("cookie", browser.cookies())
        .body(Body::from("{}"))
        .unwrap();
    app.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn a_mount_by_which_no_path_matches_is_told_with_its_remedy() {
    let routes = |descope: &Descope| SessionRoutes::new(descope.clone());
    for (mount, remedy) in [
        (
            (|routes| Router::new().route_service("/v1/auth/{*rest}", routes))
                as fn(SessionRoutes) -> Router,
            "axum's nest_service",
        ),
        (
            |routes| Router::new().nest_service("/v1/auth", routes.at("/v1/auth")),
            "leave at() out",
        ),
        (
            |routes| Router::new().fallback_service(routes.at("/auth")),
            "does not arrive",
        ),
        (
            |routes| Router::new().fallback_service(routes.at("/v1")),
            "something else follows",
        ),
    ] {
        let (fake, log) = (fake().start().await, Log::default());
        let app = mount(routes(&fake.descope()));
        let ann = Browser::ann(&fake);
        let _kept = log.up_to(Level::INFO);
        for _ in 0..5 {
            assert_eq!(ask(&app, &ann, "/v1/auth/refresh").await, 404);
        }
        assert_told_once(&log, Level::WARN, UNMATCHED, remedy);
    }
}

#[tokio::test]
async fn a_good_mount_says_nothing_whatever_paths_strangers_ask_for() {
    let (fake, log) = (fake().start().await, Log::default());
    let app = Router::new().nest_service("/v1/auth", SessionRoutes::new(fake.descope()));
    let ann = Browser::ann(&fake);
    let _kept = log.up_to(Level::INFO);
    assert_eq!(ask(&app, &ann, "/v1/auth/nothing").await, 404);
    assert_eq!(ask(&app, &ann, "/v1/auth/refresh").await, 200);
    assert_eq!(ask(&app, &ann, "/v1/auth/x/refresh").await, 404);
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn routes_inside_of_a_layer_are_told() {
    for renews in [true, false] {
        let (fake, log) = (fake().start().await, Log::default());
        let descope = fake.descope();
        let routes = Router::new().nest_service("/v1/auth", SessionRoutes::new(descope.clone()));
        let app = if renews {
            routes.layer(layer(&descope, 60))
        } else {
            routes.layer(TenantLayer::new(descope))
        };
        let ann = Browser::ann(&fake);
        let _kept = log.up_to(Level::INFO);
        for _ in 0..5 {
            ask(&app, &ann, "/v1/auth/try-refresh").await;
        }
        assert_told_once(&log, Level::WARN, INSIDE, "mount them beside it");
    }
}
