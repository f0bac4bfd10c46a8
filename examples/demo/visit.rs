//! Visitors who have not signed in: Descope's anonymous users. What they note goes along when they sign
//! in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Form,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tower_descope::{UserId, Visitor, sign_in::SignedIn};

use crate::{
    App, fake,
    html::{E, Notice, Page, list, notice},
};

/// What there is to look at.
const TEMPLATES: [&str; 3] = ["Product launch", "Office move", "Annual audit"];

/// What visitors have noted, by user id.
#[derive(Default)]
pub(crate) struct Visits(Mutex<HashMap<UserId, Vec<&'static str>>>);

#[derive(Deserialize)]
pub(crate) struct Note {
    template: String,
}

pub(crate) async fn page(State(app): State<Arc<App>>, visitor: Option<Visitor>) -> Response {
    let Some(visitor) = visitor else {
        let start = if app.fake.is_some() {
            r#"<form method="post" action="/visit"><button>Look around</button></form>"#
        } else {
            r#"<p class="muted">With a project of your own, a flow with the template “Create Anonymous user” makes the session of a visitor. The embedded stand-in does it by itself.</p>"#
        };
        return Page::new("Look around", None, "/visit").body(&format!(
            r#"<section class="narrow"><h1>Look around first</h1><p class="lead">Descope gives an anonymous visitor a session too, so that what they do here is not lost when they sign in.</p><div class="actions">{start}</div>{SHOWS}</section>"#
        ));
    };
    let (who, viewer, way_on) = match &visitor {
        Visitor::Anonymous(_) => (
            "You are a visitor: this browser has a session, and nobody has signed in.",
            None,
            r#"<a class="button" href="/sign-in?next=/visit">Sign in and keep them</a>"#,
        ),
        Visitor::SignedIn(session) => (
            "You are signed in. What you noted as a visitor came along.",
            Some(app.viewer(session)),
            r#"<a class="button" href="/projects">To the projects</a>"#,
        ),
    };
    let noted = app.visits.of(visitor.session().user_id());
    let templates = list(TEMPLATES, |template| {
        if noted.contains(&template) {
            return format!(
                r#"<li><button class="quiet" disabled>“{}” is noted</button></li>"#,
                E(template)
            );
        }
        format!(
            r#"<li><form method="post" action="/visit/note"><button class="quiet" name="template" value="{0}">Note “{0}”</button></form></li>"#,
            E(template)
        )
    });
    let count = Notice::good(format!("{} noted.", noted.len()));
    Page::new("Look around", viewer.as_ref(), "/visit").body(&format!(
        r#"<section class="narrow">{count}<h1>Templates</h1><p class="lead">{who}</p><ul class="people">{templates}</ul><div class="actions">{way_on}</div>{SHOWS}</section>"#,
        count = notice(Some(&count)),
    ))
}

/// Gives a browser the session of a new visitor.
pub(crate) async fn begin(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let page = Redirect::to("/visit");
    let Some(fake) = &app.fake else {
        return page.into_response();
    };
    let (session, refresh) = fake::visitor(fake);
    let adopt = app.descope.adopt(&headers, session, refresh);
    match adopt.allow_anonymous(true).await {
        Ok(signed_in) => (signed_in, page).into_response(),
        Err(error) => {
            tracing::warn!(%error, "no visitor's session");
            page.into_response()
        }
    }
}

pub(crate) async fn note(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Form(note): Form<Note>,
) -> Redirect {
    if let Some(template) = TEMPLATES.into_iter().find(|it| *it == note.template) {
        app.visits.note(visitor.session().user_id(), template);
    }
    Redirect::to("/visit")
}

const SHOWS: &str = r#"<p class="shows">This page shows <code>Visitor</code>, <code>TenantLayer::allow_anonymous</code> and <code>SignedIn::replaced</code>.</p>"#;

impl Visits {
    fn of(&self, user: &UserId) -> Vec<&'static str> {
        let visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        visits.get(user).cloned().unwrap_or_default()
    }

    fn note(&self, user: &UserId, template: &'static str) {
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = visits.entry(user.clone()).or_default();
        if !noted.contains(&template) {
            noted.push(template);
        }
    }

    fn move_along(&self, from: &UserId, to: &UserId) {
        for template in self.of(from) {
            self.note(to, template);
        }
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        visits.remove(from);
    }
}

impl App {
    /// Learns who has signed in, and takes along what they noted as visitors.
    pub(crate) fn welcome(&self, signed_in: &SignedIn) {
        if let Some(user) = signed_in.user() {
            self.people.meet(user);
        }
        let user = signed_in.session().user_id();
        match signed_in.replaced() {
            Some(before) if fake::is_visitor(before) => self.visits.move_along(before, user),
            _ => {}
        }
    }
}
