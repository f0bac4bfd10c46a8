//! How the fake project is configured.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime},
};

use jsonwebtoken::Algorithm;

use crate::clock::TestClock;

/// How many project ids were made up in this process.
static PROJECTS: AtomicU32 = AtomicU32::new(0);

/// How a project hands a token to its clients: two independent project settings, one for the
/// session token and one for the refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMethod {
    /// In the response body.
    #[default]
    Body,
    /// As a `Set-Cookie`; the body's field is then an empty string.
    Cookies,
}

/// Which JWT template shapes the session tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Template {
    /// "Default Descope JWT": project roles at the root, each tenant's in `tenants`.
    #[default]
    Default,
    /// "Current Tenant, No Tenant Reference": no `tenants`; the roles and permissions at the root
    /// are those of `dct`.
    CurrentTenant,
}

/// Which of the two tokens of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Session,
    Refresh,
}

/// All that the builder collected; fixed once the fake runs.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on a Descope project or on what is not known of it"
)]
pub(super) struct Settings {
    pub(super) project_id: String,
    pub(super) time: Time,
    pub(super) algorithm: Algorithm,
    pub(super) template: Template,
    pub(super) session_response: ResponseMethod,
    pub(super) refresh_response: ResponseMethod,
    pub(super) session_cookie: String,
    pub(super) refresh_cookie: String,
    pub(super) cookie_domain: String,
    pub(super) session_ttl: i64,
    pub(super) refresh_ttl: i64,
    pub(super) rotation: bool,
    pub(super) auto_tenant: bool,
    pub(super) select_returns_refresh: bool,
    pub(super) reuse_kills_family: bool,
    pub(super) bearer_beside_cookies: bool,
    /// Hosts of redirect URLs; with none of them, every host is good.
    pub(super) approved_domains: Vec<String>,
    pub(super) drops_redirect_query: bool,
    pub(super) sso_selects_tenant: bool,
    pub(super) without_methods: bool,
    pub(super) anonymous_may_select: bool,
    pub(super) danu_in_refresh_tokens: bool,
    pub(super) flow_opens_family: bool,
    pub(super) drn_in_access_key_sessions: bool,
}

/// The time that the fake lives in.
#[derive(Clone, Debug)]
pub(super) enum Time {
    Test(TestClock),
    Real,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            project_id: next_project_id(),
            time: Time::Test(TestClock::new()),
            algorithm: Algorithm::RS256,
            template: Template::Default,
            session_response: ResponseMethod::Body,
            refresh_response: ResponseMethod::Body,
            session_cookie: String::new(),
            refresh_cookie: String::new(),
            cookie_domain: String::new(),
            session_ttl: 600,
            refresh_ttl: 28 * 86_400,
            rotation: true,
            auto_tenant: false,
            select_returns_refresh: false,
            reuse_kills_family: true,
            bearer_beside_cookies: false,
            approved_domains: Vec::new(),
            drops_redirect_query: false,
            sso_selects_tenant: false,
            without_methods: false,
            anonymous_may_select: true,
            danu_in_refresh_tokens: false,
            flow_opens_family: false,
            drn_in_access_key_sessions: true,
        }
    }
}

impl Settings {
    /// The name of a token's cookie, which is also its `drn`.
    pub(super) fn cookie_name(&self, kind: TokenKind) -> &str {
        let (own, default) = match kind {
            TokenKind::Session => (&self.session_cookie, "DS"),
            TokenKind::Refresh => (&self.refresh_cookie, "DSR"),
        };
        if own.is_empty() { default } else { own }
    }

    pub(super) fn response(&self, kind: TokenKind) -> ResponseMethod {
        match kind {
            TokenKind::Session => self.session_response,
            TokenKind::Refresh => self.refresh_response,
        }
    }

    /// Now, in Unix seconds.
    pub(super) fn now(&self) -> i64 {
        match &self.time {
            Time::Test(clock) => seconds(clock.now()),
            Time::Real => seconds(SystemTime::now()),
        }
    }
}

/// A project id of the usual length that says what it is, another one each time: two fakes sign
/// with the same keys, so it is the id that keeps their tokens apart.
fn next_project_id() -> String {
    let number = PROJECTS.fetch_add(1, Ordering::Relaxed) % 1000;
    format!("P2fakeFakeFakeFakeFakeFak{number:03}")
}

/// Whole seconds of a duration, as dates are counted.
pub(super) fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => whole_seconds(since),
        Err(before) => -whole_seconds(before.duration()),
    }
}
