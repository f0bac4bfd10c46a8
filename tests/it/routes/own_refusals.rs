//! Refusals of the application's own form.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use serde_json::json;
use tower::ServiceExt;
use tower_descope::{
    SelectTenant, SessionRoutes, auth::RejectionResponse, routes::Refusal, test_util::Canned,
};

use super::*;

/// A body that breaks off.
struct Broken;

impl Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::Error::other("no"))))
    }
}

/// A response, with its body read.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn code(&self) -> &str {
        self.headers["x-descope-rejection"].to_str().unwrap()
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that refusals of one's own have"
)]
fn own(refusal: Refusal, request: &Parts) -> Response<String> {
    let text = format!(
        "{} {} at {}: {}",
        request.method,
        refusal.code(),
        request.uri.path(),
        refusal.description()
    );
    let mut response = refusal.to_response(text);
    let language = HeaderValue::from_static("Accept-Language");
    response.headers_mut().insert(header::VARY, language);
    response
}

async fn ask(routes: &SessionRoutes, browser: &Browser, method: Method, path: &str) -> Answer {
    let body = match path {
        // Of a user, which is not looked at where nobody is signed in.
        SELECT if !browser.jar.is_empty() => r#"{"tenant":"T2"}"#,
        _ => "{}",
    };
    let mut request = browser.request(method, &[("sec-fetch-site", "same-origin")]);
    *request.uri_mut() = path.parse().unwrap();
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    let request = request.map(|()| Full::<Bytes>::from(body));
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(text.to_vec()).unwrap(),
    }
}

#[tokio::test]
async fn every_call_refuses_in_the_application_s_form_with_status_and_code() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope()).with_rejection_response(own);
    let stranger = Browser::signed_out(&fake);
    for (method, path, status, code) in [
        (Method::POST, REFRESH, 401, "missing_refresh_token"),
        (Method::GET, REFRESH, 405, "method_not_allowed"),
        (Method::GET, ME, 401, "missing_refresh_token"),
        (Method::GET, SELECT, 405, "method_not_allowed"),
        (Method::POST, SELECT, 400, "invalid_body"),
        (Method::POST, "/v1/auth/nothing", 404, "not_found"),
    ] {
        let answer = ask(&routes, &stranger, method.clone(), path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.code(), code, "{path}");
        let start = format!("{method} {code} at {path}: ");
        assert!(answer.text.starts_with(&start), "{}", answer.text);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["Accept-Language", "Authorization, Cookie"]);
        assert_eq!(
            answer.headers.contains_key("allow"),
            status == 405,
            "{path}"
        );
        let has_challenge = answer.headers.contains_key("www-authenticate");
        assert_eq!(has_challenge, status == 401, "{path}");
    }
    let answer = ask(&routes, &stranger, Method::GET, SELECT).await;
    assert!(
        answer.text.ends_with(": only POST is allowed"),
        "{}",
        answer.text
    );
    // What is no refusal stays.
    let answer = ask(&routes, &stranger, Method::POST, TRY_REFRESH).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (200, "{}"));
}

#[tokio::test]
async fn the_cookies_of_a_session_that_is_over_are_removed_whatever_the_form() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope()).with_rejection_response(|_: Refusal, _: &Parts| {
        let mut response = Response::new(Full::<Bytes>::from("{}"));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        let own = HeaderValue::from_static("own=1");
        response.headers_mut().insert(header::SET_COOKIE, own);
        let wrong = HeaderValue::from_static("something_else");
        response.headers_mut().insert("x-descope-rejection", wrong);
        let stored = HeaderValue::from_static("public, max-age=60");
        response.headers_mut().insert(header::CACHE_CONTROL, stored);
        response
    });
    for path in [REFRESH, SELECT] {
        let mut browser = Browser::ann(&fake);
        let over = Canned::json(401, &json!({"errorCode": "E064001"}));
        fake.respond_next(path, over);
        let answer = ask(&routes, &browser, Method::POST, path).await;
        assert_eq!(answer.status, StatusCode::IM_A_TEAPOT, "{path}");
        assert_eq!(answer.code(), "expired_token", "{path}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let set: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert_eq!(set[0], "own=1");
        browser.keep(&answer.headers);
        assert!(!browser.jar.contains_key("DS") && !browser.jar.contains_key("DSR"));
    }
}

#[tokio::test]
async fn descope_s_code_and_its_retry_after_are_there_for_the_form() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope()).with_rejection_response(|refusal: Refusal, _: &Parts| {
        let code = refusal.upstream_code().unwrap_or_default().to_owned();
        refusal.to_response(code)
    });
    let refused = Canned::json(403, &json!({"errorCode": "E011001"}));
    fake.respond_next(REFRESH, refused);
    let answer = ask(&routes, &Browser::ann(&fake), Method::POST, REFRESH).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (503, "E011001"));
    assert_eq!(answer.headers["retry-after"], "10");
}

#[tokio::test]
async fn a_select_of_one_s_own_has_a_form_of_its_own_and_a_type_can_make_both() {
    #[derive(Clone)]
    struct Named(&'static str);

    impl RejectionResponse<Full<Bytes>, Refusal> for Named {
        fn rejection_response(&mut self, refusal: Refusal, _: &Parts) -> Response<Full<Bytes>> {
            refusal.to_response(Full::from(self.0))
        }
    }

    let fake = fake().start().await;
    let select = SelectTenant::new(fake.descope()).with_rejection_shaper(Named("select"));
    let routes = routes(&fake.descope())
        .select_tenant(select)
        .with_rejection_shaper(Named("routes"));
    let stranger = Browser::signed_out(&fake);
    for (path, text) in [(REFRESH, "routes"), (SELECT, "select")] {
        let answer = ask(&routes, &stranger, Method::PUT, path).await;
        assert_eq!((answer.status.as_u16(), &*answer.text), (405, text));
    }
}

#[tokio::test]
async fn a_body_that_fails_leaves_the_status_and_the_cookies() {
    let fake = fake().start().await;
    let routes = routes(&fake.descope()).with_rejection_response(|refusal: Refusal, _: &Parts| {
        let mut response = refusal.to_response(Broken);
        let length = HeaderValue::from_static("4711");
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
        response
    });
    let over = Canned::json(401, &json!({"errorCode": "E064001"}));
    fake.respond_next(REFRESH, over);
    let answer = ask(&routes, &Browser::ann(&fake), Method::POST, REFRESH).await;
    assert_eq!((answer.status.as_u16(), &*answer.text), (401, ""));
    assert!(!answer.headers.contains_key("content-length"));
    assert!(answer.headers.get_all("set-cookie").iter().count() >= 2);
}
