//! Several replicas that share their state: a browser may go to any of them.

mod ends;
mod machines;
mod orders;
mod responses;
mod revocation;
mod sessions;
mod store;

use tower_descope::{
    Descope, DescopeBuilder, SharedState,
    test_util::{FakeDescope, FakeDescopeBuilder},
};

use crate::{
    routes::SELECT,
    support::{
        App,
        browser::Browser,
        world::{EXPIRY, REFRESH, early, fake, late, spent},
    },
};

/// Replicas of one service, in one process.
pub(crate) struct Replicas {
    pub(crate) fake: FakeDescope,
    pub(crate) shared: SharedState,
    pub(crate) handles: Vec<Descope>,
}

impl Replicas {
    pub(crate) async fn start(number: usize, fake: FakeDescopeBuilder) -> Self {
        Self::with(number, fake, |builder| builder).await
    }

    /// Replicas with more settings.
    pub(crate) async fn with(
        number: usize,
        fake: FakeDescopeBuilder,
        settings: impl Fn(DescopeBuilder) -> DescopeBuilder,
    ) -> Self {
        let mut replicas = Self {
            fake: fake.start().await,
            shared: SharedState::in_memory(),
            handles: Vec::new(),
        };
        for _ in 0..number {
            let handle = replicas.one_more(&settings);
            handle.warm_up().await.unwrap();
            replicas.handles.push(handle);
        }
        replicas
    }

    /// Another replica beside them, which has asked nobody anything yet.
    pub(crate) fn one_more(&self, settings: impl Fn(DescopeBuilder) -> DescopeBuilder) -> Descope {
        let builder = settings(self.fake.descope_builder());
        builder.shared_state(self.shared.clone()).build().unwrap()
    }

    /// The services, whose layers renew only what has expired.
    pub(crate) fn apps(&self) -> Vec<App> {
        self.handles.iter().map(late).collect()
    }

    /// The services, whose layers renew a minute early.
    pub(crate) fn early_apps(&self) -> Vec<App> {
        self.handles.iter().map(early).collect()
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.fake.calls(REFRESH)
    }

    /// The refresh tokens that were sent to be exchanged, oldest first. None may be sent twice.
    pub(crate) fn spent(&self) -> Vec<String> {
        spent(&self.fake, &[REFRESH, SELECT])
    }

    /// So many replicas, and a browser of Ann's whose session the first has just renewed; beside it the
    /// cookies of before.
    pub(crate) async fn renewed(number: usize) -> (Self, Vec<App>, Browser, Browser) {
        let replicas = Self::start(number, fake()).await;
        let apps = replicas.apps();
        let old = Browser::ann(&replicas.fake);
        let mut browser = old.clone();
        replicas.fake.clock().advance(EXPIRY);
        browser.visit(&apps[0]).await;
        replicas.settle().await;
        (replicas, apps, old, browser)
    }

    /// Waits until every replica has told the store what it knows.
    pub(crate) async fn settle(&self) {
        for handle in &self.handles {
            handle.drain().await;
        }
    }
}
