//! The runtime that tasks run on, and a count of those that are under way.

use tokio::{runtime::Handle, sync::watch};

use crate::error::Error;

/// The runtime of whoever calls: outside of one tokio panics where something waits.
///
/// # Errors
///
/// There is none.
pub(crate) fn runtime() -> Result<Handle, Error> {
    Handle::try_current().map_err(|_| Error::no_runtime())
}

/// The number of tasks that are under way. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct RunningTasks(watch::Sender<usize>);

/// Counts a task as under way for as long as it lives.
pub(crate) struct Running(watch::Sender<usize>);

impl RunningTasks {
    /// None.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts a task in.
    pub(crate) fn begin(&self) -> Running {
        self.0.send_modify(|count| *count += 1);
        Running(self.0.clone())
    }

    pub(crate) fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until none is under way.
    pub(crate) async fn none_left(&self) {
        let mut count = self.0.subscribe();
        // It fails only without a sender, and `self` is one.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
