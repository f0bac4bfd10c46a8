//! Signing in and out. These handlers stand outside `TenantLayer`.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tower_descope::{Rejection, RejectionKind, Session};

use crate::{
    App,
    accounts::SignInFailure,
    cookies::CookieStyle,
    doors,
    html::{Notice, url_encode},
    refusals::local_path,
};

#[derive(Deserialize)]
pub(crate) struct SignInQuery {
    next: Option<String>,
    why: Option<String>,
}

pub(crate) async fn page(
    State(app): State<Arc<App>>,
    Query(query): Query<SignInQuery>,
    session: Result<Session, Rejection>,
) -> Response {
    let next = local_path(query.next.as_deref().unwrap_or("/projects"));
    // Why somebody was sent here is over then: they have signed in since, in another tab.
    if let Ok(session) = session {
        return doors::signed_in_already(&app.accounts, &app.viewer(&session), &next);
    }
    let why = Notice::why(query.why.as_deref());
    doors::sign_in(&app.accounts, &next, why.as_ref())
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    login: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// Has a code sent; with the fake, whose code everybody knows, goes straight on.
pub(crate) async fn start(State(app): State<Arc<App>>, Form(form): Form<SignInForm>) -> Response {
    let next = local_path(&form.next);
    if let Err(failure) = app.accounts.send_code(&form.login).await {
        return doors::sign_in(&app.accounts, &next, Some(&Notice::failure(failure)));
    }
    match app.accounts.known_code() {
        Some(code) => enter(&app, &form.login, code, &next).await,
        None => doors::code(&form.login, &next, None),
    }
}

pub(crate) async fn finish(State(app): State<Arc<App>>, Form(form): Form<SignInForm>) -> Response {
    enter(&app, &form.login, form.code.trim(), &local_path(&form.next)).await
}

async fn enter(app: &App, login: &str, code: &str, next: &str) -> Response {
    match app.accounts.sign_in(&app.descope, login, code).await {
        Ok(cookies) => {
            let done = Redirect::to(&format!("/sign-in/done?next={}", url_encode(next)));
            (set_cookies(cookies), done).into_response()
        }
        Err(failure @ SignInFailure::Refused) if app.accounts.known_code().is_none() => {
            doors::code(login, next, Some(&Notice::failure(failure)))
        }
        Err(failure) => doors::sign_in(&app.accounts, next, Some(&Notice::failure(failure))),
    }
}

/// Did the browser keep the cookies? Asked once, here, so that nobody runs in circles.
pub(crate) async fn done(
    State(app): State<Arc<App>>,
    Query(query): Query<SignInQuery>,
    session: Result<Session, Rejection>,
) -> Response {
    let next = local_path(query.next.as_deref().unwrap_or("/projects"));
    match session {
        Ok(_) => Redirect::to(&next).into_response(),
        Err(rejection) if rejection.kind() == RejectionKind::MissingToken => {
            doors::no_cookies(app.accounts.cookies())
        }
        Err(rejection) => rejection.into_response(),
    }
}

/// Always removes the cookies, also of a session that has expired, and tells Descope.
pub(crate) async fn out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let cookies = app.accounts.cookies();
    if let Some(token) = cookies.refresh_token(&headers)
        && let Err(error) = app.descope.logout(&token).await
    {
        tracing::warn!(%error, "descope was not told of a sign-out");
    }
    gone(cookies, "signed_out")
}

/// As [`out`], and other browsers are signed out when their sessions are due to be renewed.
pub(crate) async fn out_everywhere(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let cookies = app.accounts.cookies();
    let done = match cookies.refresh_token(&headers) {
        Some(token) => app.descope.logout_all(&token).await.map_err(|error| {
            tracing::warn!(%error, "other browsers stay signed in");
        }),
        None => Err(()),
    };
    gone(
        cookies,
        match done {
            Ok(()) => "signed_out_everywhere",
            Err(()) => "signed_out_only_here",
        },
    )
}

fn gone(cookies: CookieStyle, why: &str) -> Response {
    let sign_in = Redirect::to(&format!("/sign-in?why={why}"));
    (set_cookies(cookies.removals()), sign_in).into_response()
}

fn set_cookies(cookies: Vec<HeaderValue>) -> HeaderMap {
    cookies
        .into_iter()
        .map(|cookie| (header::SET_COOKIE, cookie))
        .collect()
}
