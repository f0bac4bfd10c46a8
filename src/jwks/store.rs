//! The key store: one atomic load where the key is cached and fresh.
//!
//! Everything else goes through a short lock around the [refresh policy](super::refresh), which is
//! never held while anything is awaited.

use std::{
    fmt,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use arc_swap::Guard;
use jwks_client_rs::source::JwksSource;
use tokio::runtime::Handle;

use super::{
    fetch,
    key_origin::KeyOrigin,
    policy::{Age, KeyPolicy},
    refresh::{FetchDecision, Refresh},
    running_fetch::RunningFetch,
    shared::{RefreshState, SharedKeys, Snapshot},
    status::KeyStatus,
    wait::{KeyWait, KeyWaitOutcome},
};
use crate::{
    clock::{Clock, Now},
    error::{Error, ErrorKind},
    jwt::key::VerifyingKey,
};

#[cfg(test)]
#[cfg(feature = "test-util")]
mod tests;

/// When to ask again where too many wait already: soon, since one fetch is short.
const RETRY_CROWDED: Duration = Duration::from_secs(1);

/// The keys of one project. Clones share everything.
#[derive(Clone)]
pub(crate) struct KeyStore {
    keys: Keys,
}

#[derive(Clone)]
enum Keys {
    /// One key, set in the configuration.
    Fixed(Arc<VerifyingKey>),
    /// The keys of a source.
    Fetched(Arc<SharedKeys>),
}

/// A view of the keys at one moment, for several look-ups. Not to be held across a wait.
pub(crate) struct CachedKeys<'s> {
    keys: &'s Keys,
    /// `None` for a fixed key, and before the first fetch.
    snapshot: Option<Guard<Option<Arc<Snapshot>>>>,
}

/// The result of a look-up.
#[derive(Debug)]
pub(crate) enum Lookup {
    Found(Arc<VerifyingKey>),
    /// The project has no such key.
    Unknown,
    /// There are no usable keys, and no fetch may be started now.
    Unavailable {
        retry_after: Duration,
    },
    /// A fetch is needed, and there is no tokio runtime on this thread to run it.
    NoRuntime,
    /// The key may be among those being fetched.
    Wait(KeyWait),
}

impl KeyStore {
    /// Keys from a source; `origin` names it in messages.
    pub(crate) fn new(
        source: Arc<dyn JwksSource + Send + Sync>,
        policy: KeyPolicy,
        clock: Clock,
        origin: KeyOrigin,
    ) -> Self {
        let shared = SharedKeys::new(source, policy, clock, origin);
        Self {
            keys: Keys::Fetched(Arc::new(shared)),
        }
    }

    /// A store of one fixed key. Nothing is ever fetched.
    pub(crate) fn fixed(key: VerifyingKey) -> Self {
        key.serve_until(&Now::NEVER);
        Self {
            keys: Keys::Fixed(Arc::new(key)),
        }
    }

    /// The cached keys as they are now, for more than one look-up.
    pub(crate) fn cached(&self) -> CachedKeys<'_> {
        let snapshot = match &self.keys {
            Keys::Fixed(_) => None,
            Keys::Fetched(shared) => Some(shared.snapshot.load()),
        };
        CachedKeys {
            keys: &self.keys,
            snapshot,
        }
    }

    /// Fetches keys unless the cached ones are fresh.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        let Keys::Fetched(shared) = &self.keys else {
            return Ok(());
        };
        let wait = match shared.warm_up() {
            Lookup::Wait(wait) => wait,
            other => return shared.warm_up_result(&other),
        };
        match wait.await {
            KeyWaitOutcome::Unavailable { retry_after } => {
                shared.warm_up_result(&Lookup::Unavailable { retry_after })
            }
            // No key was asked for by name: keys were fetched, or there are older ones that serve.
            KeyWaitOutcome::Found(_) | KeyWaitOutcome::Unknown => Ok(()),
        }
    }

    /// The state of the cache.
    pub(crate) fn status(&self) -> KeyStatus {
        match &self.keys {
            Keys::Fixed(_) => KeyStatus {
                age: None,
                count: 1,
                last_failure: None,
                usable: true,
                fetching: false,
            },
            Keys::Fetched(shared) => shared.status(),
        }
    }
}

impl CachedKeys<'_> {
    /// Looks a key up, without waiting.
    pub(crate) fn get(&self, kid: &str, now: &Now) -> Lookup {
        match self.keys {
            Keys::Fixed(key) if key.kid() == kid => Lookup::Found(Arc::clone(key)),
            Keys::Fixed(_) => Lookup::Unknown,
            Keys::Fetched(shared) => shared.get(kid, self.snapshot(), now),
        }
    }

    /// Returns `true` if [`get`](Self::get) would say `Unknown`, and nothing would be fetched for it.
    pub(crate) fn lacks(&self, kid: &str, now: &Now) -> bool {
        match self.keys {
            Keys::Fixed(key) => key.kid() != kid,
            Keys::Fetched(shared) => shared.lacks(kid, self.snapshot(), now),
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

impl SharedKeys {
    fn get(self: &Arc<Self>, kid: &str, seen: Option<&Snapshot>, now: &Now) -> Lookup {
        let found = seen.and_then(|snapshot| {
            let key = snapshot.set.get(kid)?;
            let age = self.policy.age(now.since(&snapshot.loaded));
            Some((Arc::clone(key), age))
        });
        let state = match found {
            Some((key, Age::Fresh)) => return Lookup::Found(key),
            // Any request may start the refresh that is due. Whoever gets the lock does; the others
            // need not wait for it, since their key serves.
            Some((ref key, Age::Aging)) => match self.try_lock() {
                Some(state) => state,
                None => return Lookup::Found(Arc::clone(key)),
            },
            _ => self.lock(),
        };
        // If the keys have changed, look again under the lock: a fetch may just have ended, and must
        // not be followed by another.
        let key = if seen.map(|snapshot| snapshot.number) == state.number {
            found.map(|(key, _)| key)
        } else {
            self.find(kid)
        };
        self.follow_policy(state, Some(kid), key, now, |refresh, cached, can_fetch| {
            refresh.look_up(cached, can_fetch, now)
        })
    }

    fn lacks(&self, kid: &str, seen: Option<&Snapshot>, now: &Now) -> bool {
        if seen.is_some_and(|snapshot| snapshot.set.get(kid).is_some()) {
            return false;
        }
        let mut state = self.lock();
        // Where the keys have changed meanwhile, whoever looks the key up finds out.
        seen.map(|snapshot| snapshot.number) == state.number && state.refresh.knows_to_lack(now)
    }

    fn warm_up(self: &Arc<Self>) -> Lookup {
        let now = self.clock.now();
        self.follow_policy(self.lock(), None, None, &now, |refresh, _, can_fetch| {
            refresh.warm_up(can_fetch, &now)
        })
    }

    /// Asks the refresh policy and does what it decides; `key` is the cached key. Without a `kid`,
    /// keys are wanted for later: `Unknown` then means that there is nothing to wait for.
    fn follow_policy(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, RefreshState>,
        kid: Option<&str>,
        key: Option<Arc<VerifyingKey>>,
        now: &Now,
        policy: impl FnOnce(&mut Refresh, bool, &mut dyn FnMut() -> bool) -> FetchDecision,
    ) -> Lookup {
        let lost = fetch::give_up_if_lost(self, &mut state, now);
        let mut runtime = None;
        let step = policy(&mut state.refresh, key.is_some(), &mut || {
            runtime = Handle::try_current().ok();
            runtime.is_some()
        });
        let fetch = match (step, runtime) {
            (FetchDecision::ServeAndFetch | FetchDecision::Fetch { .. }, Some(runtime)) => {
                Some(fetch::start(self, &mut state, runtime, now))
            }
            _ => None,
        };
        let lookup = match (step, key) {
            (FetchDecision::Serve | FetchDecision::ServeAndFetch, Some(key)) => Lookup::Found(key),
            (FetchDecision::Serve | FetchDecision::ServeAndFetch | FetchDecision::Unknown, _) => {
                Lookup::Unknown
            }
            (FetchDecision::Unavailable { retry_after }, _) => Lookup::Unavailable { retry_after },
            (FetchDecision::NoRuntime, _) => Lookup::NoRuntime,
            (FetchDecision::Join { or_stale } | FetchDecision::Fetch { or_stale }, key) => {
                match &state.fetch {
                    Some(fetch) => {
                        let fallback = key.filter(|_| or_stale);
                        // Other keys serve, and this one is not among them: somebody may be making
                        // names up, and everybody with a good token does without this fetch.
                        let stranger =
                            kid.is_some() && fallback.is_none() && state.refresh.is_usable(now);
                        self.wait(fetch, kid, fallback, stranger)
                    }
                    // Not reached: the policy counts a fetch as running for as long as this field is
                    // set.
                    None => Lookup::Unavailable {
                        retry_after: self.policy.cool_down,
                    },
                }
            }
        };
        // Logging and spawning run other people's code, which may come back here for the lock.
        drop(state);
        if let Some(lost) = lost {
            lost.log(self);
        }
        if let Some(fetch) = fetch {
            fetch.spawn();
        }
        lookup
    }

    /// Waits for the running fetch; a `stranger` only where there is a place for one more.
    fn wait(
        self: &Arc<Self>,
        fetch: &RunningFetch,
        kid: Option<&str>,
        stale: Option<Arc<VerifyingKey>>,
        stranger: bool,
    ) -> Lookup {
        let place = match stranger.then(|| Arc::clone(&self.places).try_acquire_owned()) {
            None => None,
            Some(Ok(place)) => Some(place),
            // The key may be about to arrive, so it is not unknown.
            Some(Err(_)) => {
                return Lookup::Unavailable {
                    retry_after: RETRY_CROWDED,
                };
            }
        };
        Lookup::Wait(KeyWait::new(Arc::clone(self), fetch, kid, stale, place))
    }

    fn warm_up_result(&self, lookup: &Lookup) -> Result<(), Error> {
        match *lookup {
            Lookup::Unavailable { .. } if self.status().is_usable() => Ok(()),
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
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("KeyStore");
        match &self.keys {
            Keys::Fixed(key) => debug.field("key", key),
            Keys::Fetched(shared) => debug.field("origin", &shared.origin),
        };
        debug.finish_non_exhaustive()
    }
}
