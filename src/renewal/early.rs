//! A renewal beside the inner service, from the request until its response is sent.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::HeaderMap;

use super::{cookie_update::CookieUpdate, renew::SessionRenewal};
use crate::{clock::Clock, session::Session};

/// How long the head of a response waits for a renewal that could as well have come later.
const PATIENCE: Duration = Duration::from_secs(1);

/// The renewal, or its cookies, that a request takes along through the inner service.
pub(crate) struct EarlyRenewal(Box<Stage>);

enum Stage {
    Renewing {
        renewal: Pin<Box<dyn Future<Output = Option<CookieUpdate>> + Send>>,
        clock: Clock,
        /// Runs once the response is there.
        deadline: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    },
    Done(Option<CookieUpdate>),
    /// The response is there, and the cookies are old by then.
    Seeing(Pin<Box<dyn Future<Output = CookieUpdate> + Send>>),
}

impl EarlyRenewal {
    /// A renewal that has ended; its cookies wait for the response.
    pub(crate) fn carrying(update: CookieUpdate) -> Self {
        Self(Box::new(Stage::Done(Some(update))))
    }

    /// Renews a session that is still good, from the first poll on; if it is not `due`, with what
    /// is kept alone.
    pub(crate) fn renewing(renewal: SessionRenewal, session: Session, due: bool) -> Self {
        Self(Box::new(Stage::Renewing {
            clock: renewal.clock(),
            renewal: Box::pin(renewal.early(session, due)),
            deadline: None,
        }))
    }

    /// Goes on with the renewal while the inner service is at work.
    pub(crate) fn proceed(&mut self, cx: &mut Context<'_>) {
        if let Stage::Renewing { renewal, .. } = &mut *self.0
            && let Poll::Ready(update) = renewal.as_mut().poll(cx)
        {
            *self.0 = Stage::Done(update);
        }
    }

    /// Waits for the renewal now that the response is there, for a second at most. An answer that comes
    /// later is kept for the next request.
    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.proceed(cx);
        if let Stage::Renewing {
            clock, deadline, ..
        } = &mut *self.0
        {
            let deadline = deadline.get_or_insert_with(|| {
                let clock = clock.clone();
                Box::pin(async move { clock.sleep(PATIENCE).await })
            });
            if deadline.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            tracing::debug!("session not renewed in time for this response");
            *self.0 = Stage::Done(None);
        }
        self.poll_seen(cx)
    }

    /// Looks once more at what the replicas share, if the inner service took long.
    fn poll_seen(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Stage::Done(update) = &mut *self.0
            && update.as_ref().is_some_and(CookieUpdate::is_old)
            && let Some(update) = update.take()
        {
            *self.0 = Stage::Seeing(Box::pin(update.seen()));
        }
        if let Stage::Seeing(update) = &mut *self.0 {
            let update = ready!(update.as_mut().poll(cx));
            *self.0 = Stage::Done(Some(update));
        }
        Poll::Ready(())
    }

    /// Adds what there is to the response's head, which is otherwise done.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        if let Stage::Done(Some(update)) = *self.0 {
            update.write(headers);
        }
    }
}

impl fmt::Debug for EarlyRenewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlyRenewal").finish_non_exhaustive()
    }
}
