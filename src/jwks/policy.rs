//! The rules of the key store: when keys are fetched, and how long they serve.

use std::time::Duration;

/// When keys are fetched and how long they serve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyPolicy {
    /// How long fetched keys are fresh. They are refreshed between 72% and 80% of it.
    pub(crate) ttl: Duration,
    /// How often requests may cause a fetch, after a burst of two; the first wait after a failure.
    pub(crate) cool_down: Duration,
    /// The longest wait between tries during an outage.
    pub(crate) cool_down_max: Duration,
    /// How long keys serve after their `ttl` if they cannot be refreshed.
    pub(crate) stale: Duration,
    /// The time for a whole fetch.
    pub(crate) deadline: Duration,
    /// The most keys in a set.
    pub(crate) max_keys: usize,
    /// The most look-ups of unknown keys that wait for a fetch while other keys serve.
    pub(crate) waiting: usize,
}

/// The age of the cached keys, in the terms of a [`KeyPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// The keys serve, and no refresh is due.
    Fresh,
    /// The keys serve, and a refresh is due.
    Aging,
    /// A refresh was missed: the keys serve only if it cannot be made up for.
    Late,
    /// The keys no longer serve.
    Over,
}

impl KeyPolicy {
    /// The age at which keys are refreshed at the latest; jitter makes it up to a tenth earlier.
    pub(super) fn refresh_at(&self) -> Duration {
        self.ttl / 5 * 4
    }

    /// Sorts an age into the four states.
    pub(super) fn age(&self, age: Duration) -> Age {
        if age < self.refresh_at() {
            Age::Fresh
        } else if age < self.ttl.saturating_add(self.cool_down) {
            // Also with a stale window of zero: a key set must outlive its own refresh.
            Age::Aging
        } else if age < self.ttl.saturating_add(self.stale) {
            Age::Late
        } else {
            Age::Over
        }
    }
}
