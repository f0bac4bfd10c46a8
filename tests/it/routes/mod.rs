//! The session routes, end to end: Descope's browser SDK, `SessionRoutes`, Descope.

mod anonymous;
mod draining;
mod forms;
mod heads;
mod holder;
mod limits;
mod logout;
mod mounting;
mod own_refusals;
mod races;
mod refused;
mod sdk;
mod sign_in;
mod sign_in_refused;
mod sign_outs;
mod tried_again;
mod unconfirmed;
mod upstream;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::ServiceExt;
use tower_descope::{Descope, SessionRoutes, test_util::FakeDescope};

pub(crate) use crate::support::{
    browser::Browser,
    world::{REFRESH, fake},
};

pub(crate) const TRY_REFRESH: &str = "/v1/auth/try-refresh";
pub(crate) const SELECT: &str = "/v1/auth/tenant/select";
pub(crate) const LOGOUT: &str = "/v1/auth/logout";
pub(crate) const LOGOUT_ALL: &str = "/v1/auth/logoutall";
pub(crate) const ME: &str = "/v1/auth/me";
pub(crate) const MY_TENANTS: &str = "/v1/auth/me/tenants";
pub(crate) const HISTORY: &str = "/v1/auth/me/history";

/// Each with what the browser SDK sends.
pub(crate) const CALLS: [(&str, &str); 8] = [
    (REFRESH, "{}"),
    (TRY_REFRESH, "{}"),
    (SELECT, r#"{"tenant":"T2"}"#),
    (LOGOUT, "{}"),
    (LOGOUT_ALL, "{}"),
    (ME, ""),
    (MY_TENANTS, r#"{"dct":true}"#),
    (HISTORY, ""),
];

/// The calls of which a 4xx means to the SDK that the user is signed out.
pub(crate) const ABOUT_THE_SESSION: [&str; 5] = [REFRESH, TRY_REFRESH, ME, MY_TENANTS, HISTORY];

pub(crate) fn routes(descope: &Descope) -> SessionRoutes {
    SessionRoutes::new(descope.clone()).at("/v1/auth")
}

/// How many calls came to the fake, but for its keys.
pub(crate) fn calls(fake: &FakeDescope) -> usize {
    let requests = fake.requests();
    let keys = fake.keys_path();
    requests.iter().filter(|it| it.path != keys).count()
}

impl Browser {
    /// A request as the SDK makes it: a GET without a type where there is nothing to send.
    pub(crate) fn sdk_request(&self, path: &str, body: &str) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .uri(format!("{path}?dcs=f&dcr=f"))
            .header("host", "app.example")
            .header("sec-fetch-site", "same-origin")
            .header("authorization", format!("Bearer {}", self.project_id))
            .header("x-descope-project-id", &self.project_id);
        if !body.is_empty() {
            request = request
                .method("POST")
                .header("content-type", "application/json")
                .header("origin", "https://app.example");
        }
        if !self.jar.is_empty() {
            request = request.header("cookie", self.cookies());
        }
        request.body(Full::from(body.to_owned())).unwrap()
    }

    /// Makes a call and keeps the cookies of the answer.
    pub(crate) async fn call(&mut self, routes: &SessionRoutes, path: &str, body: &str) -> Answer {
        let answer = ask(routes, self.sdk_request(path, body)).await;
        self.keep(&answer.headers);
        answer
    }

    pub(crate) async fn refresh(&mut self, routes: &SessionRoutes) -> Answer {
        self.call(routes, REFRESH, "{}").await
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or_default()
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }
}

/// Sends a request, and checks what every answer must be.
pub(crate) async fn ask(routes: &SessionRoutes, request: Request<Full<Bytes>>) -> Answer {
    let shown = format!("{} {}", request.method(), request.uri());
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let json: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{shown}: the SDK wants JSON, not {text:?}"));
    assert_eq!(parts.headers["content-type"], "application/json", "{shown}");
    assert_eq!(parts.headers["cache-control"], "no-store", "{shown}");
    assert!(!text.contains("eyJ"), "{shown} shows a token: {text}");
    let status = parts.status.as_u16();
    if status >= 400 {
        for name in ["error", "errorCode", "errorDescription", "errorMessage"] {
            assert!(json[name].is_string(), "{shown}: {name} in {text}");
        }
    }
    assert_eq!(
        status == 503,
        parts.headers.contains_key("retry-after"),
        "{shown}"
    );
    Answer {
        status,
        headers: parts.headers,
        text,
        json,
    }
}
