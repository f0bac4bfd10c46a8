//! A family whose tokens other replicas use, too: it takes their answers over.

use std::time::Duration;

use super::Family;
use crate::{
    clock::Now,
    digest::Digest,
    rotation::{
        answer::{KeptAnswer, KeptSession},
        call::CallOutcome,
    },
    token::RefreshToken,
};

/// How long, where replicas share their state, it is relied on that the newest answer known here is the
/// newest there is.
const SEEN_FOR: Duration = Duration::from_millis(200);

impl<T: KeptSession> Family<T> {
    /// The newest token, and notes it, if it is to be seen whether another replica has a newer one.
    pub(in crate::rotation) fn unseen(&mut self, now: Now) -> Option<RefreshToken> {
        let is_over = now.mono.saturating_sub(self.seen) >= SEEN_FOR;
        (is_over && self.takes_over()).then(|| {
            self.seen = now.mono;
            self.current.clone()
        })
    }

    /// Returns `true` if an answer of another replica's is taken over: not while a call is under way,
    /// whose answer is newer still, nor once the family has ended.
    pub(in crate::rotation) fn takes_over(&self) -> bool {
        self.claimed.is_none() && self.dead.is_none()
    }

    /// Returns `true` if the answer to a look for what came after this token is taken over. It may come
    /// late: whatever has moved the family on meanwhile is newer.
    pub(in crate::rotation) fn takes_over_after(&self, asked: &RefreshToken) -> bool {
        self.takes_over() && self.current == *asked
    }

    /// Takes an answer over that another replica has brought. Returns the token that is forgotten for
    /// it, where there were too many.
    pub(in crate::rotation) fn adopt(
        &mut self,
        outcome: &CallOutcome<T>,
        successor_digest: Option<Digest>,
        now: Now,
    ) -> Option<Digest> {
        let (_, forgotten) = self.done(now, Ok(outcome.clone()), successor_digest);
        if let Ok(answer) = &outcome.answer {
            // Nobody waits for a call: it is there for repeats, as one of this replica's own would be.
            self.note_given(answer, now);
            let sent = Duration::ZERO;
            self.kept = Some(KeptAnswer::new(outcome, answer, self.ended, sent, now));
            self.seen = now.mono;
        }
        forgotten
    }

    /// Returns `true` if the current token was [withdrawn](Self::withdraw).
    pub(in crate::rotation) fn withdraws(&self) -> bool {
        self.chain.withdraws()
    }
}
