//! What a family takes in memory, and what of it can be let go.

use std::sync::Arc;

use super::Family;
use crate::{
    clock::Now,
    digest::Digest,
    rotation::answer::{KeptAnswer, KeptSession},
    session::SignedToken,
};

impl<T: KeptSession> Family<T> {
    /// Returns `true` if forgetting the family would change no later decision.
    pub(in crate::rotation) fn is_stale(&self, now: Now) -> bool {
        if self.claimed.is_some() {
            return false;
        }
        if let Some(dead) = &self.dead {
            // One that Descope does not know of is remembered for as long as its token lives.
            return dead.is_over(self.times.keep, now)
                || !dead.is_settled() && self.chain.is_expired(now);
        }
        let keep = self.times.keep;
        self.chain.is_alone(self.times, now)
            && !self
                .kept
                .as_ref()
                .is_some_and(|kept| kept.is_recent(keep, now))
            && self
                .failed
                .as_ref()
                .is_none_or(|failed| failed.is_over(now))
            && !self.has_tried_early(now)
    }

    /// Returns `true` if a successor was kept for a browser less than the keep time ago, or a
    /// browser showed one: forgetting the family may sign somebody out.
    pub(in crate::rotation) fn is_in_keep_time(&self, now: Now) -> bool {
        let recent = now.mono.saturating_sub(self.chain.last_change()) < self.times.keep;
        self.chain.len() > 1 && recent
    }

    /// Lets a user's record go, if the keep time is over. Returns `true` if there was one.
    pub(in crate::rotation) fn expire_record(&mut self, now: Now) -> bool {
        let keep = self.times.keep;
        let over = self.kept.as_mut().filter(|kept| !kept.is_recent(keep, now));
        over.is_some_and(KeptAnswer::drop_record)
    }

    /// Forgets replaced tokens whose time is over, and returns them.
    pub(in crate::rotation) fn expire(&mut self, now: Now) -> Vec<Digest> {
        match self.dead {
            Some(_) => Vec::new(),
            None => self.chain.expire(self.times, now),
        }
    }

    /// Forgets one token.
    pub(in crate::rotation) fn forget(&mut self, token: Digest) {
        self.chain.forget(token);
    }

    /// Notes what was verified of one of its tokens.
    pub(in crate::rotation) fn note_signed(&mut self, token: &Arc<SignedToken>) {
        self.signed.note(token);
    }

    /// Returns a token as it was verified, if that is remembered.
    pub(in crate::rotation) fn signed(&self, token: Digest) -> Option<&Arc<SignedToken>> {
        self.signed.find(token)
    }

    /// Lets go what was verified of its tokens, which costs a signature check each.
    pub(in crate::rotation) fn drop_signed(&mut self) -> bool {
        self.signed.clear()
    }

    /// Lets the user's record of the kept answer go.
    pub(in crate::rotation) fn drop_record(&mut self) -> bool {
        self.kept.as_mut().is_some_and(KeptAnswer::drop_record)
    }

    /// Lets the kept answer go. Its successor alone goes on with the session, if there is one.
    pub(in crate::rotation) fn drop_answer(&mut self) -> bool {
        self.chain.len() > 1 && self.kept.take().is_some()
    }

    /// The memory that the family takes, in bytes, roughly.
    pub(in crate::rotation) fn size(&self) -> usize {
        /// A token in the chain and in the table's index.
        const LINK: usize = 160;
        let kept = self.kept.as_ref().map_or(0, |kept| kept.answer.size());
        size_of::<Self>()
            + self.current.expose().len()
            + self.chain.len() * LINK
            + self.signed.size()
            + kept
    }
}
