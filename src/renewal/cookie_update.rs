//! The cookies that a response carries because of a renewal, new ones or removals, and their way through
//! the inner service; a renewal that runs beside it comes the same way.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderMap, HeaderValue};

use super::inner_cookies::InnerCookies;
use crate::{
    answer::SessionAnswer,
    clock::{Clock, Now},
    cookie::{self, CookieAttributes},
    descope::{Descope, PresentedRefresh},
};

/// How old a new session is that may have been ended, or have gone on, at another replica meanwhile.
const OLD: Duration = Duration::from_secs(1);

/// How long it is waited for what the replicas share.
const REPLICA_PATIENCE: Duration = Duration::from_millis(100);

/// How long the head of a response waits for a renewal that could as well have come later.
const PATIENCE: Duration = Duration::from_secs(1);

/// Cookies on their way to the browser.
pub(crate) struct CookieUpdate {
    descope: Descope,
    attributes: CookieAttributes,
    change: CookieChange,
    /// When it was made.
    at: Now,
}

enum CookieChange {
    None,
    Write {
        answer: SessionAnswer,
        presented: PresentedRefresh,
    },
    Remove {
        presented: PresentedRefresh,
    },
}

impl CookieUpdate {
    /// Writes the cookies of `answer`, or of a newer one if there is one by then.
    pub(super) fn write_session(
        descope: Descope,
        attributes: CookieAttributes,
        answer: SessionAnswer,
        presented: PresentedRefresh,
    ) -> Self {
        Self {
            at: descope.now(),
            descope,
            attributes,
            change: CookieChange::Write { answer, presented },
        }
    }

    /// Removes the cookies of a session that is over, unless the browser has another one's by then.
    pub(super) fn remove(
        descope: Descope,
        attributes: CookieAttributes,
        presented: PresentedRefresh,
    ) -> Self {
        Self {
            at: descope.now(),
            descope,
            attributes,
            change: CookieChange::Remove { presented },
        }
    }

    /// Returns `true` if it is to be seen, before it is written, what other replicas have done meanwhile.
    fn is_old(&self) -> bool {
        let writes = matches!(self.change, CookieChange::Write { .. });
        let is_old = self.descope.now().since(&self.at) > OLD;
        writes && is_old && self.descope.claims().is_some()
    }

    /// The same after a look at what the replicas share: with a newer session if there is one, with
    /// nothing to write if the session has ended. Where that cannot be seen soon, it is as before.
    async fn seen(mut self) -> Self {
        self.at = self.descope.now();
        if let CookieChange::Write { answer, presented } = &mut self.change {
            let newest = self.descope.newest_at_hand(presented, answer.clone());
            let newest = tokio::select! {
                biased;
                newest = newest => newest,
                () = self.descope.clock().deadline(REPLICA_PATIENCE) => return self,
            };
            match newest {
                Ok(newest) => *answer = newest,
                Err(_) => self.change = CookieChange::None,
            }
        }
        self
    }

    /// Adds the cookies to a response whose head is otherwise done. Those that the inner service
    /// wrote itself (a sign-in, a sign-out) are newer than these and stay.
    fn write(self, headers: &mut HeaderMap) {
        let inner = InnerCookies::of(headers, self.descope.now().date());
        let mut lines = self.lines();
        lines.retain(|line| !inner.hold_back(line));
        // Without a cookie of ours the response stays as the inner service wants it kept.
        if !lines.is_empty() {
            cookie::add_to_response(headers, lines);
        }
    }

    fn lines(self) -> Vec<HeaderValue> {
        let cookies = self.descope.cookies();
        let (answer, presented) = match self.change {
            // It may have signed in while the inner service was at work.
            CookieChange::Remove { presented } if presented.family.removes_cookies() => {
                return cookies.removals(self.attributes);
            }
            CookieChange::None | CookieChange::Remove { .. } => return Vec::new(),
            CookieChange::Write { answer, presented } => (answer, presented),
        };
        let mut lines = Vec::new();
        // A session that has ended since must not sign the browser in again: nothing is written.
        if let Ok(answer) = presented.newest_after(answer) {
            let grant = answer.cookie_grant(self.descope.now().date());
            if let Err(error) = grant.write(cookies, self.attributes, &mut lines) {
                tracing::error!(%error, "a cookie of a renewed session cannot be written");
            }
        }
        lines
    }
}

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

    /// A renewal that goes on beside the inner service, from the first poll on.
    pub(super) fn renewing(
        renewal: impl Future<Output = Option<CookieUpdate>> + Send + 'static,
        clock: Clock,
    ) -> Self {
        Self(Box::new(Stage::Renewing {
            clock,
            renewal: Box::pin(renewal),
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
