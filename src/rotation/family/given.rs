//! The sessions that browsers were given, for the time when their user signs out.

use std::time::Duration;

use super::Family;
use crate::{clock::Now, revocation::MarkName, rotation::answer::KeptSession};

impl<T: KeptSession> Family<T> {
    /// Notes that an answer is given to a browser.
    pub(super) fn note_given(&mut self, answer: &T, now: Now) {
        if let Some(name) = answer.mark_name() {
            self.given.note(name, now);
        }
    }

    /// The sessions that browsers were given since a time of the monotonic clock.
    pub(in crate::rotation) fn given_since(&self, time: Duration) -> Vec<MarkName> {
        self.given.since(time)
    }
}
