//! A replica's side of the log of revocation marks: it reads the log several times a second, and tells
//! what was marked here.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use super::{
    breaker::Breaker,
    log::{HOLD, LogReader, LogTimes, Progress, TOLD},
    replica::{REPEAT_AFTER, Replica, ReplicaInner, unavailable},
    store::{StoreError, StoreErrorKind},
};
use crate::{
    error::Error,
    random,
    revocation::{CutMark, RevocationView},
    telemetry,
};

/// How much longer than a log settles a replica that begins asks for marks until it knows all.
const LEARNING: Duration = Duration::from_secs(1);

/// The most entries that are told between two looks at the log.
const TOLD_AT_ONCE: usize = 20;

impl Replica {
    /// Sees to it that the view learns of other replicas' marks, for as long as both live. It is begun by
    /// the warm-up or the first request, on whose runtime it runs.
    pub(crate) fn inform(&self, view: &Arc<RevocationView>) {
        let replica = Arc::downgrade(&self.inner);
        let known = Arc::downgrade(view);
        view.listen_to(Box::new(move |view| {
            if let Some(inner) = replica.upgrade() {
                Self { inner }.follow_marks(&known, view.tick());
            }
        }));
    }

    /// Begins the task that follows the log, where none runs.
    fn follow_marks(&self, view: &Weak<RevocationView>, pause: Duration) {
        let Some(ticking) = self.begin_following() else {
            return;
        };
        let clock = self.inner.clock.clone();
        let (replica, view) = (Arc::downgrade(&self.inner), Weak::clone(view));
        let reader = Arc::new(tokio::sync::Mutex::new(LogReader::default()));
        ticking.run_at_once(clock, pause, move || {
            read_once(replica.clone(), view.clone(), Arc::clone(&reader))
        });
    }

    /// Reads what is new in the log, and tells what is new here.
    async fn read_marks(
        &self,
        view: &RevocationView,
        reader: &mut LogReader,
    ) -> Result<(), StoreError> {
        let times = times(view);
        let mut was_lost = false;
        loop {
            let asked = self.now();
            let read = self.inner.store.read_marks(reader.position(), times);
            let page = self
                .log_step("read_marks", &self.inner.log_reads, read)
                .await?;
            let is_first = reader.is_new();
            let progress = reader.advance(&page, times);
            if is_first {
                // Nobody knows if what was told before is still there: what is not read now is told again.
                view.forget_told();
            }
            if progress == Progress::Lost {
                telemetry::shared_memory_lost();
                view.forget_told();
                reader.hold = a_few();
                if was_lost {
                    // Whatever becomes of it, it is asked no more often than at each look.
                    return Ok(());
                }
                was_lost = true;
                continue;
            }
            let marks = page.entries.into_iter().flat_map(|(_, marks)| marks);
            view.note_told(marks, self.now());
            match progress {
                Progress::Whole { before } => view.note_heard(asked, before),
                Progress::Settling => {}
                Progress::More | Progress::Lost => continue,
            }
            break;
        }
        reader.hold = reader.hold.saturating_sub(1);
        if reader.hold == 0 {
            self.tell_some(view).await?;
        }
        Ok(())
    }

    /// Learns of all marks, before the first request comes.
    ///
    /// # Errors
    ///
    /// The store cannot be asked.
    pub(crate) async fn learn_marks(&self, view: &RevocationView) -> Result<(), Error> {
        let mut reader = LogReader::default();
        let pause = view.tick().min(Duration::from_millis(200));
        let mut waited = Duration::ZERO;
        loop {
            let read = self.read_marks(view, &mut reader).await;
            read.map_err(|error| unavailable(&error))?;
            if view.status().fresh || waited > times(view).settle.saturating_add(LEARNING) {
                // From now on, or the first request would find that nothing was heard for a while.
                view.keep_listening();
                return Ok(());
            }
            // A log that has just begun settles.
            self.inner.clock.deadline(pause).await;
            waited = waited.saturating_add(pause);
        }
    }

    /// Tells the other replicas of marks that were made here.
    ///
    /// # Errors
    ///
    /// The store cannot be asked: they are told later.
    pub(crate) async fn tell_marks(
        &self,
        view: &RevocationView,
        marks: &[CutMark],
    ) -> Result<(), Error> {
        let inner = &self.inner;
        // Of the writes one is tried now and then, since nothing else may come that shows that they succeed.
        if lock(&inner.log_reads).is_open() || !lock(&inner.log_writes).try_pass(self.now()) {
            // Nobody waits in vain: the task that reads the log tells them once it can.
            let kind = StoreErrorKind::NotAsked;
            telemetry::shared_step("append_marks", kind.name());
            let why = "the log of marks could not be reached of late";
            return Err(unavailable(&StoreError::new(kind, why)));
        }
        let told = self.append(view, marks).await;
        told.map_err(|error| unavailable(&error))
    }

    /// Waits until the other replicas have been told all that was marked here.
    pub(crate) async fn all_marks_told(&self, view: &RevocationView) {
        while !view.unsent(1).is_empty() {
            if self.tell_some(view).await.is_err() {
                self.inner.clock.deadline(REPEAT_AFTER).await;
            }
        }
    }

    async fn tell_some(&self, view: &RevocationView) -> Result<(), StoreError> {
        for _ in 0..TOLD_AT_ONCE {
            let unsent = view.unsent(TOLD);
            if unsent.is_empty() {
                break;
            }
            self.append(view, &unsent).await?;
        }
        Ok(())
    }

    async fn append(&self, view: &RevocationView, marks: &[CutMark]) -> Result<(), StoreError> {
        let append = self.inner.store.append_marks(marks, times(view));
        self.log_step("append_marks", &self.inner.log_writes, append)
            .await?;
        view.told(marks);
        Ok(())
    }

    /// Makes a step at the log. One that fails holds up no step of another kind, and none of those holds
    /// up this one: the log is asked at the same pace whether the store answers or not, since what was
    /// marked while it was away is to be known everywhere soon after.
    async fn log_step<R>(
        &self,
        name: &'static str,
        breaker: &Mutex<Breaker>,
        step: impl Future<Output = Result<R, StoreError>>,
    ) -> Result<R, StoreError> {
        let result = step.await;
        let outcome = result
            .as_ref()
            .map_or_else(|error| error.kind.name(), |_| "ok");
        telemetry::shared_step(name, outcome);
        let changed = lock(breaker).note(result.is_ok(), self.now());
        match &result {
            // That it cannot be reached is told by the steps that all replicas make.
            Err(error) if changed && error.kind != StoreErrorKind::Unreachable => {
                telemetry::marks_refused(error, error.kind.name());
            }
            Err(error) => tracing::debug!(step = name, %error, "a step at the log of marks failed"),
            Ok(_) => {}
        }
        result
    }
}

fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}

fn times(view: &RevocationView) -> LogTimes {
    LogTimes::new(view.kept(), view.tick(), view.stale_after())
}

/// One look at the log. Returns `false` once nobody is interested any more.
async fn read_once(
    replica: Weak<ReplicaInner>,
    view: Weak<RevocationView>,
    reader: Arc<tokio::sync::Mutex<LogReader>>,
) -> bool {
    let (Some(inner), Some(view)) = (replica.upgrade(), view.upgrade()) else {
        return false;
    };
    // What fails is logged where the store's state changes, and the view grows stale by itself.
    let mut reader = reader.lock().await;
    let _ = Replica { inner }.read_marks(&view, &mut reader).await;
    true
}

/// From one to [`HOLD`], by chance.
fn a_few() -> u8 {
    let mut bytes = [0];
    // Without random numbers nobody waits longer than the others.
    let _ = random::fill(&mut bytes);
    let [byte] = bytes;
    1 + byte % HOLD
}
