//! One reading of the clocks.

use std::time::{Duration, SystemTime};

/// One reading of both clocks. Up to some milliseconds old; see `clock/linux.rs`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Since the Unix epoch, for claims, which are dated. A clock before it counts as at it.
    pub(crate) wall: Duration,
    /// Since some moment in the past, for ages, which must not follow a clock that is set back.
    pub(crate) mono: Duration,
}

impl Now {
    /// A time later than any that a clock shows.
    pub(crate) const NEVER: Self = Self {
        wall: Duration::MAX,
        mono: Duration::MAX,
    };

    /// The time of the wall clock.
    pub(crate) fn date(&self) -> SystemTime {
        // No clock shows a time that `SystemTime` cannot hold.
        SystemTime::UNIX_EPOCH
            .checked_add(self.wall)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// How long ago `then` was: the larger of what the two clocks say, so that neither a machine
    /// that was suspended (its monotonic clock may stand still) nor a wall clock set back makes
    /// something look younger than it is.
    pub(crate) fn since(&self, then: &Self) -> Duration {
        let mono = self.mono.saturating_sub(then.mono);
        let wall = self.wall.saturating_sub(then.wall);
        mono.max(wall)
    }

    /// This much later on both clocks; as far as a duration goes, if that is beyond it.
    pub(crate) fn later(&self, by: Duration) -> Self {
        Self {
            wall: self.wall.saturating_add(by),
            mono: self.mono.saturating_add(by),
        }
    }
}
