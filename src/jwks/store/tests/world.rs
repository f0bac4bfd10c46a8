//! A store over a source that does as it is told, in simulated time.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use jwks_client_rs::{JsonWebKeySet, JwksClientError};
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::sync::Semaphore;

use super::super::*;
use crate::{clock::TestClock, jwks::KeyEndpoint};

pub(super) const DEADLINE: Duration = Duration::from_millis(200);
pub(super) const POLICY: KeyPolicy = KeyPolicy {
    ttl: Duration::from_secs(600),
    cool_down: Duration::from_secs(10),
    cool_down_max: Duration::from_secs(60),
    stale: Duration::from_secs(3_600),
    deadline: DEADLINE,
    max_keys: 100,
    waiting: 64,
};

/// The points of RFC 7515 appendix A.3 and RFC 7517 appendix A.1.
pub(super) const ONE: (&str, &str) = (
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
);
pub(super) const TWO: (&str, &str) = (
    "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
);

pub(super) fn jwk(kid: &str, (x, y): (&str, &str)) -> Value {
    json!({"kty": "EC", "kid": kid, "alg": "ES256", "crv": "P-256", "x": x, "y": y})
}

/// The next behaviour of a source.
#[derive(Clone)]
pub(super) enum Plan {
    Keys(Vec<Value>),
    Fail,
    Panic,
    Hang,
    /// Waits for the gate, then has key `a`.
    Gate,
}

pub(super) struct Source {
    plan: Mutex<Plan>,
    fetches: AtomicUsize,
    pub(super) gate: Semaphore,
}

impl Source {
    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(SeqCst)
    }
}

#[async_trait::async_trait]
impl JwksSource for Source {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        self.fetches.fetch_add(1, SeqCst);
        let plan = self.plan.lock().unwrap().clone();
        let keys = match plan {
            Plan::Keys(keys) => keys,
            Plan::Fail => return Err(super::super::super::parse::source_error("as planned")),
            Plan::Panic => panic!("as planned"),
            Plan::Hang => std::future::pending().await,
            Plan::Gate => {
                self.gate.acquire().await.unwrap().forget();
                vec![jwk("a", ONE)]
            }
        };
        let keys: Vec<_> = keys.into_iter().map(serde_json::from_value).collect();
        let keys: Result<Vec<_>, _> = keys.into_iter().collect();
        Ok(JsonWebKeySet::from(keys.unwrap()))
    }
}

/// A store, its source and its clock.
pub(super) struct World {
    pub(super) store: KeyStore,
    pub(super) source: Arc<Source>,
    clock: TestClock,
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        Self::with(plan, POLICY)
    }

    pub(super) fn with(plan: Plan, policy: KeyPolicy) -> Self {
        let url = "https://keys.test/v2/keys/P1".to_owned();
        let endpoint = KeyEndpoint {
            url,
            project_id_setting: "DESCOPE_PROJECT_ID",
            base_url_setting: "base_url",
        };
        Self::from(KeyOrigin::Endpoint(endpoint), plan, policy)
    }

    /// With a source of the application's own.
    pub(super) fn with_own_source(plan: Plan) -> Self {
        Self::from(KeyOrigin::Source, plan, POLICY)
    }

    fn from(origin: KeyOrigin, plan: Plan, policy: KeyPolicy) -> Self {
        let source = Arc::new(Source {
            plan: Mutex::new(plan),
            fetches: AtomicUsize::new(0),
            gate: Semaphore::new(0),
        });
        let clock = TestClock::new();
        let store = KeyStore::new(
            Arc::clone(&source) as Arc<dyn JwksSource + Send + Sync>,
            policy,
            Clock::Test(clock.clone()),
            origin,
        );
        Self {
            store,
            source,
            clock,
        }
    }

    /// With key `a` fetched.
    pub(super) async fn loaded() -> Self {
        let world = Self::new(Plan::Keys(vec![jwk("a", ONE)]));
        world.store.warm_up().await.unwrap();
        assert_eq!(world.fetches(), 1);
        world
    }

    pub(super) fn plan(&self, plan: Plan) {
        *self.source.plan.lock().unwrap() = plan;
    }

    pub(super) fn fetches(&self) -> usize {
        self.source.fetches()
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) fn get(&self, kid: &str) -> Lookup {
        let now = Clock::Test(self.clock.clone()).now();
        self.store.cached().get(kid, &now)
    }

    pub(super) fn lacks(&self, kid: &str) -> bool {
        let now = Clock::Test(self.clock.clone()).now();
        self.store.cached().lacks(kid, &now)
    }

    pub(super) fn vouches(&self, key: &Arc<VerifyingKey>) -> bool {
        let now = Clock::Test(self.clock.clone()).now();
        key.serves(&now)
    }

    pub(super) async fn settle(&self, kid: &str) -> &'static str {
        settle(self.get(kid)).await
    }

    /// Lets other tasks run until it is so.
    pub(super) async fn until(&self, so: impl Fn(&Self) -> bool) {
        for _ in 0..1_000 {
            if so(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it did not become so");
    }

    pub(super) async fn until_idle(&self, fetches: usize) {
        self.until(|world| world.fetches() == fetches && !world.store.status().fetching)
            .await;
    }
}

pub(super) async fn settle(lookup: Lookup) -> &'static str {
    match lookup {
        Lookup::Found(_) => "found",
        Lookup::Unknown => "unknown",
        Lookup::Unavailable { .. } => "unavailable",
        Lookup::NoRuntime => "no runtime",
        Lookup::Wait(wait) => match wait.await {
            KeyWaitOutcome::Found(_) => "waited, found",
            KeyWaitOutcome::Unknown => "waited, unknown",
            KeyWaitOutcome::Unavailable { .. } => "waited, unavailable",
        },
    }
}
