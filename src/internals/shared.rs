//! The store of shared records, for the tests with real engines.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use async_trait::async_trait;

use crate::{
    error::Error,
    revocation::{CutMark, MarkName},
    shared::{
        RedisSettings,
        contract::{
            self, Bench,
            steps::{
                Attempt, Claim, EndedBy, Ending, Publication, Purpose, RecordKind, RecordName,
                RedisStore, Store, StoreError, log_times,
            },
        },
    },
};

macro_rules! checks {
    ($($name:ident,)*) => {
        /// The names of all checks that a store passes.
        pub const CHECKS: &[&str] = &[$(stringify!($name)),*];

        async fn check(name: &str, bench: &dyn Bench) {
            match name {
                $(stringify!($name) => contract::$name(bench).await,)*
                _ => {}
            }
        }
    };
}
contract::each_check!(checks);

/// Makes an engine forget everything.
pub type Forget = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Runs one of the [`CHECKS`]; panics where it fails.
pub async fn run_check(name: &str, settings: &RedisSettings, project_id: &str, forget: Forget) {
    let store = RedisStore::new(settings, project_id).unwrap_or_else(|error| panic!("{error}"));
    let bench = Real { store, forget };
    bench
        .store
        .tick(None)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    check(name, &bench).await;
}

struct Real {
    store: RedisStore,
    forget: Forget,
}

#[async_trait]
impl Bench for Real {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn pass(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    async fn interrupt(&self, span: Duration) {
        // Nobody else asks it.
        tokio::time::sleep(span).await;
    }

    async fn forget_all(&self) {
        (self.forget)().await;
    }
}

/// A store, to be asked one step at a time.
#[derive(Debug)]
pub struct Probe(RedisStore);

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failed {
    /// `unreachable`, `refused` or `invalid`.
    pub kind: &'static str,
    pub message: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self {
            kind: error.kind.name(),
            message: error.message,
        }
    }
}

/// The steps.
pub const STEPS: &[&str] = &[
    "claim",
    "claim out",
    "look",
    "publish",
    "link",
    "deliver",
    "free",
    "rest",
    "dead",
    "out",
    "tick",
    "append marks",
    "read marks",
];

impl Probe {
    /// Checks the settings, and connects nothing.
    pub fn new(settings: &RedisSettings, project_id: &str) -> Result<Self, Error> {
        RedisStore::new(settings, project_id).map(Self)
    }

    /// The server's eviction policy, where it says so.
    pub async fn policy(&self) -> Option<String> {
        self.0.policy().await
    }

    /// Makes a step by its name, with the record of this number, as an attempt of its own; returns what
    /// the store said.
    pub async fn make(&self, step: &str, number: u8) -> Result<String, Failed> {
        let long = Duration::from_secs(60);
        let name = |number| RecordName {
            kind: RecordKind::Token,
            id: [number; 16],
        };
        let (this, store) = (name(number), &self.0);
        let attempt = Attempt::new().unwrap_or_else(|error| panic!("{error}"));
        let claim = |purpose| Claim {
            name: this,
            attempt,
            purpose,
            lease: long,
            quarantine: Duration::ZERO,
        };
        let answer = Publication {
            // As long as an answer is as a rule.
            whole: vec![b'w'; 3_000],
            tokens: vec![b't'; 1_500],
            keep: long,
            age: Duration::ZERO,
            life: long,
            delivered: false,
        };
        let said = match step {
            "claim" => format!("{:?}", store.claim(&claim(Purpose::Exchange)).await?.state),
            "claim out" => format!("{:?}", store.claim(&claim(Purpose::SignOut)).await?.state),
            "look" => format!("{:?}", store.look(this).await?.state),
            "publish" => format!("{:?}", store.publish(this, attempt, &answer).await?),
            "link" => format!("{:?}", store.link(this, name(!number), long).await?),
            "deliver" => format!("{:?}", store.deliver(this, long).await?),
            "tick" => format!("{:?}", store.tick(None).await?),
            "append marks" => {
                let marks = [CutMark {
                    name: MarkName::EVERYBODY,
                    cut: u32::from(number),
                }];
                format!("{:?}", store.append_marks(&marks, log_times()).await?)
            }
            "read marks" => {
                let page = store.read_marks(None, log_times()).await?;
                format!("{} entries", page.entries.len())
            }
            _ => {
                let ending = match step {
                    "free" => Ending::Free,
                    "rest" => Ending::Rest(long),
                    "dead" => Ending::Dead(EndedBy::Descope, long),
                    "out" => Ending::Dead(EndedBy::SignOut, long),
                    _ => panic!("there is no step {step}"),
                };
                format!("{:?}", store.end(this, attempt, ending).await?)
            }
        };
        Ok(said)
    }
}
