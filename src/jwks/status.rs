//! The key cache as a health endpoint sees it.

use std::time::Duration;

/// How the key cache is doing, at one moment; from [`Descope::key_status`].
///
/// For a health endpoint: [`is_usable`](Self::is_usable) is whether tokens can be verified now. Do
/// not take an instance out of service for a failed fetch alone, since all instances see the same
/// outage, and keys serve on until the end of their stale window.
///
/// [`Descope::key_status`]: crate::Descope::key_status
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStatus {
    pub(super) age: Option<Duration>,
    pub(super) count: usize,
    pub(super) last_failure: Option<KeyFailure>,
    pub(super) usable: bool,
    pub(super) fetching: bool,
}

impl KeyStatus {
    /// How long ago the keys were fetched; `None` if they never were, and for a static key.
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// How many usable keys there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The failure of the last fetch; `None` after a success.
    pub fn last_failure(&self) -> Option<&KeyFailure> {
        self.last_failure.as_ref()
    }

    /// Returns `true` if there are keys, and not too old ones.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Returns `true` while keys are being fetched.
    pub fn is_fetching(&self) -> bool {
        self.fetching
    }
}

/// A failed key fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyFailure {
    pub(super) age: Duration,
    pub(super) reason: &'static str,
}

impl KeyFailure {
    /// How long ago it was.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Why, in one of a few fixed texts; the log has the details.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}
