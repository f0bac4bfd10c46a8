//! Runs a fetch on a task of its own, and the timer that starts fetches by schedule.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use jwks_client_rs::{JsonWebKeySet, JwksClientError, source::JwksSource};
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{error::Elapsed, timeout},
};

use super::{
    refresh::{MAX_JITTER, TimerDecision},
    running_fetch::{RefreshTimer, RunningFetch, longest_fetch},
    set::KeySet,
    shared::{LastFailure, RefreshState, SharedKeys, Snapshot},
    source::in_words,
};
use crate::{clock::Now, metrics, telemetry};

/// A fetch that is registered as running, and whose task is still to be spawned.
///
/// The task is spawned once the lock is released: a runtime that is shutting down drops it at once,
/// which ends the fetch, which takes the lock.
#[must_use]
pub(super) struct PreparedFetch {
    runtime: Handle,
    source: Arc<dyn JwksSource + Send + Sync>,
    deadline: Duration,
    completion: FetchCompletion,
}

/// Ends a fetch when it is dropped, whatever became of its task.
struct FetchCompletion {
    /// Weak, so that a hanging fetch does not keep a store alive that nobody uses any more.
    shared: Weak<SharedKeys>,
    id: u64,
    since: Now,
    started: Instant,
    outcome: watch::Sender<Option<bool>>,
    done: bool,
}

/// A failure that has been recorded, to be logged once the lock is released.
#[must_use]
pub(super) struct FetchFailure {
    reason: &'static str,
    detail: Option<String>,
    /// `None` if there are no keys; else `true` while they may still be used.
    usable: Option<bool>,
}

/// Registers a fetch that the refresh policy has already counted as started.
pub(super) fn start(
    shared: &Arc<SharedKeys>,
    state: &mut RefreshState,
    runtime: Handle,
    now: &Now,
) -> PreparedFetch {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = NEXT.fetch_add(1, Relaxed);
    let (sender, outcome) = watch::channel(None);
    let started = Instant::now();
    state.fetch = Some(RunningFetch {
        id,
        started,
        outcome,
    });
    // The timer is gone if its runtime was shut down; the runtime of this fetch takes over.
    if state.timer.as_ref().is_none_or(RefreshTimer::is_finished) {
        state.timer = Some(RefreshTimer(runtime.spawn(run_schedule(shared))));
    }
    PreparedFetch {
        runtime,
        source: Arc::clone(&shared.source),
        deadline: shared.policy.deadline,
        completion: FetchCompletion {
            shared: Arc::downgrade(shared),
            id,
            since: *now,
            started,
            outcome: sender,
            done: false,
        },
    }
}

/// Ends a fetch that is overdue, so that another can be started.
pub(super) fn give_up_if_lost(
    shared: &SharedKeys,
    state: &mut RefreshState,
    now: &Now,
) -> Option<FetchFailure> {
    let fetch = state.fetch.as_ref()?;
    if !fetch.is_lost(&shared.policy) {
        return None;
    }
    shared.wake.notify_one();
    Some(FetchFailure::record(
        state,
        "the fetch was lost with its runtime",
        None,
        now,
    ))
}

impl PreparedFetch {
    pub(super) fn spawn(self) {
        let Self {
            runtime,
            source,
            deadline,
            completion,
        } = self;
        runtime.spawn(async move {
            let started = Instant::now();
            let answer = timeout(deadline, source.fetch_keys()).await;
            let outcome = match &answer {
                Ok(Ok(_)) => "ok",
                Ok(Err(_)) => "unavailable",
                Err(_) => "timeout",
            };
            metrics::key_call(outcome, started.elapsed());
            completion.complete(answer);
        });
    }
}

impl FetchFailure {
    fn record(
        state: &mut RefreshState,
        reason: &'static str,
        detail: Option<String>,
        now: &Now,
    ) -> Self {
        state.refresh.finish(false, jitter(), now);
        Self::note(state, reason, detail, now)
    }

    /// As [`record`](Self::record), where the policy has been told.
    fn note(
        state: &mut RefreshState,
        reason: &'static str,
        detail: Option<String>,
        now: &Now,
    ) -> Self {
        state.failure = Some(LastFailure {
            at: *now,
            reason,
            detail: detail.clone(),
        });
        state.fetch = None;
        let usable = state.refresh.is_usable(now);
        Self {
            reason,
            detail,
            usable: state.refresh.key_age(now).map(|_| usable),
        }
    }

    pub(super) fn log(&self, shared: &SharedKeys) {
        let (reason, detail) = (self.reason, self.detail.as_deref());
        if let Some(usable) = self.usable {
            let url = shared.origin.url();
            tracing::warn!(url, reason, detail, usable, "keys not refreshed");
        } else {
            let message = shared.origin.no_usable_keys(Some(reason), detail);
            tracing::warn!(reason, detail, "{message}");
        }
        telemetry::keys_fetched("failed");
    }
}

impl FetchCompletion {
    fn complete(mut self, answer: Result<Result<JsonWebKeySet, JwksClientError>, Elapsed>) {
        match answer {
            Ok(Ok(keys)) => self.succeed(keys),
            Ok(Err(error)) => self.fail("the source failed", Some(in_words(&error))),
            Err(_) => self.fail("the deadline passed", None),
        }
    }

    fn succeed(&mut self, keys: JsonWebKeySet) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let keys = keys.keys();
        // Checked here too, since a source of the application's own is not bound by the parser.
        if keys.len() > shared.policy.max_keys {
            return self.fail("there are too many keys", None);
        }
        let previous = shared.snapshot.load();
        let previous = previous.as_ref().map(|snapshot| &snapshot.set);
        let set = KeySet::new(&keys, previous);
        let count = set.len();
        self.done = true;
        let mut state = shared.lock();
        if !self.is_current(&state) {
            return;
        }
        if count == 0 {
            let failure = self.come_empty(&shared, &mut state, set, previous);
            drop(state);
            self.report(&shared, false);
            failure.log(&shared);
            return;
        }
        // Keys and state change under one lock, so that nobody sees the one without the other.
        set.serve_until(&self.since.later(shared.policy.refresh_at()), previous);
        self.store(&shared, &mut state, set);
        state.refresh.finish(true, jitter(), &shared.clock.now());
        state.failure = None;
        state.fetch = None;
        drop(state);
        self.report(&shared, true);
        tracing::debug!(
            url = shared.origin.url(),
            count,
            elapsed = ?self.started.elapsed(),
            "keys fetched"
        );
        telemetry::keys_fetched("ok");
    }

    /// Ends the fetch of a well-formed set that has no usable key: it replaces a good one if another
    /// such set has come before, and the keys are past their time to live.
    fn come_empty(
        &self,
        shared: &SharedKeys,
        state: &mut RefreshState,
        empty: KeySet,
        previous: Option<&KeySet>,
    ) -> FetchFailure {
        let now = shared.clock.now();
        if state.refresh.finish_empty(jitter(), &now) {
            empty.serve_until(&self.since, previous);
            self.store(shared, state, empty);
        }
        FetchFailure::note(state, "none of the keys is usable", None, &now)
    }

    fn store(&self, shared: &SharedKeys, state: &mut RefreshState, set: KeySet) {
        let number = state.number.map_or(0, |last| last.wrapping_add(1));
        state.number = Some(number);
        shared.snapshot.store(Some(Arc::new(Snapshot {
            set,
            loaded: self.since,
            number,
        })));
    }

    fn fail(&mut self, reason: &'static str, detail: Option<String>) {
        self.done = true;
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let mut state = shared.lock();
        let failure = self
            .is_current(&state)
            .then(|| FetchFailure::record(&mut state, reason, detail, &shared.clock.now()));
        drop(state);
        self.report(&shared, false);
        if let Some(failure) = failure {
            failure.log(&shared);
        }
    }

    /// Returns `false` if this fetch was given up as lost, and perhaps another has been started.
    fn is_current(&self, state: &RefreshState) -> bool {
        state
            .fetch
            .as_ref()
            .is_some_and(|fetch| fetch.id == self.id)
    }

    fn report(&self, shared: &SharedKeys, good: bool) {
        self.outcome.send_replace(Some(good));
        shared.wake.notify_one();
    }
}

impl Drop for FetchCompletion {
    fn drop(&mut self) {
        if !self.done {
            self.fail(
                if std::thread::panicking() {
                    "the source panicked"
                } else {
                    "the runtime was shut down"
                },
                None,
            );
        }
    }
}

/// Fetches by schedule for as long as the store lives.
fn run_schedule(shared: &Arc<SharedKeys>) -> impl Future<Output = ()> + Send + use<> {
    let weak = Arc::downgrade(shared);
    let clock = shared.clock.clone();
    let wake = Arc::clone(&shared.wake);
    let longest = longest_fetch(&shared.policy);
    async move {
        loop {
            let tick = {
                // Held for one round only: the timer must not keep the store alive.
                let Some(shared) = weak.upgrade() else {
                    return;
                };
                let now = clock.now();
                let mut state = shared.lock();
                let lost = give_up_if_lost(&shared, &mut state, &now);
                let tick = state.refresh.tick(&now);
                let fetch = (tick == TimerDecision::Fetch)
                    .then(|| start(&shared, &mut state, Handle::current(), &now));
                drop(state);
                if let Some(lost) = lost {
                    lost.log(&shared);
                }
                if let Some(fetch) = fetch {
                    fetch.spawn();
                }
                tick
            };
            match tick {
                // Until the fetch has ended; or should have, in case it was lost.
                TimerDecision::Fetch | TimerDecision::Idle => {
                    drop(timeout(longest, wake.notified()).await);
                }
                TimerDecision::Sleep(rest) => {
                    tokio::select! {
                        () = clock.sleep(rest) => {}
                        () = wake.notified() => {}
                    }
                }
            }
        }
    }
}

/// Spreads the fetches of many instances. The randomness is the seed of a hash map, which is good
/// enough for that and not for secrets.
fn jitter() -> u32 {
    let range = u64::from(MAX_JITTER) + 1;
    u32::try_from(RandomState::new().hash_one(()) % range).unwrap_or_default()
}
