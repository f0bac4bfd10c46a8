//! Several replicas that share their state: a browser may go to any of them.

mod ends;
mod machines;
mod orders;
mod responses;
mod sessions;
mod store;

use tower_descope::{
    Descope, SharedState,
    test_util::{FakeDescope, FakeDescopeBuilder},
};

use crate::{
    routes::SELECT,
    support::{
        App,
        world::{REFRESH, early, late},
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
        let fake = fake.start().await;
        let shared = SharedState::in_memory();
        let replica = |_| {
            let builder = fake.descope_builder();
            builder.shared_state(shared.clone()).build().unwrap()
        };
        let handles: Vec<_> = (0..number).map(replica).collect();
        for handle in &handles {
            handle.warm_up().await.unwrap();
        }
        Self {
            fake,
            shared,
            handles,
        }
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
        let requests = self.fake.requests().into_iter();
        let exchanges = requests.filter(|it| it.path == REFRESH || it.path == SELECT);
        let tokens: Vec<String> = exchanges
            .map(|request| request.header("authorization").unwrap().to_owned())
            .collect();
        let mut distinct = tokens.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), tokens.len(), "a token was spent twice");
        tokens
    }

    /// Waits until every replica has told the store what it knows.
    pub(crate) async fn settle(&self) {
        for handle in &self.handles {
            handle.drain().await;
        }
    }
}
