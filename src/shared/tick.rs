//! The common knowledge of all replicas: asked for once a second, from the first use on.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    replica::{Replica, unavailable},
    store::Tick,
};
use crate::{
    clock::{Clock, Now},
    error::Error,
    telemetry,
};

/// Leave to begin the task that ticks.
pub(crate) struct Ticking<'a>(MutexGuard<'a, Option<JoinHandle<()>>>);

impl Replica {
    /// Asks what all replicas are to know. Where the store has lost its memory, it is told anew what
    /// is known here.
    ///
    /// # Errors
    ///
    /// The store cannot be asked.
    pub(crate) async fn tick(&self, slow_down: Option<Duration>) -> Result<Tick, Error> {
        let asked = self.now();
        let tick = self.step("tick", self.inner.store.tick(slow_down)).await;
        let tick = tick.map_err(|error| unavailable(&error))?;
        let mut ticked = self.ticked();
        let before = ticked.replace((tick, asked));
        drop(ticked);
        if before.is_some_and(|(before, _)| before.born != tick.born) {
            telemetry::shared_memory_lost();
            self.publish_anew();
        }
        Ok(tick)
    }

    /// Leave to begin the task that ticks, where none runs.
    pub(crate) fn begin_ticking(&self) -> Option<Ticking<'_>> {
        Ticking::begin(&self.inner.ticker)
    }

    /// Leave to begin the task that reads the log of marks, where none runs.
    pub(super) fn begin_following(&self) -> Option<Ticking<'_>> {
        Ticking::begin(&self.inner.follower)
    }

    fn ticked(&self) -> MutexGuard<'_, Option<(Tick, Now)>> {
        self.inner
            .ticked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the store, which has lost its memory, is yet not relied on; zero as a rule.
    pub(crate) fn settling(&self) -> Duration {
        match self.last_tick() {
            Some((tick, ago)) if tick.settles => {
                let remembers = tick.age.saturating_add(ago);
                self.times().quarantine().saturating_sub(remembers)
            }
            _ => Duration::ZERO,
        }
    }

    /// The last tick, and how long ago it was.
    pub(crate) fn last_tick(&self) -> Option<(Tick, Duration)> {
        let ticked = *self.ticked();
        ticked.map(|(tick, at)| (tick, self.now().since(&at)))
    }

    /// Publishes what is at hand, after the store has lost it.
    fn publish_anew(&self) {
        let now = self.now();
        let (answers, ends) = self.known().all(now);
        tracing::info!(
            answers = answers.len(),
            ends = ends.len(),
            "what the shared state has lost is published anew"
        );
        let this = self.clone();
        self.repeat("publish_anew", move || {
            let (this, answers, ends) = (this.clone(), answers.clone(), ends.clone());
            async move {
                let store = &this.inner.store;
                for (name, attempt, answer, successor) in answers {
                    let step = store.publish(name, attempt, &answer);
                    this.step("publish", step).await?;
                    if let Some(successor) = successor {
                        let step = store.link(successor, name, answer.life);
                        this.step("link", step).await?;
                    }
                }
                for (name, attempt, ending) in ends {
                    this.step("end", store.end(name, attempt, ending)).await?;
                }
                Ok(())
            }
        });
    }
}

impl<'a> Ticking<'a> {
    fn begin(task: &'a Mutex<Option<JoinHandle<()>>>) -> Option<Self> {
        let task = task.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = task.as_ref().is_some_and(|task| !task.is_finished());
        (!runs).then_some(Self(task))
    }

    /// Begins the task, on the runtime of whoever asks; `tick` is called once each `pause` until it
    /// returns `false`.
    pub(crate) fn run<F, Fut>(self, clock: Clock, pause: Duration, tick: F)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = bool> + Send,
    {
        self.spawn(async move {
            loop {
                clock.sleep(pause).await;
                if !tick().await {
                    return;
                }
            }
        });
    }

    /// As [`run`](Self::run), and for the first time at once.
    pub(super) fn run_at_once<F, Fut>(self, clock: Clock, pause: Duration, tick: F)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = bool> + Send,
    {
        self.spawn(async move {
            while tick().await {
                clock.sleep(pause).await;
            }
        });
    }

    fn spawn(mut self, task: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            *self.0 = Some(runtime.spawn(task));
        }
    }
}
