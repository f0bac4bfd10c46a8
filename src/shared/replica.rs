//! A replica's side of the shared state: the steps at the store, each tried once, and what is noted of
//! them.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{runtime::Handle, task::JoinHandle};
use tracing::Level;

use super::{
    breaker::{Breaker, PAUSE},
    known::Known,
    poll::{self, Pauses},
    record::{Claim, Claimed, Found, Record, RecordKind, RecordName},
    seal::Sealer,
    store::{Store, StoreError, StoreErrorKind, Tick},
};
use crate::{
    clock::{Clock, Now},
    digest::Digest,
    error::{Error, ErrorKind},
    limiter::OnceAMinute,
    running::RunningTasks,
    telemetry::{self, event_at},
    token::REMEMBER_DELIVERED,
};

/// How much longer a claim stands than the call that it is made for.
const LEASE_BEYOND_CALL: Duration = Duration::from_secs(5);

/// How much longer than a lease a store that has lost its memory is not relied on.
const QUARANTINE_BEYOND_LEASE: Duration = Duration::from_secs(1);

/// For how long a step that nobody waits for is tried again.
const REPEAT_FOR: Duration = Duration::from_secs(10);
pub(super) const REPEAT_AFTER: Duration = Duration::from_millis(500);

/// The times that the replicas of a project have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedTimes {
    /// How long a caller waits for a call to Descope.
    pub(crate) call: Duration,
    /// How long an answer is kept for repeats.
    pub(crate) keep: Duration,
    /// How long an answer is kept that nobody has received; `None`: as long as its token lives.
    pub(crate) undelivered: Option<Duration>,
}

impl SharedTimes {
    /// How long a claim stands without being renewed.
    pub(crate) fn lease(&self) -> Duration {
        self.call.saturating_add(LEASE_BEYOND_CALL)
    }

    pub(super) fn quarantine(&self) -> Duration {
        self.lease().saturating_add(QUARANTINE_BEYOND_LEASE)
    }

    /// How long after it was asked for a claim may be acted on: a process that was frozen must not send
    /// on one that has lapsed.
    pub(super) fn sendable(&self) -> Duration {
        let margin = QUARANTINE_BEYOND_LEASE;
        self.lease()
            .saturating_sub(self.call)
            .saturating_sub(margin)
    }

    /// How long it is remembered that a user signed out, once Descope knows it: as long as a request or a
    /// response of before may have been on its way.
    pub(crate) fn remember_sign_out(&self) -> Duration {
        self.keep.saturating_add(REMEMBER_DELIVERED)
    }

    /// How long it is remembered that Descope has ended a session.
    pub(crate) fn remember_end(&self) -> Duration {
        self.keep.saturating_add(self.lease())
    }
}

/// A handle's part of the shared state. Clones share everything.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(super) inner: Arc<ReplicaInner>,
}

pub(super) struct ReplicaInner {
    pub(super) store: Arc<dyn Store>,
    pub(super) sealer: Sealer,
    pub(super) clock: Clock,
    pub(super) times: SharedTimes,
    breaker: Mutex<Breaker>,
    /// Those of the steps at the log of marks: who may read it need not be able to write it.
    pub(super) log_reads: Mutex<Breaker>,
    pub(super) log_writes: Mutex<Breaker>,
    known: Mutex<Known>,
    /// The time that a refresh takes here on average, in microseconds.
    average: AtomicU64,
    /// The last tick, and when it was.
    pub(super) ticked: Mutex<Option<(Tick, Now)>>,
    pub(super) ticker: Mutex<Option<JoinHandle<()>>>,
    pub(super) follower: Mutex<Option<JoinHandle<()>>>,
    /// The number of steps that are made in the background.
    running: RunningTasks,
    /// Limits the warning that one of those was given up.
    not_told: OnceAMinute,
}

impl Replica {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        sealer: Sealer,
        clock: Clock,
        times: SharedTimes,
        known: Known,
    ) -> Self {
        Self {
            inner: Arc::new(ReplicaInner {
                store,
                sealer,
                clock,
                times,
                breaker: Mutex::default(),
                log_reads: Mutex::default(),
                log_writes: Mutex::default(),
                known: Mutex::new(known),
                average: AtomicU64::default(),
                ticked: Mutex::default(),
                ticker: Mutex::default(),
                follower: Mutex::default(),
                running: RunningTasks::new(),
                not_told: OnceAMinute::default(),
            }),
        }
    }

    pub(crate) fn times(&self) -> SharedTimes {
        self.inner.times
    }

    pub(super) fn now(&self) -> Now {
        self.inner.clock.now()
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.inner
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.inner
            .breaker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that a refresh takes here on average.
    pub(super) fn average(&self) -> Duration {
        Duration::from_micros(self.inner.average.load(Relaxed))
    }

    /// Notes what a refresh took.
    pub(super) fn note_took(&self, took: Duration) {
        let average = poll::smoothed(self.average(), took).as_micros();
        let average = u64::try_from(average).unwrap_or(u64::MAX);
        self.inner.average.store(average, Relaxed);
    }

    /// Makes a step at the store, unless that has not answered of late.
    pub(super) async fn step<R>(
        &self,
        name: &'static str,
        step: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        if !self.breaker().try_pass(self.now()) {
            let kind = StoreErrorKind::NotAsked;
            telemetry::shared_step(name, kind.name());
            let why = "the store has not answered of late";
            return Err(StoreError::new(kind, why));
        }
        let result = step.await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.kind.name(), |_| "ok");
        telemetry::shared_step(name, outcome);
        let mut breaker = self.breaker();
        let changed = breaker.note(result.is_ok(), self.now());
        let is_open = breaker.is_open();
        drop(breaker);
        match &result {
            Err(error) if changed && is_open => {
                telemetry::shared_state_lost(error, error.kind.name());
            }
            Ok(_) if changed => telemetry::shared_state_back(),
            Err(error) => tracing::debug!(step = name, %error, "a step at the shared state failed"),
            Ok(_) => {}
        }
        result
    }

    pub(super) async fn claim(&self, claim: &Claim) -> Result<Found<Claimed>, StoreError> {
        let found = self.step("claim", self.inner.store.claim(claim)).await;
        if let Err(error) = &found
            && error.kind != StoreErrorKind::NotAsked
        {
            // It may have been made, and will not be used.
            self.give_back(claim.name, claim.attempt);
        }
        found
    }

    pub(super) async fn look(&self, name: RecordName) -> Result<Found<Option<Record>>, StoreError> {
        self.step("look", self.inner.store.look(name)).await
    }

    pub(super) async fn look_back(
        &self,
        name: RecordName,
    ) -> Result<Found<Option<Record>>, StoreError> {
        self.step("look", self.inner.store.look_back(name)).await
    }

    /// Tells the store, in the background, that the successors of these tokens have been presented.
    pub(crate) fn deliver(&self, tokens: impl IntoIterator<Item = Digest>) {
        let name = |token: Digest| RecordName::new(RecordKind::Token, &token);
        self.deliver_in_background(tokens.into_iter().map(name));
    }

    pub(super) fn deliver_in_background(&self, names: impl IntoIterator<Item = RecordName>) {
        for name in names {
            let this = self.clone();
            self.repeat("deliver", move || {
                let this = this.clone();
                async move { this.deliver_one(name).await }
            });
        }
    }

    /// Presenting a token delivers all that came before it.
    async fn deliver_one(&self, name: RecordName) -> Result<(), StoreError> {
        let now = self.now();
        self.known().deliver(name, now);
        let keep = self.inner.times.keep;
        let mut next = Some(name);
        // More are told by whoever presents one of those.
        for _ in 0..8 {
            let Some(name) = next else { break };
            next = self
                .step("deliver", self.inner.store.deliver(name, keep))
                .await?;
        }
        Ok(())
    }

    /// Makes a step that nobody waits for, and tries it again for a while.
    pub(super) fn repeat<F, Fut>(&self, name: &'static str, step: F)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), StoreError>> + Send,
    {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let this = self.clone();
        let running = self.inner.running.begin();
        runtime.spawn(async move {
            let clock = &this.inner.clock;
            let started = clock.now();
            while let Err(error) = step().await {
                let now = clock.now();
                if now.since(&started) >= REPEAT_FOR {
                    // As many as there are sessions, where the store is away.
                    let level = this.inner.not_told.level(Level::WARN, &now);
                    event_at!(level, step = name, %error, "the shared state was not told");
                    break;
                }
                clock.deadline(REPEAT_AFTER).await;
            }
            drop(running);
        });
    }

    /// Returns `true` while steps are left out because the store does not answer.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.breaker().is_open()
    }

    /// Waits until the store has been told all that it is to be told.
    pub(crate) async fn drained(&self) {
        self.inner.running.none_left().await;
    }
}

/// A wait for another replica's call, until somebody's patience is over.
pub(super) struct Wait<'a> {
    replica: &'a Replica,
    started: Now,
    patience: Duration,
    pauses: Pauses,
}

impl Replica {
    pub(super) fn wait(&self, patience: Duration) -> Wait<'_> {
        Wait {
            replica: self,
            started: self.now(),
            patience,
            pauses: Pauses::new(self.average()),
        }
    }
}

impl Wait<'_> {
    /// Pauses before the store is asked again about a call that is as old as this. Returns `false` once
    /// nobody waits any more.
    pub(super) async fn pause(&mut self, age: Option<Duration>) -> bool {
        let waited = self.replica.now().since(&self.started);
        let left = self.patience.saturating_sub(waited);
        if left.is_zero() {
            return false;
        }
        let pause = self.pauses.next(age).min(left);
        self.replica.inner.clock.deadline(pause).await;
        true
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").finish_non_exhaustive()
    }
}

/// The error for whoever waits for a step that failed. Nothing was sent to Descope.
pub(super) fn unavailable(error: &StoreError) -> Error {
    later(PAUSE).with_source(error.clone())
}

/// The error while the shared state cannot say who may use a token.
pub(super) fn later(left: Duration) -> Error {
    Error::new(
        ErrorKind::SharedStateUnavailable,
        "no call was made: the shared state cannot say now if another replica makes one",
    )
    .with_retry_after(Some(left.max(Duration::from_secs(1))))
}
