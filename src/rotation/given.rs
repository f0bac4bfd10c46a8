//! Pure: the sessions that a family has brought, by the names that marks have for them.

use std::time::Duration;

use smallvec::SmallVec;

use crate::{clock::Now, revocation::MarkName};

/// How many are remembered: a browser that was given more than these within a session's life has used
/// none of the earlier ones for long.
const GIVEN: usize = 4;

/// The newest sessions, the latest last; none where sessions cannot be revoked.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenSessions(SmallVec<[(MarkName, Duration); 1]>);

impl GivenSessions {
    pub(super) fn note(&mut self, name: MarkName, now: Now) {
        self.0.retain(|(given, _)| *given != name);
        if self.0.len() == GIVEN {
            self.0.remove(0);
        }
        self.0.push((name, now.mono));
    }

    /// Those that were noted since a time of the monotonic clock.
    pub(super) fn since(&self, time: Duration) -> Vec<MarkName> {
        let recent = self.0.iter().filter(|(_, at)| *at >= time);
        recent.map(|(name, _)| *name).collect()
    }
}
