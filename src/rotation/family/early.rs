//! Renewals of sessions that are still good.

use std::time::{Duration, SystemTime};

use super::{Family, Ticket};
use crate::{
    clock::Now,
    digest::Digest,
    rotation::answer::{KeptAnswer, KeptSession},
};

/// How long an early renewal is left alone once one was tried: the token is good without it.
const EARLY_INTERVAL: Duration = Duration::from_secs(60);

impl<T: KeptSession> Family<T> {
    /// Returns `true` if a request that presents the current token beside a session that lives until
    /// `session_end` gets nothing newer, and no call is made for it.
    pub(in crate::rotation) fn rests(
        &self,
        presented: Digest,
        session_end: SystemTime,
        slowed_down: bool,
        now: Now,
    ) -> bool {
        let is_news = |kept: &KeptAnswer<T>| kept.ends_after(session_end);
        presented == self.chain.current()
            && !self.chain.is_expired(now)
            && self.dead.is_none()
            && !self.kept.as_ref().is_some_and(is_news)
            && (slowed_down || self.claimed.is_some() || self.has_tried_early(now))
    }

    /// Returns `true`, and notes it, if the current token may be exchanged although its session is
    /// still good, so that one call at most is made for it. For a holder of a replaced token there
    /// is nothing to wait for: without that call its session ends here.
    pub(in crate::rotation) fn try_early(&mut self, ticket: Ticket, now: Now) -> bool {
        let rests = !self.has_rotated(ticket) && self.has_tried_early(now);
        let free = !rests && self.claimed.is_none() && self.refusal(ticket, now).is_none();
        if free {
            self.early = Some(now);
        }
        free
    }

    pub(super) fn has_tried_early(&self, now: Now) -> bool {
        let is_recent = |tried| now.since(&tried) < EARLY_INTERVAL;
        self.early.is_some_and(is_recent)
    }
}
