//! What is settable about keys.

use std::time::Duration;

use crate::error::Error;

/// The most keys in a set unless set otherwise.
const MAX_KEYS: usize = 100;

/// The largest body of an answer, unless set otherwise.
const MAX_BODY: usize = 256 * 1024;

/// Limits of what a key endpoint may answer. What is beyond them is a failed fetch.
///
/// ```
/// use tower_descope::jwks::Limits;
///
/// let limits = Limits::new().max_body(64 * 1024).max_keys(20);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Limits {
    pub(super) max_body: usize,
    pub(crate) max_keys: usize,
}

impl Limits {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            max_body: MAX_BODY,
            max_keys: MAX_KEYS,
        }
    }

    /// The largest body, in bytes. Default 262,144; from 1,024 to 4,194,304.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The most keys in a set, unusable ones included. Default 100; from 1 to 1,000. Holds for
    /// every source.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Checks the ranges.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (name, value, least, most) in [
            ("max_body", self.max_body, 1_024, 4 * 1_024 * 1_024),
            ("max_keys", self.max_keys, 1, 1_000),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::config(format!(
                    "{name} of limits is {value}, it must be from {least} to {most}"
                )));
            }
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

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
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(600),
            cool_down: Duration::from_secs(10),
            cool_down_max: Duration::from_secs(60),
            stale: Duration::from_secs(3_600),
            deadline: Duration::from_secs(3),
            max_keys: MAX_KEYS,
        }
    }
}

/// How old keys are, in the terms of a [`KeyPolicy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// Serve; nothing to do.
    Fresh,
    /// Serve; a refresh is due.
    Aging,
    /// A refresh was missed: serve only if it cannot be made up for.
    Late,
    /// Of no use.
    Over,
}

impl KeyPolicy {
    /// When keys are refreshed at the latest; jitter makes it up to a tenth earlier.
    pub(super) fn refresh_at(&self) -> Duration {
        self.ttl / 5 * 4
    }

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
