//! The turns of a family's calls.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::sync::{Notify, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// First come, first served: a call that rotates the token has the turn alone, calls that only read
/// share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn {
    lock: Arc<RwLock<()>>,
    queue: Arc<TurnQueue>,
}

#[derive(Debug, Default)]
struct TurnQueue {
    overdue: Notify,
    /// The number of calls that wait.
    waiting: AtomicUsize,
}

impl Turn {
    /// The turn of a call that rotates the token. `None` if the call whose turn it is turns out to
    /// be overdue, as `is_overdue` says: nobody waits for that one.
    pub(super) async fn alone(
        &self,
        is_overdue: impl Fn() -> bool,
    ) -> Option<OwnedRwLockWriteGuard<()>> {
        self.wait(self.lock.clone().write_owned(), is_overdue).await
    }

    /// The turn of a call that only reads, likewise.
    pub(super) async fn shared(
        &self,
        is_overdue: impl Fn() -> bool,
    ) -> Option<OwnedRwLockReadGuard<()>> {
        self.wait(self.lock.clone().read_owned(), is_overdue).await
    }

    /// The turn of a call that waits however long it takes.
    pub(super) async fn alone_at_last(&self) -> OwnedRwLockWriteGuard<()> {
        self.lock.clone().write_owned().await
    }

    /// The number of calls that wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        self.queue.waiting.load(Relaxed)
    }

    /// Sends away those who wait for a call that is overdue.
    pub(super) fn send_away(&self) {
        self.queue.overdue.notify_waiters();
    }

    /// Completes once the call whose turn it is is overdue, as `is_overdue` says.
    pub(super) async fn overdue(&self, is_overdue: impl Fn() -> bool) {
        let never = std::future::pending::<()>();
        // It ends in no other way.
        let _ = self.wait(never, is_overdue).await;
    }

    async fn wait<G>(
        &self,
        turn: impl Future<Output = G>,
        is_overdue: impl Fn() -> bool,
    ) -> Option<G> {
        let _waiting = Waiting::new(&self.queue.waiting);
        tokio::pin!(turn);
        loop {
            let overdue = self.queue.overdue.notified();
            tokio::pin!(overdue);
            // From here on no notification is missed, so the question is not asked too early.
            overdue.as_mut().enable();
            if is_overdue() {
                // The call may just have ended, and its task not have had a turn yet.
                tokio::task::yield_now().await;
                if is_overdue() {
                    return None;
                }
            }
            tokio::select! {
                biased;
                guard = &mut turn => return Some(guard),
                () = overdue => {}
            }
        }
    }
}

/// Counts one call as waiting for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
