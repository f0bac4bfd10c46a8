//! The state that a key store shares with its fetches, its timer and its waiting look-ups.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use jwks_client_rs::source::JwksSource;
use tokio::sync::{Notify, Semaphore};

use super::{
    key_origin::KeyOrigin,
    policy::KeyPolicy,
    refresh::Refresh,
    running_fetch::{RefreshTimer, RunningFetch},
    set::KeySet,
    status::{KeyFailure, KeyStatus},
};
use crate::{
    clock::{Clock, Now},
    jwt::key::VerifyingKey,
};

/// The fetched keys of one project, and the state of their refresh.
pub(super) struct SharedKeys {
    pub(super) source: Arc<dyn JwksSource + Send + Sync>,
    pub(super) policy: KeyPolicy,
    pub(super) clock: Clock,
    pub(super) origin: KeyOrigin,
    pub(super) snapshot: ArcSwapOption<Snapshot>,
    /// Never held over an await.
    state: Mutex<RefreshState>,
    /// Wakes the timer when the schedule has changed.
    pub(super) wake: Arc<Notify>,
    /// The places for look-ups of unknown keys that wait while other keys serve.
    pub(super) places: Arc<Semaphore>,
}

/// A fetched key set. It is replaced as a whole, never changed.
pub(super) struct Snapshot {
    pub(super) set: KeySet,
    /// When its fetch was started.
    pub(super) loaded: Now,
    /// A number that no other snapshot of the same store has.
    pub(super) number: u64,
}

/// The part of the state behind the lock.
pub(super) struct RefreshState {
    pub(super) refresh: Refresh,
    /// The number of the current snapshot.
    pub(super) number: Option<u64>,
    pub(super) fetch: Option<RunningFetch>,
    pub(super) timer: Option<RefreshTimer>,
    /// How the last fetch failed; `None` after a success.
    pub(super) failure: Option<LastFailure>,
}

/// A failed fetch.
pub(super) struct LastFailure {
    pub(super) at: Now,
    pub(super) reason: &'static str,
    pub(super) detail: Option<String>,
}

impl SharedKeys {
    pub(super) fn new(
        source: Arc<dyn JwksSource + Send + Sync>,
        policy: KeyPolicy,
        clock: Clock,
        origin: KeyOrigin,
    ) -> Self {
        Self {
            source,
            policy,
            clock,
            origin,
            snapshot: ArcSwapOption::empty(),
            state: Mutex::new(RefreshState {
                refresh: Refresh::new(policy),
                number: None,
                fetch: None,
                timer: None,
                failure: None,
            }),
            wake: Arc::new(Notify::new()),
            places: Arc::new(Semaphore::new(policy.waiting)),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, RefreshState> {
        // No code under the lock leaves the state half changed, so a panic of other code must not
        // take the keys away for good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`lock`](Self::lock); `None` while another thread holds the lock.
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, RefreshState>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// The key of this name in the current snapshot.
    pub(super) fn find(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        let snapshot = self.snapshot.load();
        snapshot.as_ref()?.set.get(kid).cloned()
    }

    /// The message for a caller that never got a key.
    pub(super) fn no_usable_keys(&self) -> String {
        let state = self.lock();
        let failure = state.failure.as_ref();
        self.origin.no_usable_keys(
            failure.map(|failure| failure.reason),
            failure.and_then(|failure| failure.detail.as_deref()),
        )
    }

    pub(super) fn status(&self) -> KeyStatus {
        let now = self.clock.now();
        let state = self.lock();
        KeyStatus {
            age: state.refresh.key_age(&now),
            count: self
                .snapshot
                .load()
                .as_ref()
                .map_or(0, |snapshot| snapshot.set.len()),
            last_failure: state.failure.as_ref().map(|failure| KeyFailure {
                age: now.since(&failure.at),
                reason: failure.reason,
            }),
            usable: state.refresh.is_usable(&now),
            fetching: state.refresh.is_running(),
        }
    }
}

impl Drop for SharedKeys {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(timer) = state.timer.take() {
            timer.abort();
        }
    }
}
