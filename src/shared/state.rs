//! The state that replicas share, as a service configures it, and its status.

#[cfg(any(feature = "redis", feature = "test-util"))]
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(feature = "redis", feature = "test-util"))]
use zeroize::Zeroizing;

#[cfg(feature = "test-util")]
use super::memory::{MemoryStore, StoreFault};
#[cfg(feature = "redis")]
use super::redis::{RedisSettings, RedisStore};
#[cfg(any(feature = "redis", feature = "test-util"))]
use super::seal::Sealer;
use super::{
    known::{Bounds, Known},
    replica::{Replica, SharedTimes},
};
use crate::{clock::Clock, error::Error};

/// The state that several replicas of a service share, so that a browser may go to any of them: which of
/// them sends a refresh token to Descope, and what Descope answered.
///
/// With refresh tokens that are rotated, as is Descope's default, a token can be used once; a second use
/// ends the session. In one process the handle sees to that by itself. Where several processes serve the
/// same browsers, give each the same shared state
/// ([`DescopeBuilder::shared_state`](crate::DescopeBuilder::shared_state)): all of them, or none.
///
/// A request with a good session costs nothing more: the store is asked where a session is renewed, a
/// tenant selected, or a user signed out. Answers are sealed under the refresh token that was sent for
/// them and a secret of the service's, so that the store holds neither a token nor a key. Whatever it
/// says is verified like an answer of Descope's.
///
/// While the store cannot be reached, requests with a good session are served as before; who comes with
/// an expired one is answered 503 (`renewal_unavailable`) and keeps their cookies. The chapter
/// [Several replicas](crate::_docs::replicas) has the table of what fails and what follows.
///
/// Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct SharedState {
    engine: Engine,
    shared_answers: Option<Duration>,
}

#[derive(Clone, Debug)]
enum Engine {
    #[cfg(feature = "redis")]
    Redis(RedisSettings),
    #[cfg(feature = "test-util")]
    Memory(Arc<MemoryStore>),
}

/// The status of the shared state, as one replica sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedStatus {
    /// `true` while the store answers.
    pub reachable: bool,
    /// How long ago it last said what all replicas know alike; `None` before the first use.
    pub seen: Option<Duration>,
    /// For how long it has remembered what it was told: since it was started, or lost its memory.
    /// `None` before the first use.
    pub remembers: Option<Duration>,
    /// For how long sessions that have expired are yet answered 503, since the store may have
    /// forgotten who renews them; zero as a rule.
    pub settling: Duration,
}

impl SharedState {
    /// Shares state by way of Redis or Valkey. Connects at the first use, and connects again by itself.
    #[cfg(feature = "redis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    pub fn redis(settings: RedisSettings) -> Self {
        Self::of(Engine::Redis(settings))
    }

    /// Shares state in the memory of this process: for tests with several handles, which stand for the
    /// replicas. It goes by the clock of the handle that is built with it first.
    ///
    /// ```
    /// use tower_descope::{Descope, SharedState};
    ///
    /// let shared = SharedState::in_memory();
    /// let replica = || {
    ///     let builder = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z");
    ///     builder.shared_state(shared.clone()).build()
    /// };
    /// let (one, other) = (replica()?, replica()?);
    /// assert!(one.shared_status().is_some_and(|status| status.reachable));
    /// # Ok::<(), tower_descope::Error>(())
    /// ```
    #[cfg(feature = "test-util")]
    #[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
    #[must_use]
    pub fn in_memory() -> Self {
        Self::of(Engine::Memory(Arc::default()))
    }

    /// Makes a store [in memory](Self::in_memory) unreachable, or reachable again; does nothing to any
    /// other.
    #[cfg(feature = "test-util")]
    #[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
    pub fn set_reachable(&self, reachable: bool) {
        self.set_fault((!reachable).then_some(StoreFault::Unreachable));
    }

    /// Makes a store [in memory](Self::in_memory) lose all that it remembers, as Redis does that is
    /// started anew without persistence; does nothing to any other.
    #[cfg(feature = "test-util")]
    #[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
    pub fn lose_memory(&self) {
        if let Some(store) = self.memory() {
            store.forget_all();
        }
    }

    /// How many steps a store [in memory](Self::in_memory) was asked for; zero of any other.
    #[cfg(feature = "test-util")]
    #[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
    pub fn steps(&self) -> u64 {
        self.memory().map_or(0, MemoryStore::steps)
    }

    /// How long the store keeps an answer that no browser has shown to have received. Default: as long
    /// as each replica keeps it
    /// ([`undelivered_answers`](crate::DescopeBuilder::undelivered_answers)). A large fleet may set less:
    /// what the store holds is refreshes per second × seconds × bytes of an answer (some 3,500), so
    /// 1,000 a second for an hour are 12.6 GB.
    ///
    /// A browser that lost an answer and comes back later than this is told by Descope that its token was
    /// used before, and has to sign in again.
    #[must_use]
    pub fn shared_answers(mut self, keep: Duration) -> Self {
        self.shared_answers = Some(keep);
        self
    }

    fn of(engine: Engine) -> Self {
        Self {
            engine,
            shared_answers: None,
        }
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn set_fault(&self, fault: Option<StoreFault>) {
        if let Some(store) = self.memory() {
            store.set_fault(fault);
        }
    }

    #[cfg(feature = "test-util")]
    #[allow(
        clippy::unnecessary_wraps,
        reason = "which engines there are is the features' to say"
    )]
    pub(super) fn memory(&self) -> Option<&MemoryStore> {
        match &self.engine {
            Engine::Memory(store) => Some(store),
            #[cfg(feature = "redis")]
            Engine::Redis(_) => None,
        }
    }

    /// The part of it that a handle of a project has.
    ///
    /// # Errors
    ///
    /// A setting of the store is wrong.
    #[allow(
        clippy::unnecessary_wraps,
        reason = "which engines there are is the features' to say"
    )]
    pub(crate) fn replica(
        &self,
        project_id: &str,
        clock: &Clock,
        times: SharedTimes,
        bounds: Bounds,
    ) -> Result<Replica, Error> {
        let times = SharedTimes {
            undelivered: self.shared_answers.or(times.undelivered),
            ..times
        };
        let known = Known::new(times.keep, bounds);
        #[cfg(not(any(feature = "redis", feature = "test-util")))]
        let _ = (project_id, clock, known);
        match self.engine {
            #[cfg(feature = "redis")]
            Engine::Redis(ref settings) => {
                let store = RedisStore::new(settings, project_id)?;
                let (secret, former) = settings.secrets();
                let kept = |secret: &[u8]| Zeroizing::new(secret.to_vec());
                let sealer = Sealer::new(kept(secret), former.map(kept).into_iter().collect());
                let store = Arc::new(store);
                Ok(Replica::new(store, sealer, clock.clone(), times, known))
            }
            #[cfg(feature = "test-util")]
            Engine::Memory(ref store) => {
                let _ = project_id;
                store.attach(clock);
                // It guards nothing: the store is in the same process.
                let sealer = Sealer::new(Zeroizing::new(vec![0; 32]), Vec::new());
                let store: Arc<MemoryStore> = Arc::clone(store);
                Ok(Replica::new(store, sealer, clock.clone(), times, known))
            }
        }
    }
}

impl Replica {
    /// The status, as this replica sees it.
    pub(crate) fn status(&self) -> SharedStatus {
        let last = self.last_tick();
        let remembers = last.map(|(tick, ago)| tick.age.saturating_add(ago));
        SharedStatus {
            reachable: !self.is_cut_off(),
            seen: last.map(|(_, ago)| ago),
            remembers,
            settling: self.settling(),
        }
    }
}
