//! A time during which something is not done.

use std::time::Duration;

use crate::clock::Now;

/// A pause that began at some time and lasts for so long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    since: Now,
    pub(super) length: Duration,
}

impl Pause {
    pub(super) fn new(length: Duration, now: &Now) -> Self {
        Self {
            since: *now,
            length,
        }
    }

    /// Returns the rest of it, zero once it is over.
    pub(super) fn left(&self, now: &Now) -> Duration {
        self.length.saturating_sub(now.since(&self.since))
    }

    pub(super) fn is_over(&self, now: &Now) -> bool {
        self.left(now).is_zero()
    }

    /// Returns for how long it has been over: `None` if it is not.
    pub(super) fn over_for(&self, now: &Now) -> Option<Duration> {
        now.since(&self.since).checked_sub(self.length)
    }
}
