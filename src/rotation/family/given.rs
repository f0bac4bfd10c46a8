//! The sessions that a family has brought, by the names that a mark has for them.

use std::time::Duration;

use smallvec::SmallVec;

use super::Family;
use crate::{clock::Now, revocation::MarkName, rotation::answer::KeptSession};

/// How many are remembered: a browser that was given more than these within a session's life has used
/// none of the earlier ones for long.
const GIVEN: usize = 4;

/// The newest sessions, the latest last; none where sessions cannot be revoked.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenSessions(SmallVec<[(MarkName, Duration); 1]>);

impl GivenSessions {
    fn note(&mut self, name: MarkName, now: Now) {
        self.0.retain(|(given, _)| *given != name);
        if self.0.len() == GIVEN {
            self.0.remove(0);
        }
        self.0.push((name, now.mono));
    }
}

impl<T: KeptSession> Family<T> {
    /// Notes that an answer is given to a browser.
    pub(super) fn note_given(&mut self, answer: &T, now: Now) {
        if let Some(name) = answer.mark_name() {
            self.given.note(name, now);
        }
    }

    /// The sessions that browsers were given since a time of the monotonic clock.
    pub(in crate::rotation) fn given_since(&self, since: Duration) -> Vec<MarkName> {
        let given = self.given.0.iter();
        let recent = given.filter(|(_, at)| *at >= since);
        recent.map(|(name, _)| *name).collect()
    }
}
