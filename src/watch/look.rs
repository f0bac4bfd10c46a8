use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::descope::{Descope, SharedLook, VerifiedRefresh};

/// The pause after an answer that says nothing, before the shared state is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A look at what other replicas know of a session, under way.
pub(super) struct Look {
    /// Never locked: it makes the watch `Sync`, which the future need not be.
    future: Mutex<Pin<Box<dyn Future<Output = LookAnswer> + Send>>>,
}

/// The answer to a look.
pub(super) struct LookAnswer {
    /// When it began, on the monotonic clock.
    pub(super) began: Duration,
    /// True if the session's time was over by then.
    pub(super) is_over: bool,
    /// The newest refresh token that is known now.
    pub(super) presented: VerifiedRefresh,
    pub(super) look: SharedLook,
}

impl Look {
    pub(super) fn new(descope: Descope, mut presented: VerifiedRefresh, is_over: bool) -> Self {
        let future = async move {
            let began = descope.now().mono;
            let look = descope.look_at_replicas(&mut presented).await;
            if matches!(look, SharedLook::Unknown) {
                descope.clock().deadline(ASK_AGAIN).await;
            }
            LookAnswer {
                began,
                is_over,
                presented,
                look,
            }
        };
        Self {
            future: Mutex::new(Box::pin(future)),
        }
    }

    /// Completes with the answer. Dropped, the look goes on with the next call.
    pub(super) async fn answer(&mut self) -> LookAnswer {
        let future = self.future.get_mut();
        let future = future.unwrap_or_else(PoisonError::into_inner);
        poll_fn(|cx| future.as_mut().poll(cx)).await
    }
}
