//! One server: connected at first use, and anew after a loss.
//!
//! A connection is given up where it broke; where its server spoke another protocol, or takes no writes
//! any more, for its name may be another server's by now; and where a step timed out while nothing else
//! was answered on it: a peer that went away without a word would else be waited for until the operating
//! system gives it up, a quarter of an hour later.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value,
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use super::{
    address::Address,
    failure,
    stream::{self, Allowance, Bounded},
};

/// For so long after a failed attempt to connect all steps fail by it: whoever waited behind it does
/// not try again one by one.
const PAUSE: Duration = Duration::from_millis(100);
/// Steps that wait to be written. Beyond it they wait for room.
const WAITING: usize = 1024;

/// One server.
#[derive(Clone)]
pub(super) struct Link {
    address: Arc<Address>,
    patience: Duration,
    state: Arc<Mutex<State>>,
    /// How often it was connected.
    connections: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    live: Option<Arc<Live>>,
    failed: Option<(Instant, RedisError)>,
}

/// A connection that stands, as far as is known.
pub(super) struct Live {
    connection: MultiplexedConnection,
    allowance: Arc<Allowance>,
    driver: JoinHandle<()>,
    /// How many steps were answered on it.
    answers: AtomicU64,
    retired: AtomicBool,
}

impl Link {
    pub(super) fn new(address: Address, patience: Duration) -> Self {
        Self {
            address: Arc::new(address),
            patience,
            state: Arc::default(),
            connections: Arc::default(),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Sends one command and returns the answer.
    ///
    /// # Errors
    ///
    /// An error of the server's is an error, too.
    pub(super) async fn ask(&self, command: &Cmd, deadline: Instant) -> RedisResult<Value> {
        let live = self.live(deadline).await?;
        live.ask(command, deadline).await
    }

    /// Returns the connection, made if there is none.
    pub(super) async fn live(&self, deadline: Instant) -> RedisResult<Arc<Live>> {
        let connecting = async {
            let state = Arc::clone(&self.state).lock_owned().await;
            if let Some(live) = state.live.as_ref().filter(|live| live.is_usable()) {
                return Ok(Arc::clone(live));
            }
            if let Some((at, error)) = &state.failed
                && at.elapsed() < PAUSE
            {
                return Err(error.clone());
            }
            let runtime = Handle::try_current().map_err(io::Error::other)?;
            // A task of its own, so that whoever gives up waiting leaves a connection behind.
            runtime
                .spawn(self.clone().attempt(state))
                .await
                .map_err(io::Error::other)?
        };
        match timeout_at(deadline, connecting).await {
            Ok(outcome) => outcome,
            Err(_) => Err(failure::timed_out()),
        }
    }

    /// How often it was connected.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    async fn attempt(self, mut state: OwnedMutexGuard<State>) -> RedisResult<Arc<Live>> {
        state.live = None;
        let outcome = match timeout(self.patience, Live::connect(&self.address)).await {
            Ok(outcome) => outcome.map(Arc::new),
            Err(_) => Err(failure::timed_out()),
        };
        match &outcome {
            Ok(live) => {
                state.live = Some(Arc::clone(live));
                state.failed = None;
                self.connections.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => state.failed = Some((Instant::now(), error.clone())),
        }
        outcome
    }
}

impl Live {
    async fn connect(address: &Address) -> RedisResult<Self> {
        let allowance = Arc::new(Allowance::default());
        let step = allowance.step();
        let stream = stream::connect(&address.place).await?;
        let stream = Bounded::new(stream, Arc::clone(&allowance));
        // Deadlines are the steps' own.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_connection_timeout(None)
            .set_pipeline_buffer_size(WAITING);
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&address.login, stream, config).await?;
        let live = Self {
            connection,
            allowance: Arc::clone(&allowance),
            driver: tokio::spawn(driver),
            answers: AtomicU64::new(0),
            retired: AtomicBool::new(false),
        };
        // Who has not logged in may send no more than a few words: a script of ours would be answered by
        // a closed connection, and nobody would know why.
        let ping = redis::cmd("PING");
        let answer: RedisResult<Value> = ping.query_async(&mut live.connection.clone()).await;
        drop(step);
        match answer {
            Err(error) if error.kind() != ErrorKind::Server(ServerErrorKind::NoPerm) => Err(error),
            _ => Ok(live),
        }
    }

    fn is_usable(&self) -> bool {
        !self.retired.load(Ordering::Acquire) && !self.driver.is_finished()
    }

    pub(super) async fn ask(&self, command: &Cmd, deadline: Instant) -> RedisResult<Value> {
        let mut connection = self.connection.clone();
        let _step = self.allowance.step();
        let before = self.answers.load(Ordering::Acquire);
        let asked = command.query_async(&mut connection);
        let Ok(outcome) = timeout_at(deadline, asked).await else {
            if self.answers.load(Ordering::Acquire) == before {
                self.retired.store(true, Ordering::Release);
            }
            return Err(failure::timed_out());
        };
        match &outcome {
            Err(error)
                if error.is_io_error()
                    || error.is_unrecoverable_error()
                    || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) =>
            {
                self.retired.store(true, Ordering::Release);
            }
            _ => {
                self.answers.fetch_add(1, Ordering::AcqRel);
            }
        }
        outcome
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.address).finish()
    }
}
