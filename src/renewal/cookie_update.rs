//! The cookies that a response carries because of a renewal: new ones, or removals.

use http::{HeaderMap, HeaderValue};

use super::inner_cookies::InnerCookies;
use crate::{
    answer::SessionAnswer,
    cookie::{self, CookieAttributes},
    descope::{Descope, PresentedRefresh},
};

/// Cookies on their way to the browser.
pub(crate) struct CookieUpdate {
    descope: Descope,
    attributes: CookieAttributes,
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
        attributes: CookieAttributes,
        answer: SessionAnswer,
        presented: PresentedRefresh,
    ) -> Self {
        Self {
            descope,
            attributes,
            change: CookieChange::Write { answer, presented },
        }
    }

    /// Removes the cookies of a session that is over.
    pub(super) fn remove(descope: Descope, attributes: CookieAttributes) -> Self {
        Self {
            descope,
            attributes,
            change: CookieChange::Remove,
        }
    }

    /// Adds the cookies to a response whose head is otherwise done. Those that the inner service
    /// wrote itself (a sign-in, a sign-out) are newer than these and stay.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let inner = InnerCookies::of(headers, self.descope.now().date());
        let mut lines = self.lines();
        lines.retain(|line| !inner.hold_back(line));
        // Without a cookie of ours the response stays as the inner service wants it kept.
        if !lines.is_empty() {
            cookie::add_to_response(headers, lines);
        }
    }

    fn lines(self) -> Vec<HeaderValue> {
        let cookies = self.descope.cookies();
        let (answer, presented) = match self.change {
            CookieChange::Remove => return cookies.removals(self.attributes),
            CookieChange::Write { answer, presented } => (answer, presented),
        };
        let mut lines = Vec::new();
        // A session that has ended since must not sign the browser in again: nothing is written.
        if let Ok(answer) = presented.newest_after(answer) {
            let grant = answer.cookie_grant(self.descope.now().date());
            if let Err(error) = grant.write(cookies, self.attributes, &mut lines) {
                tracing::error!(%error, "a cookie of a renewed session cannot be written");
            }
        }
        lines
    }
}
