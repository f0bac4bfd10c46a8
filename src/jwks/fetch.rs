//! The fetch, on a task of its own, and the timer that starts it without being asked.

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
    task::JoinHandle,
    time::{error::Elapsed, timeout},
};

use super::{
    limits::KeyPolicy,
    refresh::{MAX_JITTER, Tick},
    set::KeySet,
    source::in_words,
    store::{Inner, LastFailure, Snapshot, State},
};
use crate::{clock::Now, telemetry};

/// How much longer than its deadline a fetch may take to say so, before it counts as lost: on a
/// busy machine, or on a runtime that nobody drives any more.
const GRACE: Duration = Duration::from_secs(2);

/// A running fetch.
pub(super) struct Flight {
    id: u64,
    /// By the machine's clock: deadlines are real, also where a test moves the clock.
    started: Instant,
    landed: watch::Receiver<Option<bool>>,
}

/// The timer's task.
pub(super) struct Timer(JoinHandle<()>);

impl Flight {
    /// Tells when the fetch has ended, and whether well.
    pub(super) fn landed(&self) -> watch::Receiver<Option<bool>> {
        self.landed.clone()
    }

    /// How much longer to wait for it.
    pub(super) fn patience(&self, policy: &KeyPolicy) -> Duration {
        let longest = policy.deadline.saturating_add(GRACE);
        longest.saturating_sub(self.started.elapsed())
    }
}

impl Timer {
    fn is_dead(&self) -> bool {
        self.0.is_finished()
    }

    pub(super) fn abort(self) {
        self.0.abort();
    }
}

/// A fetch to be put on its task once the lock is released: a runtime that is shutting down drops
/// the task at once, which ends the fetch, which takes the lock.
#[must_use]
pub(super) struct Launch {
    runtime: Handle,
    source: Arc<dyn JwksSource + Send + Sync>,
    deadline: Duration,
    landing: Landing,
}

/// Starts a fetch, which the refresh policy has taken for started.
pub(super) fn start(inner: &Arc<Inner>, state: &mut State, runtime: Handle, now: &Now) -> Launch {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = NEXT.fetch_add(1, Relaxed);
    let (sender, landed) = watch::channel(None);
    let started = Instant::now();
    state.flight = Some(Flight {
        id,
        started,
        landed,
    });
    if state.timer.as_ref().is_none_or(Timer::is_dead) {
        state.timer = Some(Timer(runtime.spawn(keep_fresh(inner))));
    }
    Launch {
        runtime,
        source: Arc::clone(&inner.source),
        deadline: inner.policy.deadline,
        landing: Landing {
            inner: Arc::downgrade(inner),
            id,
            since: *now,
            started,
            landed: sender,
            done: false,
        },
    }
}

impl Launch {
    pub(super) fn go(self) {
        let Self {
            runtime,
            source,
            deadline,
            landing,
        } = self;
        runtime.spawn(async move {
            let answer = timeout(deadline, source.fetch_keys()).await;
            landing.land(answer);
        });
    }
}

/// Ends a fetch that should long have ended, so that another can be started.
pub(super) fn give_up_if_lost(inner: &Inner, state: &mut State, now: &Now) -> Option<Failure> {
    let lost = |flight: &Flight| flight.patience(&inner.policy).is_zero();
    if !state.flight.as_ref().is_some_and(lost) {
        return None;
    }
    inner.wake.notify_one();
    Some(Failure::new(
        state,
        "the fetch was lost with its runtime",
        None,
        now,
    ))
}

/// A failure that has been written down, to be logged once the lock is released.
#[must_use]
pub(super) struct Failure {
    reason: &'static str,
    detail: Option<String>,
    /// Whether there are keys, and whether they may still be used.
    usable: Option<bool>,
}

impl Failure {
    fn new(state: &mut State, reason: &'static str, detail: Option<String>, now: &Now) -> Self {
        state.refresh.finish(false, jitter(), now);
        state.failure = Some(LastFailure {
            at: *now,
            reason,
            detail: detail.clone(),
        });
        state.flight = None;
        let usable = state.refresh.is_usable(now);
        Self {
            reason,
            detail,
            usable: state.refresh.key_age(now).map(|_| usable),
        }
    }

    pub(super) fn log(&self, inner: &Inner) {
        let (reason, detail) = (self.reason, self.detail.as_deref());
        if let Some(usable) = self.usable {
            let url = inner.origin.url();
            tracing::warn!(url, reason, detail, usable, "keys not refreshed");
        } else {
            let message = inner.origin.no_usable_keys(None, None);
            tracing::warn!(reason, detail, "{message}");
        }
        telemetry::keys_fetched("failed");
    }
}

/// Ends a fetch, whatever becomes of its task.
struct Landing {
    inner: Weak<Inner>,
    id: u64,
    since: Now,
    started: Instant,
    landed: watch::Sender<Option<bool>>,
    done: bool,
}

impl Landing {
    fn land(mut self, answer: Result<Result<JsonWebKeySet, JwksClientError>, Elapsed>) {
        match answer {
            Ok(Ok(keys)) => self.take(keys),
            Ok(Err(error)) => self.fail("the source failed", Some(in_words(&error))),
            Err(_) => self.fail("the deadline passed", None),
        }
    }

    fn take(&mut self, keys: JsonWebKeySet) {
        let Some(inner) = self.inner.upgrade() else {
            return;
        };
        let keys = keys.keys();
        if keys.len() > inner.policy.max_keys {
            return self.fail("there are too many keys", None);
        }
        let previous = inner.snapshot.load();
        let previous = previous.as_ref().map(|snapshot| &snapshot.set);
        let set = KeySet::new(&keys, previous);
        let count = set.len();
        if count == 0 {
            return self.fail("none of the keys is usable", None);
        }
        self.done = true;
        let mut state = inner.lock();
        if !self.is_mine(&state) {
            return;
        }
        // Keys and state change under one lock, so that nobody sees the one without the other.
        set.serve_until(&self.since.later(inner.policy.refresh_at()), previous);
        let number = state.number.map_or(0, |last| last.wrapping_add(1));
        state.number = Some(number);
        inner.snapshot.store(Some(Arc::new(Snapshot {
            set,
            loaded: self.since,
            number,
        })));
        state.refresh.finish(true, jitter(), &inner.clock.now());
        state.failure = None;
        state.flight = None;
        drop(state);
        self.tell(&inner, true);
        tracing::debug!(
            url = inner.origin.url(),
            count,
            elapsed = ?self.started.elapsed(),
            "keys fetched"
        );
        telemetry::keys_fetched("ok");
    }

    fn fail(&mut self, reason: &'static str, detail: Option<String>) {
        self.done = true;
        let Some(inner) = self.inner.upgrade() else {
            return;
        };
        let mut state = inner.lock();
        let failure = self
            .is_mine(&state)
            .then(|| Failure::new(&mut state, reason, detail, &inner.clock.now()));
        drop(state);
        self.tell(&inner, false);
        if let Some(failure) = failure {
            failure.log(&inner);
        }
    }

    /// Whether the fetch that is expected is this one, and not another since it was given up.
    fn is_mine(&self, state: &State) -> bool {
        state
            .flight
            .as_ref()
            .is_some_and(|flight| flight.id == self.id)
    }

    fn tell(&self, inner: &Inner, good: bool) {
        self.landed.send_replace(Some(good));
        inner.wake.notify_one();
    }
}

impl Drop for Landing {
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
fn keep_fresh(inner: &Arc<Inner>) -> impl Future<Output = ()> + Send + use<> {
    let weak = Arc::downgrade(inner);
    let clock = inner.clock.clone();
    let wake = Arc::clone(&inner.wake);
    let patience = inner.policy.deadline.saturating_add(GRACE);
    async move {
        loop {
            let tick = {
                let Some(inner) = weak.upgrade() else {
                    return;
                };
                let now = clock.now();
                let mut state = inner.lock();
                let lost = give_up_if_lost(&inner, &mut state, &now);
                let tick = state.refresh.tick(&now);
                let launch = (tick == Tick::Fetch)
                    .then(|| start(&inner, &mut state, Handle::current(), &now));
                drop(state);
                if let Some(lost) = lost {
                    lost.log(&inner);
                }
                if let Some(launch) = launch {
                    launch.go();
                }
                tick
            };
            match tick {
                // Until the fetch has ended; or should have, in case it was lost.
                Tick::Fetch | Tick::Idle => drop(timeout(patience, wake.notified()).await),
                Tick::Sleep(rest) => {
                    tokio::select! {
                        () = clock.sleep(rest) => {}
                        () = wake.notified() => {}
                    }
                }
            }
        }
    }
}

/// Spreads the fetches of many instances. Not for secrets: it is the seed of a hash map.
fn jitter() -> u32 {
    let range = u64::from(MAX_JITTER) + 1;
    u32::try_from(RandomState::new().hash_one(()) % range).unwrap_or_default()
}
