//! Signing in and out, outside of `TenantLayer` and behind a check that the form is this site's.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tower_descope::{
    Error, RedirectSignIn, Rejection, RejectionKind, ReturnPaths, Session, sign_in::CodeRecipient,
};

use crate::{App, doors, fake, html::Notice, refusals::LocalPath};

/// Google and single sign-on: a service of its own, mounted at `/auth`.
pub(crate) fn by_redirect(app: &Arc<App>, origin: &str) -> Result<RedirectSignIn, Error> {
    let hosts = Arc::clone(app);
    RedirectSignIn::builder(app.descope.clone(), format!("{origin}/auth"))
        .sso()
        .oauth(["google"])
        .return_paths(ReturnPaths::new("/projects")?.below("/")?)
        .failure_page("/sign-in")
        .on_signed_in(move |signed_in| hosts.welcome(signed_in))
        .build()
}

#[derive(Deserialize)]
pub(crate) struct SignInQuery {
    #[serde(default)]
    next: LocalPath,
    why: Option<String>,
    /// Why `RedirectSignIn` did not.
    sign_in_error: Option<String>,
}

pub(crate) async fn page(
    State(app): State<Arc<App>>,
    Query(query): Query<SignInQuery>,
    session: Result<Session, Rejection>,
) -> Response {
    // Why somebody was sent here is over then: they have signed in since, in another tab.
    if let Ok(session) = session {
        return doors::signed_in_already(&app.people, &app.viewer(&session), &query.next);
    }
    let why = Notice::why(query.why.as_deref(), query.sign_in_error.as_deref());
    doors::sign_in(&app.people, &query.next, why.as_ref())
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    pub(crate) login: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    pub(crate) next: LocalPath,
    pub(crate) remember: Option<String>,
}

/// Has a code sent; with the fake, whose code everybody knows, goes straight on.
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(mut form): Form<SignInForm>,
) -> Response {
    let to = CodeRecipient::email(&form.login);
    match (app.descope.send_code(&to).await, app.people.known_code()) {
        (Err(error), _) => doors::sign_in(&app.people, &form.next, Some(&Notice::failed(&error))),
        (Ok(()), None) => doors::code(&form, None),
        (Ok(()), Some(code)) => {
            form.code = code.to_owned();
            finish(State(app), headers, Form(form)).await
        }
    }
}

pub(crate) async fn finish(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    let to = CodeRecipient::email(&form.login);
    let verified = app.descope.verify_code(&headers, &to, form.code.trim());
    match verified.remember(form.remember.is_some()).await {
        Ok(signed_in) => {
            app.welcome(&signed_in);
            let done = Redirect::to(&format!("/sign-in/done?next={}", form.next.encoded()));
            (signed_in, done).into_response()
        }
        Err(error) => doors::try_again(&app.people, &form, &error),
    }
}

/// With the fake, which can make such a session: Descope's own does it by its management API.
pub(crate) async fn in_anns_place(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(fake) = &app.fake else {
        return Redirect::to("/sign-in").into_response();
    };
    let (session, refresh) = fake::in_anns_place(fake);
    match app.descope.adopt(&headers, session, refresh).await {
        Ok(signed_in) => (signed_in, Redirect::to("/projects")).into_response(),
        Err(error) => doors::sign_in(&app.people, "/projects", Some(&Notice::failed(&error))),
    }
}

/// Did the browser keep the cookies? Asked once, here, so that nobody runs in circles.
pub(crate) async fn done(
    query: Query<SignInQuery>,
    session: Result<Session, Rejection>,
) -> Response {
    match session {
        Ok(_) => Redirect::to(&query.next).into_response(),
        Err(rejection) if rejection.kind() == RejectionKind::MissingToken => doors::no_cookies(),
        Err(rejection) => rejection.into_response(),
    }
}

/// Ends every session that the browser shows, also one that has expired.
pub(crate) async fn out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let signed_out = app.descope.sign_out(&headers).await;
    (signed_out, Redirect::to("/sign-in?why=signed_out")).into_response()
}

/// As [`out`], and in all other browsers.
pub(crate) async fn out_everywhere(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let signed_out = app.descope.sign_out_everywhere(&headers).await;
    let all = signed_out.is_everywhere();
    let page = Redirect::to(&format!("/sign-in?why=signed_out_everywhere_{all}"));
    (signed_out, page).into_response()
}
