//! The key cache: one atomic load where the key is at hand and fresh.
//!
//! Everything else goes through a short lock around the [refresh policy](super::refresh), which is
//! never held while anything is awaited.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::Duration,
};

use arc_swap::{ArcSwapOption, Guard};
use jwks_client_rs::source::JwksSource;
use tokio::{runtime::Handle, sync::Notify};

use super::{
    fetch::{self, Flight, Timer},
    key_origin::KeyOrigin,
    limits::{Age, KeyPolicy},
    refresh::{Refresh, Step},
    set::KeySet,
    status::{KeyFailure, KeyStatus},
    wait::{KeyWait, Settled},
};
use crate::{
    clock::{Clock, Now},
    error::{Error, ErrorKind},
    jwt::key::VerifyingKey,
};

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests;

/// The keys of one project. Clones share everything.
#[derive(Clone)]
pub(crate) struct KeyStore {
    keys: Keys,
}

#[derive(Clone)]
enum Keys {
    /// One key, by configuration.
    Fixed(Arc<VerifyingKey>),
    /// Whatever a source has.
    Fetched(Arc<Inner>),
}

/// Keys as they were at one moment. Not to be held across a wait.
pub(crate) struct AtHand<'s> {
    keys: &'s Keys,
    /// Of keys that are fetched, once they were.
    snapshot: Option<Guard<Option<Arc<Snapshot>>>>,
}

/// What a look-up comes to.
#[derive(Debug)]
pub(crate) enum Lookup {
    Found(Arc<VerifyingKey>),
    /// The project has no such key.
    Unknown,
    /// There are no keys to tell by, and none to be had now.
    Unavailable {
        retry_after: Duration,
    },
    /// Keys have to be fetched, and there is no tokio runtime on this thread.
    NoRuntime,
    /// Keys are being fetched.
    Wait(KeyWait),
}

/// What the store, its fetches, its timer and those who wait share.
pub(super) struct Inner {
    pub(super) source: Arc<dyn JwksSource + Send + Sync>,
    pub(super) policy: KeyPolicy,
    pub(super) clock: Clock,
    pub(super) origin: KeyOrigin,
    pub(super) snapshot: ArcSwapOption<Snapshot>,
    pub(super) state: Mutex<State>,
    /// Tells the timer that the schedule has changed.
    pub(super) wake: Arc<Notify>,
}

/// The keys at hand.
pub(super) struct Snapshot {
    pub(super) set: KeySet,
    /// When their fetch was started.
    pub(super) loaded: Now,
    /// Which of the store's sets it is.
    pub(super) number: u64,
}

pub(super) struct State {
    pub(super) refresh: Refresh,
    /// Of the set at hand.
    pub(super) number: Option<u64>,
    pub(super) flight: Option<Flight>,
    pub(super) timer: Option<Timer>,
    /// Of the last fetch.
    pub(super) failure: Option<LastFailure>,
}

/// What became of the last fetch.
pub(super) struct LastFailure {
    pub(super) at: Now,
    pub(super) reason: &'static str,
    pub(super) detail: Option<String>,
}

impl KeyStore {
    /// Keys from a source; `origin` names it in messages.
    pub(crate) fn new(
        source: Arc<dyn JwksSource + Send + Sync>,
        policy: KeyPolicy,
        clock: Clock,
        origin: KeyOrigin,
    ) -> Self {
        let inner = Inner {
            source,
            policy,
            clock,
            origin,
            snapshot: ArcSwapOption::empty(),
            state: Mutex::new(State {
                refresh: Refresh::new(policy),
                number: None,
                flight: None,
                timer: None,
                failure: None,
            }),
            wake: Arc::new(Notify::new()),
        };
        Self {
            keys: Keys::Fetched(Arc::new(inner)),
        }
    }

    /// One key for good. Nothing is ever fetched.
    pub(crate) fn fixed(key: VerifyingKey) -> Self {
        key.serve_until(&Now::NEVER);
        Self {
            keys: Keys::Fixed(Arc::new(key)),
        }
    }

    /// The keys at hand, to be looked through more than once.
    pub(crate) fn at_hand(&self) -> AtHand<'_> {
        let snapshot = match &self.keys {
            Keys::Fixed(_) => None,
            Keys::Fetched(inner) => Some(inner.snapshot.load()),
        };
        AtHand {
            keys: &self.keys,
            snapshot,
        }
    }

    /// Fetches keys unless those at hand are fresh.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        let Keys::Fetched(inner) = &self.keys else {
            return Ok(());
        };
        let wait = match inner.warm_up() {
            Lookup::Wait(wait) => wait,
            other => return inner.warmed(&other),
        };
        match wait.await {
            Settled::Unavailable { retry_after } => {
                inner.warmed(&Lookup::Unavailable { retry_after })
            }
            // Keys were fetched, or there are older ones; no key was asked for by name.
            Settled::Found(_) | Settled::Unknown => Ok(()),
        }
    }

    /// How the cache is doing.
    pub(crate) fn status(&self) -> KeyStatus {
        match &self.keys {
            Keys::Fixed(_) => KeyStatus {
                age: None,
                count: 1,
                last_failure: None,
                usable: true,
                fetching: false,
            },
            Keys::Fetched(inner) => inner.status(),
        }
    }
}

impl AtHand<'_> {
    /// Looks a key up, without waiting.
    pub(crate) fn get(&self, kid: &str, now: &Now) -> Lookup {
        match self.keys {
            Keys::Fixed(key) if key.kid() == kid => Lookup::Found(Arc::clone(key)),
            Keys::Fixed(_) => Lookup::Unknown,
            Keys::Fetched(inner) => inner.get(kid, self.snapshot(), now),
        }
    }

    /// The key whose tokens have this header segment, if that is known and the keys are fresh.
    pub(crate) fn by_header(&self, segment: &[u8], now: &Now) -> Option<&Arc<VerifyingKey>> {
        let key = match self.keys {
            Keys::Fixed(key) => Some(key).filter(|key| key.header() == Some(segment)),
            Keys::Fetched(_) => self.snapshot()?.set.by_header(segment),
        };
        key.filter(|key| key.serves(now))
    }

    fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()?.as_deref()
    }
}

impl Inner {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way; a lock must not outlive one that did elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of this name among those at hand.
    pub(super) fn find(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        let snapshot = self.snapshot.load();
        snapshot.as_ref()?.set.get(kid).cloned()
    }

    fn get(self: &Arc<Self>, kid: &str, seen: Option<&Snapshot>, now: &Now) -> Lookup {
        let found = seen.and_then(|snapshot| {
            let key = snapshot.set.get(kid)?;
            let age = self.policy.age(now.since(&snapshot.loaded));
            Some((Arc::clone(key), age))
        });
        let state = match found {
            Some((key, Age::Fresh)) => return Lookup::Found(key),
            // Seeing to the refresh is anybody's business; whoever gets the lock does it.
            Some((ref key, Age::Aging)) => match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::WouldBlock) => return Lookup::Found(Arc::clone(key)),
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            },
            _ => self.lock(),
        };
        // Again, under the lock, if it has changed: a fetch may just have ended, and must not be
        // followed by another.
        let key = if seen.map(|snapshot| snapshot.number) == state.number {
            found.map(|(key, _)| key)
        } else {
            self.find(kid)
        };
        self.ask(state, Some(kid), key, now, |refresh, at_hand, can_fetch| {
            refresh.look_up(at_hand, can_fetch, now)
        })
    }

    fn warm_up(self: &Arc<Self>) -> Lookup {
        let now = self.clock.now();
        self.ask(self.lock(), None, None, &now, |refresh, _, can_fetch| {
            refresh.warm_up(can_fetch, &now)
        })
    }

    /// Asks the policy, and does what it says; `key` is what is at hand. Without a `kid`, keys are
    /// wanted for later: `Unknown` then means that there is nothing to wait for.
    fn ask(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        kid: Option<&str>,
        key: Option<Arc<VerifyingKey>>,
        now: &Now,
        policy: impl FnOnce(&mut Refresh, bool, &mut dyn FnMut() -> bool) -> Step,
    ) -> Lookup {
        let lost = fetch::give_up_if_lost(self, &mut state, now);
        let mut runtime = None;
        let step = policy(&mut state.refresh, key.is_some(), &mut || {
            runtime = Handle::try_current().ok();
            runtime.is_some()
        });
        let launch = match (step, runtime) {
            (Step::ServeAndFetch | Step::Fetch { .. }, Some(runtime)) => {
                Some(fetch::start(self, &mut state, runtime, now))
            }
            _ => None,
        };
        let lookup = match (step, key) {
            (Step::Serve | Step::ServeAndFetch, Some(key)) => Lookup::Found(key),
            (Step::Serve | Step::ServeAndFetch | Step::Unknown, _) => Lookup::Unknown,
            (Step::Unavailable { retry_after }, _) => Lookup::Unavailable { retry_after },
            (Step::NoRuntime, _) => Lookup::NoRuntime,
            (Step::Join { or_stale } | Step::Fetch { or_stale }, key) => match &state.flight {
                Some(flight) => {
                    let fallback = key.filter(|_| or_stale);
                    Lookup::Wait(KeyWait::new(Arc::clone(self), flight, kid, fallback))
                }
                // Not reached: for the policy a fetch starts and ends as its flight does.
                None => Lookup::Unavailable {
                    retry_after: self.policy.cool_down,
                },
            },
        };
        drop(state);
        if let Some(lost) = lost {
            lost.log(self);
        }
        if let Some(launch) = launch {
            launch.go();
        }
        lookup
    }

    fn warmed(&self, outcome: &Lookup) -> Result<(), Error> {
        match *outcome {
            Lookup::Unavailable { .. } if self.status().usable => Ok(()),
            Lookup::Unavailable { retry_after } => Err(Error::new(
                ErrorKind::KeysUnavailable,
                self.no_usable_keys(),
            )
            .with_retry_after(Some(retry_after))),
            Lookup::NoRuntime => Err(Error::new(
                ErrorKind::NoRuntime,
                "keys cannot be fetched outside of a tokio runtime: call this from one",
            )),
            _ => Ok(()),
        }
    }

    /// What to tell somebody who never got a key.
    fn no_usable_keys(&self) -> String {
        let state = self.lock();
        let failure = state.failure.as_ref();
        self.origin.no_usable_keys(
            failure.map(|failure| failure.reason),
            failure.and_then(|failure| failure.detail.as_deref()),
        )
    }

    fn status(&self) -> KeyStatus {
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

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(timer) = state.timer.take() {
            timer.abort();
        }
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("KeyStore");
        match &self.keys {
            Keys::Fixed(key) => debug.field("key", key),
            Keys::Fetched(inner) => debug.field("origin", &inner.origin),
        };
        debug.finish_non_exhaustive()
    }
}
