//! Lines of the log that are limited to one a minute: strangers can cause them.

use tracing::Level;

use crate::{clock::Now, cookie::CookieKind, limiter::OnceAMinute, telemetry::event_at};

#[derive(Debug, Default)]
pub(crate) struct Notices {
    pub(super) unread_scheme: OnceAMinute,
    pub(super) unread_name: OnceAMinute,
    pub(super) unread_quotes: OnceAMinute,
    /// More cookies than are read, at a sign-out.
    full_jar: OnceAMinute,
    /// More tokens than are signed out.
    many_tokens: OnceAMinute,
    /// More sign-ins than the budget allows.
    pub(crate) limited_sign_ins: OnceAMinute,
    /// A sign-in of a page that has no tokens to show.
    pub(crate) missing_tokens: OnceAMinute,
}

impl Notices {
    pub(super) fn full_jar(&self, now: &Now) {
        let level = self.full_jar.level(Level::WARN, now);
        event_at!(
            level,
            "more cookies than are read: only those at first are signed out"
        );
    }

    pub(super) fn many_tokens(&self, kind: CookieKind, presented: usize, most: usize, now: &Now) {
        let kind = match kind {
            CookieKind::Session => "session",
            CookieKind::Refresh => "refresh",
        };
        let level = self.many_tokens.level(Level::WARN, now);
        event_at!(
            level,
            presented,
            signed_out = most,
            "more {kind} tokens presented than are signed out"
        );
    }
}
