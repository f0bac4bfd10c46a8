//! What becomes of a request that is refused: people are led on, programs get JSON.

use std::{ops::Deref, sync::Arc};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tower_descope::{Rejection, RejectionKind, ReturnPaths, Session};

use crate::{App, doors, html::url_encode};

/// Refusals of the layer: people are sent to sign in or to choose a tenant, and come back after.
pub(crate) fn send_on(rejection: Rejection, request: &Parts) -> Response {
    if !accepts_html(&request.headers) {
        return rejection.into_response();
    }
    let (code, here) = (rejection.code(), page_of(request));
    let next = url_encode(&here);
    match rejection.kind() {
        RejectionKind::MissingToken
        | RejectionKind::ExpiredToken
        | RejectionKind::InvalidToken
        | RejectionKind::SessionRevoked
        | RejectionKind::AnonymousSession => {
            Redirect::to(&format!("/sign-in?why={code}&next={next}")).into_response()
        }
        RejectionKind::NoActiveTenant => {
            Redirect::to(&format!("/tenants?next={next}")).into_response()
        }
        _ => doors::refused(&rejection, None, &here),
    }
}

/// Refusals of handlers and extractors: pages for people. Programs get the JSON that came.
pub(crate) async fn explain(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let for_person = accepts_html(request.headers());
    let session = Session::from_extensions(request.extensions()).cloned();
    let (parts, body) = request.into_parts();
    let here = page_of(&parts);
    let response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions().get::<Rejection>() {
        Some(rejection) if for_person => {
            let viewer = session.ok().map(|session| app.viewer(&session));
            doors::refused(rejection, viewer.as_ref(), &here)
        }
        _ => response,
    }
}

/// Descope's browser SDK asks for more below `/v1` than this app has, and reads JSON only.
pub(crate) async fn not_found(
    State(app): State<Arc<App>>,
    session: Result<Session, Rejection>,
    headers: HeaderMap,
) -> Response {
    if accepts_html(&headers) {
        let viewer = session.ok().map(|session| app.viewer(&session));
        return doors::not_found(viewer.as_ref());
    }
    let json = r#"{"errorCode":"not_found","errorDescription":"there is nothing at this path"}"#;
    let ty = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::NOT_FOUND, ty, json).into_response()
}

/// Signing in and out are writes too: no other site's form may do them.
pub(crate) async fn from_this_site(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let (request, body) = request.into_parts();
    match app.descope.check_same_origin(&request) {
        Ok(()) => next.run(Request::from_parts(request, body)).await,
        Err(_) => (
            StatusCode::FORBIDDEN,
            "This form was not sent by this site.\n",
        )
            .into_response(),
    }
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    accept.is_some_and(|value| value.to_str().is_ok_and(|text| text.contains("text/html")))
}

/// A page of this site to go on to, never another site's: `//evil.test` and `/\evil.test` lead
/// away too. Its query stays. It can stand in `Location`, but is not escaped for HTML.
pub(crate) fn local_path(path: &str) -> String {
    let projects = "/projects";
    ReturnPaths::new(projects)
        .and_then(|paths| paths.below("/"))
        .map_or_else(|_| projects.to_owned(), |paths| paths.resolve(Some(path)))
}

/// The [`local_path`] that a form or a query asks for.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(crate) struct LocalPath(String);

impl LocalPath {
    /// As the value of a query.
    pub(crate) fn encoded(&self) -> String {
        url_encode(self)
    }
}

impl Default for LocalPath {
    fn default() -> Self {
        String::new().into()
    }
}

impl From<String> for LocalPath {
    fn from(path: String) -> Self {
        Self(local_path(&path))
    }
}

impl Deref for LocalPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// The name that was typed into the form of a new project.
#[derive(Clone)]
struct Typed(String);

/// More than any form of this app sends.
const FORM_LIMIT: usize = 16 * 1024;

/// Reads a form before the layer judges the request, so that a refusal need not lose what was typed:
/// [`page_of`] leads back to a form that is filled in.
pub(crate) async fn keep_typed(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, FORM_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let name = form_urlencoded::parse(&body).find(|(field, _)| field == "name");
    if let Some((_, name)) = name {
        parts.extensions.insert(Typed(name.into_owned()));
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// The page to come back to after a refusal: the one that was asked for, or the one with the form.
fn page_of(request: &Parts) -> String {
    let uri = &request.uri;
    match request.extensions.get::<Typed>() {
        Some(Typed(name)) => local_path(&format!("{}?name={}", uri.path(), url_encode(name))),
        None if request.method == Method::GET => {
            local_path(uri.path_and_query().map_or("/", |page| page.as_str()))
        }
        None => local_path(uri.path()),
    }
}
