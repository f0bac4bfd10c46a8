//! A request that waits, without a hold on the inner service.

use std::task::{Context, Poll, ready};

use http::Request;
use tower_service::Service;

use crate::{
    descope::PendingSession,
    gate::{Decision, Gate},
    rejection::Rejection,
    renewal::{EarlyRenewal, PendingRenewal, Renewed},
};

/// A request that waits for its verdict and then for the inner service, and all that is needed to
/// go on afterwards.
pub(super) struct Parked<S, R, ReqBody> {
    pub(super) wait: Wait,
    pub(super) request: Request<ReqBody>,
    /// A clone that is polled ready once the verdict is in, and not before: who waits for keys or
    /// for Descope must not keep others from the inner service.
    pub(super) inner: S,
    pub(super) gate: Gate,
    pub(super) rejection: R,
}

/// The event that a parked request waits for.
pub(super) enum Wait {
    Keys(PendingSession),
    Renewal(PendingRenewal),
    /// The gate lets the request pass, as soon as the inner service is ready for it.
    Readiness(Passage),
}

/// The way of a request through the inner service, once the gate lets it pass.
pub(super) struct Passage {
    pub(super) early: Option<EarlyRenewal>,
    pub(super) no_store: bool,
}

/// The end of all waiting.
pub(super) enum Settled {
    /// The inner service is ready, and is to be called at once.
    Ready(Passage),
    Refused(Rejection, Option<EarlyRenewal>),
}

impl<S, R, ReqBody> Parked<S, R, ReqBody> {
    /// Waits for keys; then, where their verdict asks for it, for a new session; then, unless the
    /// request is refused, for the inner service.
    pub(super) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Result<Settled, S::Error>>
    where
        S: Service<Request<ReqBody>>,
    {
        loop {
            let (verdict, early) = match &mut self.wait {
                Wait::Keys(verdict) => {
                    let verdict = ready!(verdict.as_mut().poll(cx));
                    match self.gate.go_on((&self.request).into(), verdict) {
                        Decision::Go(verdict, early) => (verdict, early),
                        Decision::Renew(renewal) => {
                            self.wait = Wait::Renewal(renewal);
                            continue;
                        }
                    }
                }
                Wait::Renewal(renewal) => {
                    let renewed = ready!(renewal.as_mut().poll(cx));
                    let Renewed {
                        verdict,
                        token,
                        update,
                    } = renewed;
                    if let Some(token) = token {
                        self.request.extensions_mut().insert(token);
                    }
                    (verdict, update.map(EarlyRenewal::carrying))
                }
                Wait::Readiness(Passage { early, no_store }) => {
                    // A renewal beside the inner service need not wait for it.
                    if let Some(early) = early {
                        early.proceed(cx);
                    }
                    ready!(self.inner.poll_ready(cx))?;
                    return Poll::Ready(Ok(Settled::Ready(Passage {
                        early: early.take(),
                        no_store: *no_store,
                    })));
                }
            };
            // Before the inner service is asked: a refusal does not need it.
            let admitted = self.gate.admit(verdict, self.request.extensions_mut());
            match admitted {
                Ok(no_store) => self.wait = Wait::Readiness(Passage { early, no_store }),
                Err(rejection) => return Poll::Ready(Ok(Settled::Refused(rejection, early))),
            }
        }
    }
}
