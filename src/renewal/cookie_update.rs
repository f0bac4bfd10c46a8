//! The cookies that a response carries because of a renewal: new ones, or removals.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::inner_cookies::InnerCookies;
use crate::{
    answer::SessionAnswer,
    clock::Now,
    cookie::{self, CookieAttributes},
    descope::{Descope, PresentedRefresh},
};

/// How old a new session is that may have been ended, or have gone on, at another replica meanwhile.
const OLD: Duration = Duration::from_secs(1);

/// How long it is waited for what the replicas share.
const PATIENCE: Duration = Duration::from_millis(100);

/// Cookies on their way to the browser.
pub(crate) struct CookieUpdate {
    descope: Descope,
    attributes: CookieAttributes,
    change: CookieChange,
    /// When it was made.
    at: Now,
}

enum CookieChange {
    None,
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
            at: descope.now(),
            descope,
            attributes,
            change: CookieChange::Write { answer, presented },
        }
    }

    /// Removes the cookies of a session that is over.
    pub(super) fn remove(descope: Descope, attributes: CookieAttributes) -> Self {
        Self {
            at: descope.now(),
            descope,
            attributes,
            change: CookieChange::Remove,
        }
    }

    /// Returns `true` if it is to be seen, before it is written, what other replicas have done meanwhile.
    pub(super) fn is_old(&self) -> bool {
        let writes = matches!(self.change, CookieChange::Write { .. });
        let is_old = self.descope.now().since(&self.at) > OLD;
        writes && is_old && self.descope.claims().is_some()
    }

    /// The same after a look at what the replicas share: with a newer session if there is one, with
    /// nothing to write if the session has ended. Where that cannot be seen soon, it is as before.
    pub(super) async fn seen(mut self) -> Self {
        self.at = self.descope.now();
        if let CookieChange::Write { answer, presented } = &mut self.change {
            let newest = self.descope.newest_at_hand(presented, answer.clone());
            let newest = tokio::select! {
                biased;
                newest = newest => newest,
                () = self.descope.clock().deadline(PATIENCE) => return self,
            };
            match newest {
                Ok(newest) => *answer = newest,
                Err(_) => self.change = CookieChange::None,
            }
        }
        self
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
            CookieChange::None => return Vec::new(),
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
