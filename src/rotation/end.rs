//! The end of a family: no token of it brings a session any more.

use std::time::Duration;

use super::chain::REMEMBER_DELIVERED;
use crate::{
    clock::Now,
    error::{Error, ErrorKind},
};

/// How long, after the keep time, it is remembered that a session ended. Forgetting costs one call
/// to Descope, which then says so again.
const REMEMBER_END: Duration = Duration::from_secs(3_600);

#[derive(Clone, Debug)]
pub(super) struct FamilyEnd {
    pub(super) error: Error,
    /// True if the user signed out here. The response of the sign-out removes the cookies.
    signed_out: bool,
    /// True once Descope knows it, too.
    confirmed: bool,
    /// How many calls had ended by then.
    call: u64,
    at: Now,
}

impl FamilyEnd {
    /// The user signed out, after so many calls.
    pub(super) fn by_sign_out(call: u64, now: Now) -> Self {
        Self {
            error: Error::new(ErrorKind::SessionEnded, "the user signed out").with_session_ended(),
            signed_out: true,
            confirmed: false,
            call,
            at: now,
        }
    }

    /// Descope said so, in answer to the call of this number.
    pub(super) fn by_descope(error: Error, call: u64, now: Now) -> Self {
        Self {
            error,
            signed_out: false,
            confirmed: true,
            call,
            at: now,
        }
    }

    /// Returns `true` if Descope knows that the session has ended.
    pub(super) fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Notes that Descope knows it.
    pub(super) fn confirm(&mut self) {
        self.confirmed = true;
    }

    /// Returns `true` if Descope knows of the end, and it need not be remembered any more.
    pub(super) fn is_over(&self, keep: Duration, now: Now) -> bool {
        self.confirmed && now.since(&self.at) >= keep.saturating_add(REMEMBER_END)
    }

    /// The error for a request that arrived when `arrived` calls had ended.
    ///
    /// Cookies are removed at once only if Descope has ended the session. After a sign-out they are
    /// left alone for a while: its response has removed them, and the browser may have signed in
    /// again. A token that was used elsewhere removes them only where it is still presented after
    /// the keep time: until then the cookies of another replica's answer may be on their way.
    pub(super) fn refusal(&self, arrived: u64, keep: Duration, now: Now) -> Error {
        let error = self.error.clone();
        let anew = arrived >= self.call;
        let age = now.since(&self.at);
        if self.signed_out {
            return if anew && age >= REMEMBER_DELIVERED {
                error
            } else {
                error.with_cookies_removed()
            };
        }
        if anew && age >= keep {
            error.with_session_ended()
        } else {
            error
        }
    }
}
