//! The cookies of a sign-in: their lines, and that they sign the browser in.

use axum::{Router, routing::post};
use http::{HeaderMap, Request, StatusCode, header};
use tower::ServiceExt;
use tower_descope::{
    Descope, ErrorKind, RefreshToken, SessionToken,
    cookie::{SameSite, SessionCookies},
    sign_in::{CodeRecipient, SignInRefusal},
    test_util::{FakeDescope, SignedIn},
};

use super::{adopt, head, lines, lives};
use crate::{
    routes::{LOGOUT, calls},
    support::{
        app,
        browser::{Browser, set_cookies},
        settled,
        world::{EXPIRY, REFRESH, fake, late},
    },
};

const VERIFY: &str = "/v1/auth/otp/verify/email";

/// The lines for a browser, with the tokens' names in place of their text.
async fn named_lines(descope: &Descope, browser: &Browser, login: &SignedIn) -> Vec<String> {
    let signed_in = adopt(descope, browser, login).await.unwrap();
    let name = |line: String| {
        let line = line.replace(login.session_jwt(), "<session>");
        line.replace(login.refresh_jwt(), "<refresh>")
    };
    lines(&signed_in).into_iter().map(name).collect()
}

#[tokio::test]
async fn the_lines_are_those_that_the_settings_say_and_remove_what_stands_in_former_scopes() {
    const LIFE: &str = "Max-Age=2419200";
    const GONE: &str = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    let fake = fake().start().await;
    let usual = "HttpOnly; SameSite=Strict; Secure; Path=/";
    for (cookies, expected) in [
        (
            SessionCookies::new(),
            vec![
                format!("DSR=<refresh>; {usual}; {LIFE}"),
                format!("DS=<session>; {usual}; {LIFE}"),
            ],
        ),
        (
            SessionCookies::host_prefixed().same_site(SameSite::Lax),
            vec![
                format!("__Host-DSR=<refresh>; HttpOnly; SameSite=Lax; Secure; Path=/; {LIFE}"),
                format!("__Host-DS=<session>; HttpOnly; SameSite=Lax; Secure; Path=/; {LIFE}"),
            ],
        ),
        (
            SessionCookies::new()
                .domain("app.example.test")
                .path("/in")
                .former_cookie_scope(Some("example.test"), "/"),
            vec![
                format!("DSR=; {usual}; Domain=example.test; {GONE}"),
                format!(
                    "DSR=<refresh>; HttpOnly; SameSite=Strict; Secure; Path=/in; Domain=app.example.test; \
                     {LIFE}"
                ),
                format!("DS=; {usual}; Domain=example.test; {GONE}"),
                format!(
                    "DS=<session>; HttpOnly; SameSite=Strict; Secure; Path=/in; Domain=app.example.test; \
                     {LIFE}"
                ),
            ],
        ),
    ] {
        let descope = fake.descope_builder().cookies(cookies).build().unwrap();
        let login = fake.sign_in_to("ann@example.test", "T1");
        let lines = named_lines(&descope, &Browser::default(), &login).await;
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn secure_is_left_out_for_loopback_alone_and_only_if_asked_for() {
    let fake = fake().start().await;
    let login = fake.sign_in("ann@example.test");
    for insecure in [false, true] {
        let cookies = SessionCookies::new().danger_insecure_cookies_on_loopback(insecure);
        let descope = fake.descope_builder().cookies(cookies).build().unwrap();
        for (host, is_loopback) in [("localhost:3000", true), ("app.example", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let session = SessionToken::new(login.session_jwt());
            let refresh = RefreshToken::new(login.refresh_jwt());
            let signed_in = descope.adopt(&headers, session, refresh).await.unwrap();
            let lines = lines(&signed_in);
            assert_eq!(lines.len(), 2);
            for line in lines {
                let is_secure = line.contains("; Secure");
                assert_eq!(is_secure, !(insecure && is_loopback), "{host}: {line}");
            }
        }
    }
}

#[tokio::test]
async fn the_response_is_kept_out_of_caches_and_keeps_its_other_cookies() {
    let fake = fake().start().await;
    let login = fake.sign_in("ann@example.test");
    let signed_in = adopt(&fake.descope(), &Browser::default(), &login)
        .await
        .unwrap();
    let mut head = HeaderMap::new();
    head.insert("set-cookie", "theme=dark".parse().unwrap());
    head.insert("cache-control", "public, max-age=600".parse().unwrap());
    head.insert("cdn-cache-control", "max-age=600".parse().unwrap());
    signed_in.set_cookies(&mut head);
    assert_eq!(head["cache-control"], "no-store");
    assert!(!head.contains_key("cdn-cache-control"));
    let lines = set_cookies(&head);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], "theme=dark");
}

#[tokio::test]
async fn what_is_written_is_what_the_layer_reads_and_renews() {
    let fake = fake().start().await;
    for cookies in [
        SessionCookies::new(),
        SessionCookies::host_prefixed(),
        SessionCookies::new()
            .session_name("app")
            .refresh_name("app-r"),
    ] {
        let descope = fake.descope_builder().cookies(cookies).build().unwrap();
        let login = fake.sign_in_to("ann@example.test", "T1");
        let mut browser = Browser::default();
        let signed_in = adopt(&descope, &browser, &login).await.unwrap();
        browser.receive(&signed_in);
        assert_eq!(browser.jar.len(), 2);
        assert_eq!(browser.visit(&app(&descope)).await.body(), "U1@T1");
        fake.clock().advance(EXPIRY);
        assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
        fake.clock().advance(EXPIRY);
        assert_eq!(browser.visit(&late(&descope)).await.body(), "U1@T1");
    }
}

#[tokio::test]
async fn with_axum_a_sign_in_and_a_sign_out_are_parts_of_a_response() {
    use axum::{
        extract::State,
        http::request::Parts,
        response::{IntoResponse, Redirect},
    };

    async fn enter(
        State(descope): State<Descope>,
        request: Parts,
    ) -> Result<impl IntoResponse, SignInRefusal> {
        descope.check_same_origin(&request)?;
        let to = CodeRecipient::email("ann@example.test");
        let code = request.uri.query().unwrap_or_default();
        let signed_in = descope.verify_code(&request.headers, &to, code).await?;
        Ok((signed_in, Redirect::to("/projects")))
    }

    async fn leave(State(descope): State<Descope>, headers: HeaderMap) -> impl IntoResponse {
        (descope.sign_out(&headers).await, Redirect::to("/"))
    }

    let fake = fake().start().await;
    let descope = fake.descope();
    let to = CodeRecipient::email("ann@example.test");
    descope.send_code(&to).await.unwrap();
    let routes = Router::new()
        .route("/enter", post(enter))
        .route("/leave", post(leave))
        .with_state(descope.clone());
    let mut browser = Browser::default();
    let post = async |browser: &Browser, uri: &str, site: &str| {
        let request = Request::post(uri)
            .header("host", "app.example")
            .header("sec-fetch-site", site)
            .header("cookie", browser.cookies());
        let request = request.body(axum::body::Body::empty()).unwrap();
        routes.clone().oneshot(request).await.unwrap()
    };
    for (uri, site, status, code) in [
        (
            "/enter?123456",
            "cross-site",
            StatusCode::FORBIDDEN,
            "cross_site",
        ),
        (
            "/enter?111111",
            "same-origin",
            StatusCode::FORBIDDEN,
            "code_refused",
        ),
        (
            "/enter?no%20code",
            "same-origin",
            StatusCode::BAD_REQUEST,
            "invalid_body",
        ),
    ] {
        let response = post(&browser, uri, site).await;
        assert_eq!(response.status(), status, "{uri}");
        assert_eq!(response.headers()["x-descope-rejection"], code, "{uri}");
        assert!(set_cookies(response.headers()).is_empty(), "{uri}");
    }
    let response = post(&browser, "/enter?123456", "same-origin").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["location"], "/projects");
    assert_eq!(response.headers()["cache-control"], "no-store");
    browser.keep(response.headers());
    assert_eq!(browser.visit(&app(&descope)).await.body(), "U1@-");

    let response = post(&browser, "/leave", "same-origin").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["cache-control"], "no-store");
    browser.keep(response.headers());
    assert!(browser.jar.is_empty());
    assert_eq!(fake.calls(LOGOUT), 1);
}

/// With a claim that leaves no room in a session cookie.
async fn with_a_large_user() -> FakeDescope {
    let fake = fake().user("large@example.test", |user| {
        user.id("U9").claim("large", "x".repeat(3_500))
    });
    fake.start().await
}

#[tokio::test]
async fn a_token_that_browsers_would_drop_signs_nobody_in() {
    for rotate in [false, true] {
        let fake = with_a_large_user().await;
        let descope = fake.descope();
        let browser = Browser::ann(&fake);
        let login = fake.sign_in("large@example.test");
        let error = adopt(&descope, &browser, &login).rotate(rotate).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::CookieTooLarge);
        // What nobody else has is ended at Descope; whoever handed the tokens over may have other uses.
        fake.wait_for_calls(LOGOUT, usize::from(rotate)).await;
        settled(&fake).await;
        assert_eq!(fake.calls(REFRESH), usize::from(rotate));
        assert_eq!(fake.calls(LOGOUT), usize::from(rotate));
        assert_eq!(lives(&fake, login.refresh_jwt()).await, !rotate);
        // Whoever was signed in stays so.
        assert!(browser.renews(&descope).await);
    }
}

#[tokio::test]
async fn a_code_that_brings_too_large_a_token_is_ended_at_descope_too() {
    let fake = with_a_large_user().await;
    let descope = fake.descope();
    let browser = Browser::ann(&fake);
    let to = CodeRecipient::email("large@example.test");
    descope.send_code(&to).await.unwrap();
    let adopt = descope.verify_code(&browser.headers(), &to, FakeDescope::ONE_TIME_CODE);
    assert_eq!(adopt.await.unwrap_err().kind(), ErrorKind::CookieTooLarge);
    fake.wait_for_calls(LOGOUT, 1).await;
    settled(&fake).await;
    assert_eq!((fake.calls(VERIFY), fake.calls(LOGOUT)), (1, 1));
    assert!(browser.renews(&descope).await);
}

#[tokio::test]
async fn a_session_that_ended_before_its_response_is_written_writes_no_cookies() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let login = fake.sign_in("ann@example.test");
    let signed_in = adopt(&descope, &Browser::default(), &login).await.unwrap();
    assert_eq!(lines(&signed_in).len(), 2);
    let refresh = RefreshToken::new(login.refresh_jwt());
    descope.logout(&refresh).await.unwrap();
    let head = head(&signed_in);
    assert!(set_cookies(&head).is_empty());
    assert_eq!(head["cache-control"], "no-store");
}

#[tokio::test]
async fn what_was_selected_before_the_response_is_written_is_what_it_writes() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let login = fake.sign_in_to("ann@example.test", "T1");
    let mut browser = Browser::default();
    let signed_in = adopt(&descope, &browser, &login).await.unwrap();
    let refresh = RefreshToken::new(login.refresh_jwt());
    let tenant = tower_descope::TenantId::new("T2").unwrap();
    descope.select_tenant(&refresh, &tenant).await.unwrap();
    browser.receive(&signed_in);
    let before = calls(&fake);
    assert_eq!(browser.visit(&app(&descope)).await.body(), "U1@T2");
    assert_eq!(calls(&fake), before);
}
