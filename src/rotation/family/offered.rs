//! Answers that no call of the family has brought: those of a sign-in.

use std::time::Duration;

use super::Family;
use crate::{
    clock::Now,
    digest::Digest,
    rotation::{
        answer::{KeptAnswer, KeptSession},
        call::CallOutcome,
    },
};

impl<T: KeptSession> Family<T> {
    /// Puts an answer whose refresh token is `in_force` in the place of the kept one if that `is_older`.
    /// Not if the token has been replaced, since the kept answer names its successor. Whoever waits for
    /// a call goes on waiting for it.
    pub(in crate::rotation) fn take_newer(
        &mut self,
        outcome: &CallOutcome<T>,
        in_force: Digest,
        is_older: impl FnOnce(&T) -> bool,
        now: Now,
    ) {
        let (Ok(answer), Some(kept)) = (&outcome.answer, &self.kept) else {
            return;
        };
        if in_force == self.chain.current() && is_older(&kept.answer) {
            self.note_given(answer, now);
            let sent = Duration::ZERO;
            self.kept = Some(KeptAnswer::new(outcome, answer, self.ended, sent, now));
        }
    }
}
