//! The cookies that a response carries because of a renewal: new ones, or removals.

use http::{HeaderMap, HeaderValue, header};

use crate::{
    answer::SessionAnswer,
    descope::{Descope, PresentedRefresh},
};

/// Fields that tell caches what to keep, and outrank `Cache-Control` where they are understood
/// (RFC 9213 section 2.2; the Edge Architecture Specification).
const TARGETED_CACHE_CONTROL: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

/// Cookies on their way to the browser.
pub(crate) struct CookieUpdate {
    descope: Descope,
    /// True where cookies are written without `Secure`.
    insecure: bool,
    change: CookieChange,
}

enum CookieChange {
    Write {
        answer: SessionAnswer,
        presented: PresentedRefresh,
    },
    Remove,
}

impl CookieUpdate {
    /// Writes the cookies of `answer`, or of a newer one if there is one by then.
    pub(super) fn write_session(
        descope: Descope,
        insecure: bool,
        answer: SessionAnswer,
        presented: PresentedRefresh,
    ) -> Self {
        Self {
            descope,
            insecure,
            change: CookieChange::Write { answer, presented },
        }
    }

    /// Removes the cookies of a session that is over.
    pub(super) fn remove(descope: Descope, insecure: bool) -> Self {
        Self {
            descope,
            insecure,
            change: CookieChange::Remove,
        }
    }

    /// Adds the cookies to a response whose head is otherwise done. Cookies that the inner
    /// service wrote itself (a sign-in, a sign-out) are newer than these and stay.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let mut lines = self.lines();
        lines.retain(|line| !has_cookie(headers, name(line)));
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

    fn lines(self) -> Vec<HeaderValue> {
        let cookies = self.descope.cookies();
        let (answer, presented) = match self.change {
            CookieChange::Remove => return cookies.removals(self.insecure),
            CookieChange::Write { answer, presented } => (answer, presented),
        };
        let mut lines = Vec::new();
        // A session that has ended since must not sign the browser in again: nothing is written.
        if let Ok(answer) = presented.newest_after(answer) {
            let grant = answer.cookie_grant(self.descope.now().date());
            if let Err(error) = grant.write(cookies, self.insecure, &mut lines) {
                tracing::error!(%error, "a cookie of a renewed session cannot be written");
            }
        }
        lines
    }
}

/// Returns `true` if a response sets or removes a cookie of this name already.
fn has_cookie(headers: &HeaderMap, wanted: &[u8]) -> bool {
    let mut lines = headers.get_all(header::SET_COOKIE).iter();
    lines.any(|line| name(line) == wanted)
}

/// The name of the cookie that a `Set-Cookie` line is about.
fn name(line: &HeaderValue) -> &[u8] {
    let mut parts = line.as_bytes().split(|&byte| byte == b'=');
    parts.next().unwrap_or_default().trim_ascii()
}
