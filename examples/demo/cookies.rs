//! The session's cookies, as this app writes them at sign-in and sign-out. The crate writes them
//! when it renews the session or changes its tenant; both must agree.

use std::env;

use axum::http::{HeaderMap, HeaderValue, header};
use tower_descope::{
    RefreshToken,
    cookie::{SameSite, SessionCookies},
};

/// How the demo's cookies look.
#[derive(Clone, Copy)]
pub(crate) struct CookieStyle {
    pub(crate) plain_names: bool,
    pub(crate) insecure: bool,
}

impl CookieStyle {
    pub(crate) fn from_env() -> Self {
        let insecure = env::var("DEMO_INSECURE_COOKIES").is_ok_and(|value| value == "1");
        let plain = env::var("DEMO_COOKIE_NAMES").is_ok_and(|value| value == "plain");
        Self {
            // Browsers refuse `__Host-` cookies without `Secure`.
            plain_names: plain || insecure,
            insecure,
        }
    }

    /// The same for the crate.
    pub(crate) fn settings(self) -> SessionCookies {
        let cookies = if self.plain_names {
            SessionCookies::new()
        } else {
            // Nobody has cookies of other names from before, and a sibling host could plant them.
            SessionCookies::host_prefixed().without_fallbacks()
        };
        cookies
            // Links from mails arrive signed in; the layer guards writes by itself.
            .same_site(SameSite::Lax)
            .danger_insecure_cookies_on_loopback(self.insecure)
    }

    /// The names of the session's and of the refresh token's cookie.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        if self.plain_names {
            ("DS", "DSR")
        } else {
            ("__Host-DS", "__Host-DSR")
        }
    }

    pub(crate) fn line(self, name: &str, value: &str, max_age: u64) -> HeaderValue {
        let secure = if self.insecure { "" } else { "; Secure" };
        let line =
            format!("{name}={value}; HttpOnly; SameSite=Lax{secure}; Path=/; Max-Age={max_age}");
        // A JWT is ASCII; what is not leaves the browser without a cookie, and the demo says so.
        let mut line =
            HeaderValue::from_str(&line).unwrap_or(HeaderValue::from_static("DS=; Max-Age=0"));
        line.set_sensitive(true);
        line
    }

    /// The refresh token that a request brought.
    pub(crate) fn refresh_token(self, headers: &HeaderMap) -> Option<RefreshToken> {
        let (_, wanted) = self.names();
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, value)| *name == wanted && !value.is_empty())
            .map(|(_, value)| RefreshToken::new(value))
    }

    /// The lines that remove the cookies.
    pub(crate) fn removals(self) -> Vec<HeaderValue> {
        // Also the plain names: with `__Host-` names they are still read.
        let mut names = vec!["DS", "DSR"];
        if !self.plain_names {
            names.extend(["__Host-DS", "__Host-DSR"]);
        }
        let gone = |name| self.line(name, "", 0);
        names.into_iter().map(gone).collect()
    }
}
