//! The records in the memory of one process: for tests of several handles, and what the engines are
//! compared with.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use super::{
    log::{LogPage, LogPosition, LogTimes},
    record::{Attempt, Claim, Claimed, Ending, Found, Publication, Published, Record, RecordName},
    store::{Store, StoreError, StoreErrorKind, Tick},
};

pub(super) use self::records::Memory;
use crate::{clock::Clock, revocation::CutMark};

mod log;
mod records;

/// A store in memory. It goes by the clock of the handle that was built with it first.
#[derive(Default)]
pub(crate) struct MemoryStore {
    clock: OnceLock<Clock>,
    memory: Mutex<Memory>,
    fault: Mutex<Option<StoreFault>>,
}

/// How a store misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreFault {
    /// Nothing reaches it.
    Unreachable,
    /// It does what it is told, and its answers are lost.
    #[cfg(test)]
    LosesAnswers,
}

impl MemoryStore {
    /// Makes it go by this clock, if it goes by none.
    pub(crate) fn attach(&self, clock: &Clock) {
        self.clock.get_or_init(|| clock.clone());
    }

    /// Makes it misbehave, or behave again.
    pub(crate) fn set_fault(&self, fault: Option<StoreFault>) {
        let mut current = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if current.is_some() && fault.is_none() {
            let now = self.now();
            self.memory().note_interruption(now);
        }
        *current = fault;
    }

    /// Loses all that it remembers.
    pub(crate) fn forget_all(&self) {
        self.memory().lose();
    }

    /// How many steps were made.
    pub(crate) fn steps(&self) -> u64 {
        self.memory().steps
    }

    fn now(&self) -> Duration {
        self.clock.get_or_init(Clock::default).now().mono
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step<R>(&self, step: impl FnOnce(&mut Memory, Duration) -> R) -> Result<R, StoreError> {
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let lost = || StoreError::new(StoreErrorKind::Unreachable, "a test switched it off");
        if fault == Some(StoreFault::Unreachable) {
            return Err(lost());
        }
        let mut memory = self.memory();
        memory.steps += 1;
        let result = step(&mut memory, now);
        match fault {
            Some(_) => Err(lost()),
            None => Ok(result),
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn claim(&self, claim: &Claim) -> Result<Found<Claimed>, StoreError> {
        self.step(|memory, now| memory.claim(claim, now))
    }

    async fn look(&self, name: RecordName) -> Result<Found<Option<Record>>, StoreError> {
        self.step(|memory, now| memory.look(name, now))
    }

    async fn look_back(&self, name: RecordName) -> Result<Found<Option<Record>>, StoreError> {
        self.step(|memory, now| memory.look_back(name, now))
    }

    async fn publish(
        &self,
        name: RecordName,
        attempt: Attempt,
        answer: &Publication,
    ) -> Result<Published, StoreError> {
        self.step(|memory, now| memory.publish(name, attempt, answer, now))
    }

    async fn link(
        &self,
        name: RecordName,
        predecessor: RecordName,
        life: Duration,
    ) -> Result<(), StoreError> {
        self.step(|memory, now| memory.link(name, predecessor, life, now))
    }

    async fn deliver(
        &self,
        name: RecordName,
        keep: Duration,
    ) -> Result<Option<RecordName>, StoreError> {
        self.step(|memory, now| memory.deliver(name, keep, now))
    }

    async fn end(
        &self,
        name: RecordName,
        attempt: Attempt,
        ending: Ending,
    ) -> Result<(), StoreError> {
        self.step(|memory, now| memory.end(name, attempt, ending, now))
    }

    async fn tick(&self, slow_down: Option<Duration>) -> Result<Tick, StoreError> {
        self.step(|memory, now| memory.tick(slow_down, now))
    }

    async fn append_marks(&self, marks: &[CutMark], times: LogTimes) -> Result<(), StoreError> {
        self.step(|memory, now| memory.append_marks(marks, times.keep, now))
    }

    async fn read_marks(
        &self,
        after: Option<LogPosition>,
        times: LogTimes,
    ) -> Result<LogPage, StoreError> {
        self.step(|memory, now| memory.read_marks(after, times.keep, now))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::TestClock,
        shared::contract::{self, Bench},
    };

    struct InMemory {
        store: MemoryStore,
        clock: TestClock,
    }

    impl InMemory {
        async fn new() -> Self {
            let clock = TestClock::new();
            let store = MemoryStore::default();
            store.attach(&Clock::Test(clock.clone()));
            store.tick(None).await.unwrap();
            Self { store, clock }
        }
    }

    #[async_trait]
    impl Bench for InMemory {
        fn store(&self) -> &dyn Store {
            &self.store
        }

        async fn pass(&self, span: Duration) {
            self.clock.advance(span);
        }

        async fn interrupt(&self, span: Duration) {
            self.store.set_fault(Some(StoreFault::Unreachable));
            self.clock.advance(span);
            self.store.set_fault(None);
        }

        async fn forget_all(&self) {
            self.store.forget_all();
        }
    }

    macro_rules! checks {
        ($($name:ident,)*) => {
            $(
                #[tokio::test]
                async fn $name() {
                    contract::$name(&InMemory::new().await).await;
                }
            )*
        };
    }
    contract::each_check!(checks);

    #[tokio::test]
    async fn a_store_that_loses_its_answers_has_done_what_it_was_told() {
        let bench = InMemory::new().await;
        bench.store.set_fault(Some(StoreFault::LosesAnswers));
        assert!(
            bench
                .store
                .tick(Some(Duration::from_secs(9)))
                .await
                .is_err()
        );
        bench.store.set_fault(None);
        let tick = bench.store.tick(None).await.unwrap();
        assert_eq!(tick.slow_down, Some(Duration::from_secs(9)));
    }
}
