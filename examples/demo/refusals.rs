//! What becomes of a request that is refused: people are led on, programs get JSON.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use tower_descope::{Rejection, RejectionKind, Session};

use crate::{App, doors};

/// Refusals of the layer: people are sent to sign in or to choose a tenant, and come back after.
pub(crate) fn send_on(rejection: Rejection, request: &Parts) -> Response {
    if !accepts_html(&request.headers) {
        return rejection.into_response();
    }
    let (code, next) = (rejection.code(), local_path(request.uri.path()));
    match rejection.kind() {
        RejectionKind::MissingToken
        | RejectionKind::ExpiredToken
        | RejectionKind::InvalidToken
        | RejectionKind::AnonymousSession => {
            Redirect::to(&format!("/sign-in?why={code}&next={next}")).into_response()
        }
        RejectionKind::NoActiveTenant => {
            Redirect::to(&format!("/tenants?next={next}")).into_response()
        }
        _ => doors::refused(&rejection, None, next),
    }
}

/// Refusals of handlers and extractors: pages for people. Programs get the JSON that came.
pub(crate) async fn explain(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let for_person = accepts_html(request.headers());
    let session = Session::from_extensions(request.extensions()).cloned();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    match response.extensions().get::<Rejection>() {
        Some(rejection) if for_person => {
            let viewer = session.ok().map(|session| app.viewer(&session));
            doors::refused(rejection, viewer.as_ref(), local_path(&path))
        }
        _ => response,
    }
}

/// Descope's browser SDK asks for more below `/v1` than this app has, and reads JSON only.
pub(crate) async fn not_found(headers: HeaderMap) -> Response {
    if accepts_html(&headers) {
        return doors::not_found();
    }
    let json = r#"{"errorCode":"not_found","errorDescription":"there is nothing at this path"}"#;
    let ty = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::NOT_FOUND, ty, json).into_response()
}

/// Signing in and out are writes too: no other site's form may do them.
pub(crate) async fn from_this_site(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && !is_same_origin(request.headers()) {
        return (
            StatusCode::FORBIDDEN,
            "This form was not sent by this site.\n",
        )
            .into_response();
    }
    next.run(request).await
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = header("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    // Browsers that do not say so. This server speaks plain http, on loopback only.
    let origin = header("origin").and_then(|origin| origin.strip_prefix("http://"));
    origin.is_some() && origin == header("host")
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    accept.is_some_and(|value| value.to_str().is_ok_and(|text| text.contains("text/html")))
}

/// A page of this site to go on to, never another site's: `//evil.test` and `/\evil.test` lead
/// away too. Nothing in it needs escaping in a URL.
pub(crate) fn local_path(path: &str) -> &str {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 200
        && path
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
    if local { path } else { "/projects" }
}
