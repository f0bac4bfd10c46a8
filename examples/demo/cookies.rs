//! The session's cookies, as this app writes them at sign-in and sign-out. The crate writes them
//! when the tenant changes; both must agree.

use std::env;

use axum::http::{HeaderMap, HeaderValue, header};
use tower_descope::cookie::{SameSite, SessionCookies};

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

    /// The same for the crate, which reads these cookies and writes them when the tenant changes.
    pub(crate) fn settings(self) -> SessionCookies {
        let cookies = if self.plain_names {
            SessionCookies::new()
        } else {
            SessionCookies::host_prefixed()
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
}

pub(crate) fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value))
}
