//! What rides on a response: the new cookies, or the removal of dead ones.

use http::{HeaderMap, HeaderValue, header};

use super::renew::Got;
use crate::descope::Descope;

/// Fields that tell caches what to keep, and outrank `Cache-Control` where they are understood
/// (RFC 9213 section 2.2; the Edge Architecture Specification).
const TARGETED_CACHE_CONTROL: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

/// Cookies on their way to the browser.
pub(crate) struct CookieUpdate {
    descope: Descope,
    insecure: bool,
    /// `None`: the cookies are removed.
    got: Option<Got>,
}

impl CookieUpdate {
    pub(super) fn cookies(descope: Descope, insecure: bool, got: Got) -> Self {
        Self {
            descope,
            insecure,
            got: Some(got),
        }
    }

    pub(super) fn removals(descope: Descope, insecure: bool) -> Self {
        Self {
            descope,
            insecure,
            got: None,
        }
    }

    /// Adds the cookies to a response whose head is otherwise done. Cookies that the inner
    /// service wrote itself (a sign-in, a sign-out) are its word, and newer than ours.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let mut lines = self.lines();
        lines.retain(|line| !writes(headers, name(line)));
        if lines.is_empty() {
            return;
        }
        for line in lines {
            headers.append(header::SET_COOKIE, line);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for field in TARGETED_CACHE_CONTROL {
            headers.remove(field);
        }
    }

    fn lines(&self) -> Vec<HeaderValue> {
        let cookies = self.descope.cookies();
        let Some(got) = &self.got else {
            return cookies.removals(self.insecure);
        };
        let mut lines = Vec::new();
        if let Some(answer) = got.newest() {
            let grant = answer.cookie_grant(self.descope.now().date());
            if let Err(error) = grant.write(cookies, self.insecure, &mut lines) {
                tracing::error!(%error, "a cookie of a renewed session cannot be written");
            }
        }
        lines
    }
}

/// Whether a response sets or removes a cookie of this name already.
fn writes(headers: &HeaderMap, wanted: &[u8]) -> bool {
    let mut lines = headers.get_all(header::SET_COOKIE).iter();
    lines.any(|line| name(line) == wanted)
}

/// The name of the cookie that a `Set-Cookie` line is about.
fn name(line: &HeaderValue) -> &[u8] {
    let mut parts = line.as_bytes().split(|&byte| byte == b'=');
    parts.next().unwrap_or_default().trim_ascii()
}
