//! Services that say when they are misused, and requests that wait as long as Descope is silent.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{Request, Response};
use tower::{BoxError, Service};
use tower_descope::{
    AccessKeys, TenantLayer,
    jwks::KeyCache,
    test_util::{FakeAccessKey, FakeDescope},
};

use crate::support::{
    advance, seen,
    world::{REFRESH, fake, layer},
};

/// A handler that may be called only by who polled it ready, as tower asks. Its clones are not ready.
#[derive(Default)]
pub(super) struct Strict {
    ready: bool,
    /// Makes `poll_ready` fail.
    pub(super) broken: Arc<AtomicBool>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            ready: false,
            broken: Arc::clone(&self.broken),
        }
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<String>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<String>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.broken.load(Relaxed) {
            return Poll::Ready(Err("out of order".into()));
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(self.ready, "called without being polled ready");
        self.ready = false;
        std::future::ready(Ok(Response::new(seen(&request))))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    Keys,
    Renewal,
    /// The exchange of an access key.
    Exchange,
}

pub(super) const WAITS: [Wait; 3] = [Wait::Keys, Wait::Renewal, Wait::Exchange];

const EXCHANGE: &str = "/v1/auth/accesskey/exchange";

/// Requests that wait until Descope answers, beside one that need not.
pub(super) struct Bed {
    pub(super) fake: FakeDescope,
    pub(super) layer: TenantLayer,
    wait: Wait,
    /// Signed with a key that the handle does not have yet.
    unknown: String,
}

impl Bed {
    pub(super) async fn new(wait: Wait) -> Self {
        let key = |key: FakeAccessKey| key.id("U1machine");
        let fake = fake()
            .access_key("K2machine-number-0001", key)
            .start()
            .await;
        let descope = fake
            .descope_builder()
            .access_keys(AccessKeys::new().key_prefix("K2"))
            .key_cache(KeyCache::new().fetch_deadline(Duration::from_secs(30)))
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        descope.warm_up().await.unwrap();
        advance(fake.clock(), 20).await;
        let kid = fake.add_key();
        let unknown = fake.session("U1").active("T1").signed_by(kid).token();
        match wait {
            Wait::Keys => fake.hang_path(&fake.keys_path(), true),
            Wait::Renewal => fake.hang_path(REFRESH, true),
            Wait::Exchange => fake.hang_path(EXCHANGE, true),
        }
        Self {
            layer: layer(&descope, 0),
            fake,
            wait,
            unknown,
        }
    }

    pub(super) fn waiting(&self) -> Request<()> {
        let request = Request::get("/").header("host", "app.example");
        let request = match self.wait {
            Wait::Keys => request.header("authorization", format!("Bearer {}", self.unknown)),
            Wait::Exchange => request.header("authorization", "Bearer K2machine-number-0001"),
            Wait::Renewal => {
                let ann = self.fake.sign_in("ann@example.test");
                request.header("cookie", format!("DSR={}", ann.refresh_jwt()))
            }
        };
        request.body(()).unwrap()
    }

    pub(super) fn good(&self) -> Request<()> {
        let token = self.fake.session("U2").active("T1").token();
        let bearer = format!("Bearer {token}");
        let request = Request::get("/").header("authorization", bearer);
        request.body(()).unwrap()
    }

    pub(super) fn answer(&self) {
        self.fake.hang_path(&self.fake.keys_path(), false);
        self.fake.hang_path(REFRESH, false);
        self.fake.hang_path(EXCHANGE, false);
    }
}

/// Ready while it is open; wakes nobody who did not ask.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) open: Arc<AtomicBool>,
    pub(super) waker: Arc<Mutex<Option<Waker>>>,
}

impl Door {
    pub(super) fn open(&self) {
        self.open.store(true, Relaxed);
        if let Some(waker) = self.waker.lock().unwrap().take() {
            waker.wake();
        }
    }
}

impl Service<Request<()>> for Door {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.open.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        *self.waker.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(self.open.load(Relaxed), "called without being ready");
        std::future::ready(Ok(Response::new(seen(&request))))
    }
}
