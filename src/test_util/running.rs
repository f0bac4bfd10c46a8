//! A fake that runs.

use std::{net::SocketAddr, sync::Arc};

use super::{server::Server, settings::Settings, shared::Shared, state::State};

/// The common core of all handles; the server stops when the last of them is dropped.
pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    pub(super) server: Server,
}

impl Running {
    pub(super) fn start(listen: SocketAddr, settings: Settings, state: State) -> Self {
        let shared = Arc::new(Shared::new(settings, state));
        let server = Server::start(listen, &shared);
        Self { shared, server }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(super) fn with_state<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        self.shared.with_state(act)
    }
}
