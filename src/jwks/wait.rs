//! Waiting for a fetch that somebody else runs.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{fetch::Flight, store::Inner};
use crate::jwt::key::VerifyingKey;

/// A look-up that waits for the running fetch. Dropping it cancels nothing.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct KeyWait {
    settled: Pin<Box<dyn Future<Output = Settled> + Send>>,
}

/// What came of waiting.
#[derive(Debug)]
pub(crate) enum Settled {
    Found(Arc<VerifyingKey>),
    /// The project has no such key.
    Unknown,
    /// The fetch failed, and there is no older key to go by.
    Unavailable {
        retry_after: Duration,
    },
}

impl KeyWait {
    /// Without a `kid`, any successful fetch settles it as `Unknown`. `stale` is what to use if
    /// the fetch fails.
    pub(super) fn new(
        inner: Arc<Inner>,
        flight: &Flight,
        kid: Option<&str>,
        stale: Option<Arc<VerifyingKey>>,
    ) -> Self {
        let kid: Option<Box<str>> = kid.map(Into::into);
        let until = Instant::now() + flight.patience(&inner.policy);
        let landed = landed(flight.landed(), until);
        let settled = async move {
            let good = landed.await;
            match (good, stale) {
                (true, _) => kid
                    .and_then(|kid| inner.find(&kid))
                    .map_or(Settled::Unknown, Settled::Found),
                (false, Some(key)) => Settled::Found(key),
                (false, None) => Settled::Unavailable {
                    retry_after: inner.lock().refresh.retry_after(&inner.clock.now()),
                },
            }
        };
        Self {
            settled: Box::pin(settled),
        }
    }
}

/// Whether the fetch ended well, once it has ended.
///
/// The fetch has its own deadline, but the runtime it was started on may no longer be driven. So
/// the wait has one as well, a little later. It is measured by the runtime of the one who waits, and
/// from when the wait was made: the waits of one request run side by side, also where one is polled
/// after the other.
async fn landed(mut landed: watch::Receiver<Option<bool>>, until: Instant) -> bool {
    let landing = async move {
        match landed.wait_for(Option::is_some).await {
            Ok(good) => *good == Some(true),
            // The task is gone without a word: its runtime was shut down.
            Err(_) => false,
        }
    };
    if Handle::try_current().is_ok() {
        timeout_at(until, landing).await.unwrap_or(false)
    } else {
        landing.await
    }
}

impl Future for KeyWait {
    type Output = Settled;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Settled> {
        self.settled.as_mut().poll(cx)
    }
}

impl fmt::Debug for KeyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWait").finish_non_exhaustive()
    }
}
