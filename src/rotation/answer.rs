//! The newest answer of a family, and who is given it.

use std::time::{Duration, SystemTime};

use super::call::{CallOutcome, Operation};
use crate::{clock::Now, ids::TenantId, revocation::MarkName};

/// An answer that the queue keeps.
pub(crate) trait KeptSession: Clone {
    /// The memory that it takes, in bytes, roughly.
    fn size(&self) -> usize;

    /// The answer without the user's record, which may be large, and which only those ask for who
    /// wait for the call itself.
    fn without_record(&self) -> Self;

    /// When it became known here that its session is refused although its time is not over, on the
    /// monotonic clock.
    fn revoked_at(&self) -> Option<Duration>;

    /// The name of its session for a mark, where sessions can be revoked.
    fn mark_name(&self) -> Option<MarkName>;
}

#[derive(Clone, Debug)]
pub(super) struct KeptAnswer<T> {
    pub(super) answer: T,
    tenant: Option<TenantId>,
    /// When the session of the answer ends, by the wall clock.
    expires_at: Option<SystemTime>,
    /// Which call brought it, counted from 1.
    call: u64,
    /// When that was sent, on the monotonic clock; zero where it is not known.
    sent: Duration,
    /// When it came, on the monotonic clock.
    at: Duration,
    has_record: bool,
}

/// The request that an answer is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) operation: &'a Operation,
    /// How many calls had ended when it arrived.
    pub(super) arrived: u64,
    /// True if it presented a token that has been replaced since.
    pub(super) replaced: bool,
    /// True if it shows a session of the family's user.
    pub(super) shows_session: bool,
}

impl<T: KeptSession> KeptAnswer<T> {
    /// The answer of the call number `call`, which was sent at a time of the monotonic clock.
    pub(super) fn new(
        outcome: &CallOutcome<T>,
        answer: &T,
        call: u64,
        sent: Duration,
        now: Now,
    ) -> Self {
        Self {
            answer: answer.clone(),
            tenant: outcome.tenant.clone(),
            expires_at: outcome.expires_at,
            call,
            sent,
            at: now.mono,
            has_record: true,
        }
    }

    /// Returns `true` if the answer is also the answer to this request.
    pub(super) fn fits(&self, wanted: Wanted<'_>, keep: Duration, now: Now) -> bool {
        if self.expires_at.is_some_and(|end| end <= now.date()) || self.is_revoked() {
            return false;
        }
        let is_equal = match wanted.operation {
            Operation::Refresh => true,
            Operation::Select(tenant) => self.tenant.as_ref() == Some(tenant),
            Operation::Flow(_) | Operation::SignOut => false,
        };
        let came_meanwhile = self.call > wanted.arrived;
        // Long after it was made it signs in only whoever shows that they are signed in: else the
        // successor is sent, so that Descope's word counts.
        let lost = wanted.replaced && (self.is_recent(keep, now) || wanted.shows_session);
        is_equal && (came_meanwhile || lost)
    }

    /// Returns `true` if the answer's session is refused. Not for a mark that was known before its call was
    /// sent: Descope knew, and let the user go on.
    pub(super) fn is_revoked(&self) -> bool {
        let revoked_at = self.answer.revoked_at();
        revoked_at.is_some_and(|at| at > self.sent)
    }

    /// Returns `true` if the session of the answer ends after a time, or nobody knows when.
    pub(super) fn ends_after(&self, time: SystemTime) -> bool {
        self.expires_at.is_none_or(|end| end > time)
    }

    /// When its session ends, if that is known.
    pub(super) fn session_end(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Returns `true` while the answer is kept for repeats.
    pub(super) fn is_recent(&self, keep: Duration, now: Now) -> bool {
        now.mono.saturating_sub(self.at) < keep
    }

    /// Lets the user's record go. Returns `true` if there was one.
    pub(super) fn drop_record(&mut self) -> bool {
        if !self.has_record {
            return false;
        }
        self.answer = self.answer.without_record();
        self.has_record = false;
        true
    }
}
