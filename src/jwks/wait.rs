//! Look-ups that wait for a running fetch.

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
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{
    running_fetch::{FetchOutcome, RunningFetch},
    shared::SharedKeys,
};
use crate::jwt::key::VerifyingKey;

/// A look-up that waits for the running fetch. Dropping it cancels nothing.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct KeyWait {
    outcome: Pin<Box<dyn Future<Output = KeyWaitOutcome> + Send>>,
}

/// The result of a look-up that waited for a fetch.
#[derive(Debug)]
pub(crate) enum KeyWaitOutcome {
    Found(Arc<VerifyingKey>),
    /// The project has no such key.
    Unknown,
    /// The fetch failed, and there is no older key to use.
    Unavailable {
        retry_after: Duration,
    },
}

impl KeyWait {
    /// Waits for `fetch`, then looks `kid` up; without a `kid`, any successful fetch ends in
    /// `Unknown`. `stale` is the key to use if the fetch fails. A `place` is given back when the
    /// wait ends, or is dropped.
    pub(super) fn new(
        shared: Arc<SharedKeys>,
        fetch: &RunningFetch,
        kid: Option<&str>,
        stale: Option<Arc<VerifyingKey>>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let kid: Option<Box<str>> = kid.map(Into::into);
        let until = Instant::now() + fetch.time_left(&shared.policy);
        let succeeded = succeeded(fetch.outcome.clone(), until);
        let outcome = async move {
            let good = succeeded.await;
            // From here on nothing is waited for, whatever the caller does with the outcome.
            drop(place);
            match (good, stale) {
                (true, _) => kid
                    .and_then(|kid| shared.find(&kid))
                    .map_or(KeyWaitOutcome::Unknown, KeyWaitOutcome::Found),
                // Unless this very fetch has withdrawn it.
                (false, Some(key)) if shared.find(key.kid()).is_some() => {
                    KeyWaitOutcome::Found(key)
                }
                (false, _) => KeyWaitOutcome::Unavailable {
                    retry_after: shared.lock().refresh.retry_after(&shared.clock.now()),
                },
            }
        };
        Self {
            outcome: Box::pin(outcome),
        }
    }
}

/// Waits for a fetch to end, and returns `true` if it brought usable keys.
///
/// The fetch has its own deadline, but the runtime it was started on may no longer be driven. So
/// the wait has one as well, a little later. It is measured by the runtime of the one who waits, and
/// from when the wait was made: the waits of one request run side by side, also where one is polled
/// after the other.
async fn succeeded(mut outcome: FetchOutcome, until: Instant) -> bool {
    let ended = async move {
        match outcome.wait_for(Option::is_some).await {
            Ok(good) => *good == Some(true),
            // The sender was dropped without a report: the runtime of the task was shut down.
            Err(_) => false,
        }
    };
    if Handle::try_current().is_ok() {
        timeout_at(until, ended).await.unwrap_or(false)
    } else {
        // Without a tokio runtime on this thread there is no timer to wait with.
        ended.await
    }
}

impl Future for KeyWait {
    type Output = KeyWaitOutcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<KeyWaitOutcome> {
        self.outcome.as_mut().poll(cx)
    }
}

impl fmt::Debug for KeyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWait").finish_non_exhaustive()
    }
}
