//! Handles to the two tasks of a key store: the running fetch and the timer.

use std::time::{Duration, Instant};

use tokio::{sync::watch, task::JoinHandle};

use super::policy::KeyPolicy;

/// How much longer than its deadline a fetch may take to report its end, before it counts as lost:
/// on a busy machine, or on a runtime that nobody drives any more.
const GRACE: Duration = Duration::from_secs(2);

/// Reports how a fetch ended, once it has: `Some(true)` if it brought usable keys.
pub(super) type FetchOutcome = watch::Receiver<Option<bool>>;

/// A running fetch.
pub(super) struct RunningFetch {
    pub(super) id: u64,
    /// By the machine's clock: deadlines are real, also where a test moves the clock.
    pub(super) started: Instant,
    pub(super) outcome: FetchOutcome,
}

/// The task that starts fetches by schedule.
pub(super) struct RefreshTimer(pub(super) JoinHandle<()>);

/// The longest that a fetch can take from its start until it counts as lost.
pub(super) fn longest_fetch(policy: &KeyPolicy) -> Duration {
    policy.deadline.saturating_add(GRACE)
}

impl RunningFetch {
    /// The time left before the fetch counts as lost.
    pub(super) fn time_left(&self, policy: &KeyPolicy) -> Duration {
        longest_fetch(policy).saturating_sub(self.started.elapsed())
    }

    /// Returns `true` if the fetch has not reported its end in time.
    pub(super) fn is_lost(&self, policy: &KeyPolicy) -> bool {
        self.time_left(policy).is_zero()
    }
}

impl RefreshTimer {
    /// Returns `true` if the task is gone, as it is once its runtime was shut down.
    pub(super) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    pub(super) fn abort(self) {
        self.0.abort();
    }
}
