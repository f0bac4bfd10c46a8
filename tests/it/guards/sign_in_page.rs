//! People are sent to the sign-in page; programs get the refusal.

use http::{Method, Request, Response, Version, request::Parts};
use tower::{Layer, ServiceBuilder};
use tower_descope::{Rejection, Require, SignInPage, TenantLayer, test_util::FakeDescope};

use crate::support::{App, call, seen, token};

fn layered(fake: &FakeDescope) -> App {
    let page = SignInPage::new("/login").unwrap();
    crate::support::app_with(TenantLayer::new(fake.descope()).with_rejection_shaper(page))
}

fn navigation(path: &str) -> Request<()> {
    let request = Request::get(path).header("sec-fetch-mode", "navigate");
    request.header("accept", "text/html").body(()).unwrap()
}

fn location<B>(response: &Response<B>) -> &str {
    assert_eq!(response.status(), 303);
    response.headers()["location"].to_str().unwrap()
}

#[tokio::test]
async fn a_page_that_needs_a_session_leads_to_the_sign_in_page_and_back() {
    let fake = FakeDescope::start().await;
    let app = layered(&fake);
    for (path, expected) in [
        ("/", "/login?return_to=%2F"),
        ("/a?b=c&d=%26", "/login?return_to=%2Fa%3Fb%3Dc%26d%3D%2526"),
        ("/a%0d%0ax", "/login?return_to=%2Fa%250d%250ax"),
        // What browsers would resolve to another place does not come along.
        ("//evil.example/a", "/login"),
        ("/a/../b", "/login"),
        ("/a/%2e%2e/b", "/login"),
    ] {
        let response = call(&app, navigation(path)).await;
        assert_eq!(location(&response), expected);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-descope-rejection"], "missing_token");
        assert!(!response.headers().contains_key("www-authenticate"));
        let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
        assert_eq!(vary, ["Accept, Sec-Fetch-Mode", "Authorization, Cookie"]);
        assert_eq!(response.body(), "");
    }
    // Over HTTP/2 the target names the host, which does not come along.
    let mut request = navigation("https://app.example/a");
    *request.version_mut() = Version::HTTP_2;
    assert_eq!(
        location(&call(&app, request).await),
        "/login?return_to=%2Fa"
    );
}

#[tokio::test]
async fn programs_forms_and_grpc_get_the_refusal() {
    let fake = FakeDescope::start().await;
    let app = layered(&fake);
    let request = |method: Method, fields: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri("/a");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    };
    for request in [
        request(Method::GET, &[]),
        request(Method::GET, &[("accept", "*/*")]),
        request(
            Method::GET,
            &[("accept", "text/html"), ("sec-fetch-mode", "cors")],
        ),
        request(
            Method::POST,
            &[("accept", "text/html"), ("sec-fetch-mode", "navigate")],
        ),
    ] {
        let response = call(&app, request).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert!(!response.headers().contains_key("location"));
    }
    let mut grpc = request(Method::POST, &[("content-type", "application/grpc")]);
    *grpc.version_mut() = Version::HTTP_2;
    assert_eq!(call(&app, grpc).await.headers()["grpc-status"], "16");
}

#[tokio::test]
async fn only_what_signing_in_helps_against_leads_there() {
    let fake = FakeDescope::start().await;
    let page = SignInPage::new("/login?step=up").unwrap();
    let with = |guard: Require| -> App {
        let guard = guard.with_rejection_shaper(page.clone());
        let inner =
            ServiceBuilder::new()
                .layer(guard)
                .service_fn(|request: Request<()>| async move {
                    Ok::<_, std::convert::Infallible>(Response::new(seen(&request)))
                });
        App::new(TenantLayer::new(fake.descope()).optional().layer(inner))
    };
    let signed_in = |path: &str| {
        let mut request = navigation(path);
        let bearer = format!("Bearer {}", token(&fake)).parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        request
    };
    let admin = with(Require::role("admin"));
    let response = call(&admin, navigation("/a")).await;
    assert_eq!(location(&response), "/login?step=up&return_to=%2Fa");
    let response = call(&admin, signed_in("/a")).await;
    assert_eq!(response.status(), 403);
    assert!(response.body().contains("missing_role"));
    let response = call(&with(Require::step_up()), signed_in("/a")).await;
    assert_eq!(location(&response), "/login?step=up&return_to=%2Fa");
}

#[tokio::test]
async fn all_else_may_be_shaped_by_a_closure() {
    let fake = FakeDescope::start().await;
    let page = SignInPage::new("/login")
        .unwrap()
        .otherwise(|rejection: Rejection, _: &Parts| {
            Response::new(format!("no: {}", rejection.code()))
        });
    let app =
        crate::support::app_with(TenantLayer::new(fake.descope()).with_rejection_shaper(page));
    assert_eq!(
        location(&call(&app, navigation("/a")).await),
        "/login?return_to=%2Fa"
    );
    let response = call(&app, Request::get("/a").body(()).unwrap()).await;
    assert_eq!(response.body(), "no: missing_token");
    assert_eq!(response.headers()["x-descope-rejection"], "missing_token");
}

#[test]
fn a_page_of_another_site_is_no_sign_in_page() {
    for page in [
        "",
        "login",
        "//evil.example",
        "https://evil.example/",
        "/a/../b",
        "/a#b",
    ] {
        assert!(SignInPage::new(page).is_err(), "{page:?}");
    }
}
