//! The news of other replicas.

use std::time::Duration;

use crate::clock::Now;

/// The news of other replicas, on the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// When the newest news were written.
    pub(super) at: Option<Duration>,
    /// When somebody asked for the first time.
    pub(super) asked: Option<Duration>,
}

impl Heard {
    /// Returns `true` where nothing was heard yet, and nobody has asked for longer than `patience`.
    pub(super) fn is_beginning(&mut self, now: &Now, patience: Duration) -> bool {
        let asked = *self.asked.get_or_insert(now.mono);
        self.at.is_none() && now.mono.saturating_sub(asked) < patience
    }
}

/// As far as a number goes, which is some centuries.
#[inline]
pub(super) fn nanoseconds(mono: Duration) -> u64 {
    mono.as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(mono.subsec_nanos().into())
}
