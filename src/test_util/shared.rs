//! The part of the fake that its handles and its server have in common.

use std::sync::{Mutex, PoisonError, atomic::AtomicUsize};

use tokio::sync::watch;

use super::{settings::Settings, state::State};

/// Settings, which do not change, and the state, which does.
pub(super) struct Shared {
    pub(super) settings: Settings,
    state: Mutex<State>,
    /// Notified of each request and of each instruction.
    pub(super) changed: watch::Sender<()>,
    /// The number of connections that were accepted.
    pub(super) connections: AtomicUsize,
}

impl Shared {
    pub(super) fn new(settings: Settings, state: State) -> Self {
        Self {
            settings,
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            connections: AtomicUsize::new(0),
        }
    }

    /// The lock is held for `act` alone, never over an await. A panic in a test does not stop the
    /// fake for the other handles.
    pub(super) fn with_state<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
