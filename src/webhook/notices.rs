//! The lines of the log about deliveries that were not understood, each at most once a minute: whoever
//! knows the path can cause them.

use super::event::MAX_USERS;
use crate::{
    clock::Now,
    error::{Error, ErrorKind},
    limiter::OnceAMinute,
};

#[derive(Debug, Default)]
pub(super) struct Notices {
    refused: OnceAMinute,
    unreadable: OnceAMinute,
    unnamed: OnceAMinute,
    unavailable: OnceAMinute,
}

impl Notices {
    pub(super) fn refused(&self, reason: &str, now: &Now) {
        if self.refused.is_due(now) {
            tracing::warn!(
                reason,
                "a delivery of the audit webhook is refused: where it was Descope's, give its connector \
                 the HMAC secret of RevocationWebhook, and let nothing between change the body"
            );
        }
    }

    pub(super) fn unreadable(&self, now: &Now) {
        if self.unreadable.is_due(now) {
            tracing::warn!("a signed delivery of the audit webhook is no JSON, and is passed over");
        }
    }

    /// `action` is an event's name, of letters and digits alone.
    pub(super) fn unnamed(&self, action: Option<&str>, everybody: bool, now: &Now) {
        if self.unnamed.is_due(now) {
            tracing::warn!(
                action,
                everybody,
                "an audit event does not name its users, or more than {MAX_USERS}: their sessions go on \
                 until they expire, unless everybody_if_unnamed is on"
            );
        }
    }

    pub(super) fn unavailable(&self, error: &Error, now: &Now) {
        if !self.unavailable.is_due(now) {
            return;
        }
        // There was no room for its marks: others may have had it.
        if error.kind() == ErrorKind::InvalidConfig {
            tracing::error!(
                %error,
                "a delivery of the audit webhook does not hold here, and is answered 503 so that it comes \
                 again"
            );
        } else {
            tracing::warn!(
                %error,
                "a delivery of the audit webhook holds here alone, and is answered 503 so that it comes \
                 again"
            );
        }
    }
}
