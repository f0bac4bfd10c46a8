//! The server of a key: the one there is, or of a cluster the node that has the key's part.
//!
//! The table has sixteen parts, each on one node. Which one is learned from redirections alone: a node
//! that is asked for what another one has names it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::{sync::Mutex as TurnMutex, time::Instant};

use super::{
    address::{Address, Place},
    connection::Link,
    keys::{PARTS, Part},
    scripts::Run,
};

/// A part that is on its way from node to node is asked for at so many of them.
const MOST_REDIRECTIONS: usize = 4;
/// Connections for what blocks its connection until replicas have confirmed.
const WAITERS: usize = 8;
/// How long it may block.
const CONFIRMATION: Duration = Duration::from_millis(100);

/// The servers.
#[derive(Debug)]
pub(super) struct Nodes {
    first: Node,
    patience: Duration,
    /// In a cluster, what is known of it.
    known: Option<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    nodes: HashMap<Place, Node>,
    /// The place of each part, where it was told.
    places: [Option<Place>; PARTS],
}

/// A server with its connections.
#[derive(Clone, Debug)]
struct Node {
    link: Link,
    waiters: std::sync::Arc<Waiters>,
}

#[derive(Debug)]
struct Waiters {
    links: Vec<TurnMutex<Link>>,
    next: AtomicUsize,
}

/// The answer to a script, and how many replicas have confirmed what it wrote.
pub(super) struct Confirmed {
    pub(super) answer: Value,
    pub(super) replicas: Value,
}

impl Nodes {
    pub(super) fn new(address: &Address, is_cluster: bool, patience: Duration) -> Self {
        Self {
            first: Node::new(address, patience),
            patience,
            known: is_cluster.then(Mutex::default),
        }
    }

    /// The one that the settings name.
    pub(super) fn first(&self) -> &Link {
        &self.first.link
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Runs a script.
    pub(super) async fn run(&self, part: Part, run: &Run<'_>) -> RedisResult<Value> {
        let deadline = self.deadline();
        let mut node = self.node_of(part);
        for _ in 0..MOST_REDIRECTIONS {
            let error = match node.run(run, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(address) = self.moved_to(&node, &error) else {
                self.forget(part, &error);
                return Err(error);
            };
            node = self.moved(part, &address);
        }
        Err(too_many())
    }

    /// Runs a script, and waits until so many replicas have what it wrote.
    pub(super) async fn run_confirmed(
        &self,
        part: Part,
        run: &Run<'_>,
        replicas: u8,
    ) -> RedisResult<Confirmed> {
        let deadline = self.deadline() + CONFIRMATION;
        let mut node = self.node_of(part);
        for _ in 0..MOST_REDIRECTIONS {
            let error = match node.run_confirmed(run, replicas, deadline).await {
                Ok(confirmed) => return Ok(confirmed),
                Err(error) => error,
            };
            let Some(address) = self.moved_to(&node, &error) else {
                self.forget(part, &error);
                return Err(error);
            };
            node = self.moved(part, &address);
        }
        Err(too_many())
    }

    fn known(&self) -> Option<MutexGuard<'_, Known>> {
        let known = self.known.as_ref()?;
        Some(known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn node_of(&self, part: Part) -> Node {
        let told = self.known().and_then(|known| {
            let place = known.places.get(part.number())?.as_ref()?;
            known.nodes.get(place).cloned()
        });
        told.unwrap_or_else(|| self.first.clone())
    }

    fn moved(&self, part: Part, address: &Address) -> Node {
        let Some(mut known) = self.known() else {
            return self.first.clone();
        };
        if let Some(told) = known.places.get_mut(part.number()) {
            *told = Some(address.place.clone());
        }
        let node = known.nodes.entry(address.place.clone());
        node.or_insert_with(|| Node::new(address, self.patience))
            .clone()
    }

    /// After a failure another node is asked where the part is now: the one of the settings, or one
    /// that another part is on, in turn.
    fn forget(&self, part: Part, error: &RedisError) {
        if !error.is_io_error() && !matches!(error.code(), Some("CLUSTERDOWN" | "READONLY")) {
            return;
        }
        let Some(mut known) = self.known() else {
            return;
        };
        let mut all: Vec<&Place> = known.nodes.keys().collect();
        all.sort_by_key(|place| format!("{place:?}"));
        let told = known.places.get(part.number()).and_then(Option::as_ref);
        let next = match told.and_then(|told| all.iter().position(|place| *place == told)) {
            None => all.first().copied().cloned(),
            Some(at) => all.get(at + 1).copied().cloned(),
        };
        if let Some(told) = known.places.get_mut(part.number()) {
            *told = next;
        }
    }

    /// Reads `MOVED 3999 host:port`.
    fn moved_to(&self, asked: &Node, error: &RedisError) -> Option<Address> {
        self.known.as_ref()?;
        if error.kind() != ErrorKind::Server(ServerErrorKind::Moved) {
            return None;
        }
        let (place, _) = error.redirect_node()?;
        let (host, port) = place.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(asked.link.address().of_node(host, port.parse().ok()?))
    }
}

impl Node {
    fn new(address: &Address, patience: Duration) -> Self {
        let link = || Link::new(address.clone(), patience);
        let waiters = Waiters {
            links: (0..WAITERS).map(|_| TurnMutex::new(link())).collect(),
            next: AtomicUsize::new(0),
        };
        Self {
            link: link(),
            waiters: waiters.into(),
        }
    }

    async fn run(&self, run: &Run<'_>, deadline: Instant) -> RedisResult<Value> {
        match self.link.ask(&run.by_digest(), deadline).await {
            Err(error) if is_unknown(&error) => self.link.ask(&run.by_text(), deadline).await,
            answer => answer,
        }
    }

    /// `WAIT` is about the writes of its own connection, and blocks it.
    async fn run_confirmed(
        &self,
        run: &Run<'_>,
        replicas: u8,
        deadline: Instant,
    ) -> RedisResult<Confirmed> {
        let link = self.waiters.turn(deadline).await?;
        let live = link.live(deadline).await?;
        let answer = match live.ask(&run.by_digest(), deadline).await {
            Err(error) if is_unknown(&error) => live.ask(&run.by_text(), deadline).await,
            answer => answer,
        }?;
        let mut wait = redis::cmd("WAIT");
        wait.arg(replicas).arg(CONFIRMATION.as_millis().to_string());
        let replicas = live.ask(&wait, deadline).await?;
        Ok(Confirmed { answer, replicas })
    }
}

impl Waiters {
    async fn turn(&self, deadline: Instant) -> RedisResult<tokio::sync::MutexGuard<'_, Link>> {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % WAITERS;
        // There is one at each place.
        let link = self.links.get(at).ok_or_else(too_many)?;
        let turn = tokio::time::timeout_at(deadline, link.lock()).await;
        turn.map_err(|_| super::failure::timed_out())
    }
}

fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn too_many() -> RedisError {
    (
        ErrorKind::Server(ServerErrorKind::ClusterDown),
        "redirected from node to node",
    )
        .into()
}
