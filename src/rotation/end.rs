//! The end of a family: no token of it brings a session any more.

use std::time::Duration;

use crate::{
    clock::Now,
    error::{Error, ErrorKind},
    token::REMEMBER_DELIVERED,
};

/// How long, after the keep time, it is remembered that a session ended. Forgetting costs one call
/// to Descope, which then says so again.
const REMEMBER_END: Duration = Duration::from_secs(3_600);

#[derive(Clone, Debug)]
pub(super) struct FamilyEnd {
    pub(super) error: Error,
    cause: EndCause,
    /// True once Descope knows it, too.
    confirmed: bool,
    /// How many calls had ended by then.
    call: u64,
    /// When, on the monotonic clock alone: a clock that is set forward removes no cookies.
    at: Duration,
}

/// Who ended a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndCause {
    /// Its own holder signed out. The response of that removes the cookies.
    SignOut,
    /// The same, at another replica, which sees to it that Descope learns of it.
    Elsewhere,
    /// Its user signed out everywhere, with another session.
    Everywhere,
    /// Another sign-in took its place in the browser, whose response wrote the cookies. Descope goes
    /// on with it until it expires.
    Superseded,
    /// Descope said so.
    Descope,
}

impl FamilyEnd {
    /// The user signed out, or in again, after so many calls.
    pub(super) fn by_user(cause: EndCause, call: u64, now: Now) -> Self {
        let why = match cause {
            EndCause::Superseded => "another sign-in took the place of this session",
            _ => "the user signed out",
        };
        Self {
            error: Error::new(ErrorKind::SessionEnded, why).with_session_ended(),
            cause,
            confirmed: false,
            call,
            at: now.mono,
        }
    }

    /// Descope said so, in answer to the call of this number.
    pub(super) fn by_descope(error: Error, call: u64, now: Now) -> Self {
        Self {
            error,
            cause: EndCause::Descope,
            confirmed: true,
            call,
            at: now.mono,
        }
    }

    /// Returns `true` if Descope knows that the session has ended.
    pub(super) fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Returns `true` if there is nothing that Descope has yet to be told.
    pub(super) fn is_settled(&self) -> bool {
        self.confirmed || matches!(self.cause, EndCause::Superseded | EndCause::Elsewhere)
    }

    /// Returns `true` if it was Descope that said so first.
    pub(super) fn is_by_descope(&self) -> bool {
        self.cause == EndCause::Descope
    }

    /// Returns `true` if the user signed out everywhere, with another session.
    pub(super) fn is_everywhere(&self) -> bool {
        self.cause == EndCause::Everywhere
    }

    /// Notes that the user signed out of a session that had ended before, or by the sign-out that ends it,
    /// or that another user signed in in its place: the response of that writes the browser, as after any
    /// sign-out.
    pub(super) fn sign_out(&mut self, now: Now) {
        match self.cause {
            EndCause::Descope | EndCause::Elsewhere | EndCause::Everywhere => {
                self.cause = EndCause::SignOut;
                self.at = now.mono;
            }
            EndCause::SignOut | EndCause::Superseded => {}
        }
    }

    /// Notes that Descope knows it.
    pub(super) fn confirm(&mut self) {
        self.confirmed = true;
    }

    /// Returns `true` if Descope has nothing to be told of the end, and it need not be remembered any
    /// more.
    pub(super) fn is_over(&self, keep: Duration, now: Now) -> bool {
        self.is_settled() && self.age(now) >= keep.saturating_add(REMEMBER_END)
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
        let age = self.age(now);
        match self.cause {
            EndCause::SignOut | EndCause::Elsewhere if anew && age >= REMEMBER_DELIVERED => error,
            // Its own cookies are no use once Descope has confirmed it.
            EndCause::Everywhere if self.confirmed => error,
            EndCause::SignOut
            | EndCause::Elsewhere
            | EndCause::Everywhere
            | EndCause::Superseded => error.leaving_cookies(),
            EndCause::Descope if anew && age >= keep => error.with_session_ended(),
            EndCause::Descope => error,
        }
    }

    fn age(&self, now: Now) -> Duration {
        now.mono.saturating_sub(self.at)
    }
}
