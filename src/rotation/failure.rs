//! The newest failure of a family's calls, and for how long it answers others.

use std::time::Duration;

use tracing::Level;

use super::call::Operation;
use crate::{
    clock::Now,
    error::{Error, ErrorKind, UpstreamVerdict},
    telemetry::event_at,
};

/// How long a token is not sent again after a failure that leaves open whether Descope rotated it.
pub(super) const RESEND_AFTER: Duration = Duration::from_secs(1);

/// How long a refusal of Descope's is the answer to an equal call: at first, doubled with each
/// further one, and at most.
const REFUSAL_STANDS: Duration = Duration::from_secs(10);
const REFUSAL_STANDS_AT_MOST: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
pub(super) struct FailedCall {
    operation: Operation,
    pub(super) error: Error,
    /// Which call failed, counted from 1.
    call: u64,
    /// When, on the monotonic clock alone: a clock that is set forward sends no token again.
    at: Duration,
    /// How many refusals came one after the other, this one included.
    refusals: u32,
}

impl FailedCall {
    /// The failure of the call number `call`, after `before`.
    pub(super) fn new(
        before: Option<&Self>,
        operation: Operation,
        error: Error,
        call: u64,
        now: Now,
    ) -> Self {
        let refused_before = before.map_or(0, |failed| failed.refusals);
        let refused = is_standing_refusal(&operation, &error);
        Self {
            refusals: if refused {
                refused_before.saturating_add(1)
            } else {
                0
            },
            operation,
            error,
            call,
            at: now.mono,
        }
    }

    /// The failure, if it answers a request that arrived when `arrived` calls had ended: it was
    /// about an equal one and came while that one waited, or it stands for a while.
    pub(super) fn answer(&self, operation: &Operation, arrived: u64, now: Now) -> Option<Error> {
        let rest = self.stands_for().saturating_sub(self.age(now));
        if leaves_rotation_open(&self.error) && !rest.is_zero() {
            let after = self.error.retry_after().unwrap_or_default().max(rest);
            return Some(self.error.clone().with_retry_after(Some(after)));
        }
        let equal = self.operation == *operation;
        (equal && (self.call > arrived || !rest.is_zero())).then(|| self.error.clone())
    }

    /// Returns `true` if the failure answers no later request any more.
    pub(super) fn is_over(&self, now: Now) -> bool {
        // The count of refusals is worth something for as long again.
        self.age(now) >= self.stands_for().saturating_mul(2)
    }

    fn age(&self, now: Now) -> Duration {
        now.mono.saturating_sub(self.at)
    }

    fn stands_for(&self) -> Duration {
        match self.refusals {
            0 if leaves_rotation_open(&self.error) => RESEND_AFTER,
            0 => Duration::ZERO,
            refusals => refusal_stands(refusals),
        }
    }
}

/// How long the last of so many refusals in a row stands.
pub(super) fn refusal_stands(refusals: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(refusals.saturating_sub(1));
    REFUSAL_STANDS
        .saturating_mul(doubled)
        .min(REFUSAL_STANDS_AT_MOST)
}

/// Returns `true` if Descope itself refused the token or the call, so that an equal call would end
/// the same way. A selection is not remembered: the user may be let in at any moment.
fn is_standing_refusal(operation: &Operation, error: &Error) -> bool {
    *operation == Operation::Refresh && error.upstream_verdict().is_refusal()
}

/// Returns `true` if after this failure nobody knows whether Descope rotated the token. A call that
/// was held back has rotated nothing.
pub(crate) fn leaves_rotation_open(error: &Error) -> bool {
    let was_sent = error.kind() != ErrorKind::Throttled;
    was_sent && (error.is_transient() || error.kind() == ErrorKind::UpstreamInvalid)
}

/// The refusal while Descope asks to slow down.
pub(super) fn slowed_down(rest: Duration) -> Error {
    Error::throttled("no call was made: descope asked to slow down", rest)
}

/// Logs a call that failed, once for all requests that share its failure. A refusal by Descope is the
/// state of one session and no fault; keys that cannot be had are logged by their own fetch.
pub(super) fn log(call: &str, error: &Error, requests: usize) {
    let verdict = error.upstream_verdict();
    let level = if verdict.is_refusal() || verdict == UpstreamVerdict::NotUpstream {
        Level::DEBUG
    } else {
        Level::WARN
    };
    event_at!(
        level,
        call,
        requests,
        %error,
        status = error.upstream_status(),
        code = error.upstream_code(),
        "a call to descope failed"
    );
}

/// The end of a caller's wait; the call may still be listened to.
pub(super) fn timed_out() -> Error {
    Error::timed_out().with_retry_after(Some(RESEND_AFTER))
}

/// The end of a call of which nothing is known.
pub(super) fn abandoned() -> Error {
    Error::new(
        ErrorKind::UpstreamUnavailable,
        "the call to descope was given up; try again",
    )
}
