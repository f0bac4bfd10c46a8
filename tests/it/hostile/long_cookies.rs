//! More cookies than are read: refused at every door, and never in the way of a sign-out.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Version, header};
use http_body_util::Full;
use tower_descope::{SelectTenant, SessionRoutes, TenantLayer, test_util::FakeDescope};

use crate::{
    routes::{CALLS, LOGOUT, LOGOUT_ALL, ask, calls, routes},
    select,
    support::{
        App, app, app_with,
        browser::{Browser, untouched},
        call, challenge, code,
        world::{EXPIRY, fake, late},
    },
};

/// The most that is read, in bytes of all fields together.
const BOUND: usize = 64 * 1024;

/// Adds `Cookie` fields of other applications, until all fields together are so long.
fn fill<B>(request: &mut Request<B>, length: usize) {
    let fields = request.headers().get_all(header::COOKIE);
    let mut missing = length - fields.iter().map(HeaderValue::len).sum::<usize>();
    while missing > 0 {
        let field = "a=1; ".repeat(4_000)[..missing.min(16_000)]
            .trim_end()
            .to_owned();
        // White space at the end of a field is no part of it.
        let field = format!("{field:x<width$}", width = missing.min(16_000));
        missing -= field.len();
        let headers = request.headers_mut();
        headers.append(header::COOKIE, field.parse().unwrap());
    }
}

/// What a page's request meets that has so many bytes of cookies.
async fn visit(app: &App, browser: &Browser, length: usize) -> String {
    let mut request = browser.get();
    fill(&mut request, length);
    let response = call(app, request).await;
    assert!(untouched(&response));
    if response.status() == 200 {
        return response.into_body();
    }
    assert_eq!(response.status(), 400);
    assert_eq!(
        challenge(response.headers()),
        Some(
            "Bearer error=\"invalid_request\", \
             error_description=\"more than 64 KiB of cookies were sent, delete cookies of this site\""
        )
    );
    code(&response).to_owned()
}

#[tokio::test]
async fn the_layer_reads_64_kib_of_cookies_and_refuses_a_byte_more() {
    let fake = fake().start().await;
    let plain = app(&fake.descope());
    let ann = Browser::ann(&fake);
    let nobody = Browser::signed_out(&fake);
    for app in [plain, late(&fake.descope())] {
        assert_eq!(visit(&app, &ann, BOUND).await, "U1@T1");
        assert_eq!(visit(&app, &ann, BOUND + 1).await, "headers_too_large");
        assert_eq!(visit(&app, &nobody, 390_000).await, "headers_too_large");
    }
    let optional = app_with(TenantLayer::new(fake.descope()).optional());
    assert_eq!(visit(&optional, &ann, BOUND).await, "U1@T1");
    // The handler sees why nobody is signed in.
    assert_eq!(visit(&optional, &ann, BOUND + 1).await, "headers_too_large");
    assert_eq!(calls(&fake), 0);
}

#[tokio::test]
async fn too_long_cookies_renew_nothing_and_remove_nothing() {
    let fake = fake().start().await;
    let app = late(&fake.descope());
    let ann = Browser::ann(&fake);
    fake.clock().advance(EXPIRY);
    assert_eq!(visit(&app, &ann, BOUND + 1).await, "headers_too_large");
    assert_eq!(calls(&fake), 0);
    let mut request = ann.get();
    fill(&mut request, BOUND);
    let response = call(&app, request).await;
    assert_eq!(response.body(), "U1@T1");
    assert!(!untouched(&response), "it is renewed");
}

#[tokio::test]
async fn a_bearer_token_decides_alone_beside_too_long_cookies() {
    let fake = fake().start().await;
    let ann = Browser::ann(&fake);
    for app in [app(&fake.descope()), late(&fake.descope())] {
        for (token, seen) in [(&*ann.jar["DS"], "U1@T1"), ("x", "invalid_token")] {
            let bearer = format!("Bearer {token}");
            let mut request = ann.request(Method::GET, &[("authorization", &bearer)]);
            fill(&mut request, BOUND + 1);
            let response = call(&app, request).await;
            let is_refused = response.status() == 401;
            let told = if is_refused {
                code(&response)
            } else {
                response.body()
            };
            assert_eq!(told, seen);
        }
    }
}

#[tokio::test]
async fn too_long_cookies_of_a_grpc_call_are_an_invalid_argument() {
    let fake = FakeDescope::start().await;
    let mut request = Request::post("/greeter.Greeter/Hello")
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    fill(&mut request, BOUND + 1);
    let response = call(&app(&fake.descope()), request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["grpc-status"], "3");
}

#[tokio::test]
async fn no_call_of_a_session_reads_too_long_cookies_or_sends_anything() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope());
    let ann = Browser::ann(&fake);
    for (path, body) in CALLS {
        if [LOGOUT, LOGOUT_ALL].contains(&path) {
            continue;
        }
        let mut request = ann.sdk_request(path, body);
        fill(&mut request, BOUND + 1);
        let answer = ask(&routes, request).await;
        let told = (answer.status, answer.error());
        assert_eq!(told, (400, "headers_too_large"), "{path}");
        assert!(answer.cookies().is_empty(), "{path}");
    }
    let mut request = ann.select_request(r#"{"tenant":"T2"}"#);
    fill(&mut request, BOUND + 1);
    let answer = select::ask(&SelectTenant::new(fake.descope()), request).await;
    let told = (answer.status.as_u16(), answer.error());
    assert_eq!(told, (400, "headers_too_large"));
    assert_eq!(calls(&fake), 0);

    let mut request = ann.sdk_request(CALLS[0].0, CALLS[0].1);
    fill(&mut request, BOUND);
    assert_eq!(ask(&routes, request).await.status, 200);
}

/// Whether the cookies of the answer sign the browser out.
fn signs_out(answer: &crate::routes::Answer) -> bool {
    let lines = answer.cookies();
    let removed = |start: &str| lines.iter().any(|line| line.starts_with(start));
    removed("DS=; ") && removed("DSR=; ")
}

fn sign_out(browser: &Browser, path: &str) -> Request<Full<Bytes>> {
    let mut request = browser.sdk_request(path, "{}");
    request.headers_mut().remove(header::COOKIE);
    request
}

/// Sends a sign-out: the browser is signed out, and Descope has been told so often.
async fn sign_out_with(
    fake: &FakeDescope,
    routes: &SessionRoutes,
    path: &str,
    request: Request<Full<Bytes>>,
    told: usize,
) {
    let answer = ask(routes, request).await;
    assert_eq!(answer.status, 200, "{path}");
    assert!(signs_out(&answer), "{path}");
    assert_eq!(
        fake.calls(path),
        told,
        "{path}: what is not read is not sent"
    );
}

#[tokio::test]
async fn a_full_jar_keeps_nobody_signed_in() {
    for path in [LOGOUT, LOGOUT_ALL] {
        let fake = fake().start().await;
        let routes = routes(&fake.descope());
        // The fields that are read hold Ann's session, so that it ends at Descope, too.
        let ann = Browser::ann(&fake);
        let mut request = ann.sdk_request(path, "{}");
        fill(&mut request, 390_000);
        sign_out_with(&fake, &routes, path, request, 1).await;

        // The session stands behind them: the browser is signed out all the same.
        let bob = Browser::signed_in(&fake, "bob@example.test");
        let mut request = sign_out(&bob, path);
        fill(&mut request, BOUND);
        let cookies = bob.cookies().parse().unwrap();
        request.headers_mut().append(header::COOKIE, cookies);
        sign_out_with(&fake, &routes, path, request, 1).await;
    }
}

#[tokio::test]
async fn a_full_jar_in_one_field_keeps_nobody_signed_in() {
    // As a browser sends its cookies over HTTP/1.1. The bound falls into one of the other ones, then into
    // that of the session.
    let junk = |bytes: usize| "a=1234; ".repeat(bytes / 8);
    for path in [LOGOUT, LOGOUT_ALL] {
        let fake = fake().start().await;
        let routes = routes(&fake.descope());
        let ann = Browser::ann(&fake);
        let before = format!("{}; {}", ann.cookies(), junk(320_000));
        let bob = Browser::signed_in(&fake, "bob@example.test");
        let behind = format!("{}{}", junk(BOUND - 160), bob.cookies());
        for (browser, cookies) in [(ann, before), (bob, behind)] {
            let mut request = sign_out(&browser, path);
            let field = cookies.trim_end().parse().unwrap();
            request.headers_mut().insert(header::COOKIE, field);
            sign_out_with(&fake, &routes, path, request, 1).await;
        }
    }
}
