//! Warnings that are logged at most once a minute.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Limits a warning to one a minute.
#[derive(Debug, Default)]
pub(crate) struct OnceAMinute {
    last: AtomicU64,
}

impl OnceAMinute {
    /// Returns `true` for the first call in each minute of the wall clock.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        let minute = now.as_secs() / 60;
        self.last.swap(minute, Relaxed) != minute
    }
}
