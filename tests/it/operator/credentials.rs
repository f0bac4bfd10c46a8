//! Credentials that a request has and that are not read.

use http::{Request, StatusCode};
use tower_descope::cookie::SessionCookies;
use tracing::Level;

use super::assert_told_once;
use crate::routes::routes;
use crate::support::{
    Log, app,
    browser::Browser,
    call, send, token,
    world::{REFRESH, fake, late, renamed_cookies},
};

const NAME: &str = "a cookie with a token of this project is not read";
const QUOTES: &str = "its value is in quotes";
const SCHEME: &str = "an Authorization field is not read";

fn own_names() -> SessionCookies {
    SessionCookies::new()
        .session_name("app")
        .refresh_name("app_refresh")
}

#[tokio::test]
async fn a_session_under_a_name_that_is_not_read_is_told_once_a_minute() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope_builder().cookies(own_names()).build().unwrap();
    let _kept = log.up_to(Level::INFO);
    let app = app(&descope);
    let cookie = format!("DS={}", token(&fake));
    for _ in 0..10 {
        let response = send(&app, &[("cookie", &cookie)]).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    assert_told_once(&log, Level::WARN, NAME, "cookie=\"DS\"");
    assert_told_once(&log, Level::WARN, NAME, "session_fallbacks");
    assert!(!log.text().contains(&token(&fake)[..40]));
    fake.clock().advance(std::time::Duration::from_secs(61));
    send(&app, &[("cookie", &cookie)]).await;
    assert_eq!(log.lines(NAME).len(), 2);
}

#[tokio::test]
async fn a_refresh_cookie_under_a_name_that_is_not_read_is_told_by_the_routes() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope_builder().cookies(own_names()).build().unwrap();
    let _kept = log.up_to(Level::INFO);
    let mut ann = Browser::ann(&fake);
    ann.jar.remove("DS");
    assert_eq!(ann.refresh(&routes(&descope)).await.status, 401);
    assert_told_once(&log, Level::WARN, NAME, "cookie=\"DSR\"");
    assert_eq!(fake.calls(REFRESH), 0);
}

#[tokio::test]
async fn cookies_of_other_applications_and_names_that_are_read_are_no_matter() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope_builder().cookies(own_names()).build().unwrap();
    let renamed = fake
        .descope_builder()
        .cookies(renamed_cookies())
        .build()
        .unwrap();
    let _kept = log.up_to(Level::INFO);
    for cookie in ["DS=dark-side; DSR=7", "ds=a.b.c", "app=a.b.c"] {
        send(&app(&descope), &[("cookie", cookie)]).await;
    }
    let cookie = format!("DS={}", token(&fake));
    let response = send(&app(&renamed), &[("cookie", &cookie)]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_session_cookie_in_quotes_is_told() {
    let (fake, log) = (fake().start().await, Log::default());
    let descope = fake.descope();
    let _kept = log.up_to(Level::INFO);
    let cookie = format!("DS=\"{}\"", token(&fake));
    for app in [app(&descope), late(&descope)] {
        let response = send(&app, &[("cookie", &cookie)]).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
    assert_told_once(&log, Level::WARN, QUOTES, "must not quote it");
}

#[tokio::test]
async fn a_token_of_another_scheme_than_bearer_is_told_without_showing_it() {
    for (scheme, shown) in [
        ("Token ", "Token"),
        ("jwt ", "JWT"),
        ("", "none"),
        ("Secret ", "another"),
    ] {
        let (fake, log) = (fake().start().await, Log::default());
        let app = app(&fake.descope());
        let _kept = log.up_to(Level::INFO);
        let token = token(&fake);
        for _ in 0..10 {
            let field = format!("{scheme}{token}");
            let response = send(&app, &[("authorization", &field)]).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        }
        assert_told_once(&log, Level::INFO, SCHEME, &format!("scheme=\"{shown}\""));
        assert_told_once(&log, Level::INFO, SCHEME, "Authorization: Bearer");
        assert!(!log.text().contains(&token[..20]), "{}", log.text());
    }
}

#[tokio::test]
async fn a_proxys_own_authorization_is_no_matter() {
    let (fake, log) = (fake().start().await, Log::default());
    let app = app(&fake.descope());
    let _kept = log.up_to(Level::INFO);
    for field in ["Basic dXNlcjpwYXNz", "Negotiate abc"] {
        send(&app, &[("authorization", field)]).await;
    }
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_client_that_is_no_browser_is_told_to_send_a_bearer_token() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let ann = Browser::ann(&fake);
    let guarded = crate::support::app_with(
        tower_descope::TenantLayer::new(descope.clone()).cookies_same_origin_only(),
    );
    let request = Request::post("/")
        .header("host", "app.example")
        .header("cookie", ann.cookies())
        .body(())
        .unwrap();
    let response = call(&guarded, request).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(
        response.body().contains("Authorization: Bearer"),
        "{}",
        response.body()
    );
    let request = Request::post(REFRESH)
        .header("host", "app.example")
        .header("origin", "https://other.example")
        .header("cookie", ann.cookies())
        .body(http_body_util::Full::default())
        .unwrap();
    let answer = crate::routes::ask(&routes(&descope), request).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text.contains("Authorization: Bearer"),
        "{}",
        answer.text
    );
}
