use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::response::RejectionResponse;
use crate::{
    descope::PendingSession,
    gate::{self, Decision, Gate},
    rejection::{self, Rejection},
    renewal::{EarlyRenewal, PendingRenewal, Renewed},
    session::Session,
};

pin_project! {
    /// Response future of [`TenantService`](super::TenantService).
    pub struct ResponseFuture<S, R, ReqBody, F, ResBody> {
        #[pin]
        state: State<S, R, ReqBody, F, ResBody>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, R, ReqBody, F, ResBody> {
        /// The inner service is at work, perhaps with a renewal beside it.
        Inner { #[pin] future: F, early: Option<EarlyRenewal>, no_store: bool },
        /// There is a response, which may wait for the renewal beside it.
        Answered { response: Option<Response<ResBody>>, early: Option<EarlyRenewal> },
        /// The verdict waits for keys or for a new session. Costs a box.
        Parked { parked: Option<Box<Parked<S, R, ReqBody>>> },
    }
}

/// A request that waits for its verdict, and all that is needed to go on afterwards.
pub(super) struct Parked<S, R, ReqBody> {
    pub(super) wait: Wait,
    pub(super) request: Request<ReqBody>,
    /// Polled ready, and not called yet.
    pub(super) inner: S,
    pub(super) gate: Gate,
    pub(super) rejection: R,
}

/// The event that a parked request waits for.
pub(super) enum Wait {
    Keys(PendingSession),
    Renewal(PendingRenewal),
}

/// A verdict at last.
type Settled = (Result<Session, Rejection>, Option<EarlyRenewal>);

impl<S, R, ReqBody, F, ResBody> ResponseFuture<S, R, ReqBody, F, ResBody> {
    pub(super) fn inner(future: F, early: Option<EarlyRenewal>, no_store: bool) -> Self {
        Self {
            state: State::Inner {
                future,
                early,
                no_store,
            },
        }
    }

    fn refused(
        mut response: Response<ResBody>,
        rejection: Rejection,
        early: Option<EarlyRenewal>,
    ) -> Self {
        rejection::response::mark(&mut response, rejection);
        Self {
            state: State::Answered {
                response: Some(response),
                early,
            },
        }
    }

    pub(super) fn parked(parked: Parked<S, R, ReqBody>) -> Self {
        Self {
            state: State::Parked {
                parked: Some(Box::new(parked)),
            },
        }
    }
}

/// Calls the inner service, or makes the refusal, as the gate decides.
pub(super) fn go<S, R, ReqBody, ResBody>(
    gate: &Gate,
    inner: &mut S,
    shaper: &mut R,
    mut request: Request<ReqBody>,
    verdict: Result<Session, Rejection>,
    early: Option<EarlyRenewal>,
) -> ResponseFuture<S, R, ReqBody, S::Future, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: RejectionResponse<ResBody>,
{
    let no_store = gate.policy.no_store && verdict.is_ok();
    match gate.admit(verdict, request.extensions_mut()) {
        Ok(()) => ResponseFuture::inner(inner.call(request), early, no_store),
        Err(rejection) => {
            let (parts, _) = request.into_parts();
            let response = shaper.rejection_response(rejection.clone(), &parts);
            ResponseFuture::refused(response, rejection, early)
        }
    }
}

impl<S, R, ReqBody, ResBody> Future for ResponseFuture<S, R, ReqBody, S::Future, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: RejectionResponse<ResBody>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Inner {
                    future,
                    early,
                    no_store,
                } => {
                    if let Some(early) = early {
                        early.proceed(cx);
                    }
                    let mut response = ready!(future.poll(cx))?;
                    if *no_store {
                        gate::no_store(response.headers_mut());
                    }
                    match early.take() {
                        None => {
                            gate::vary(response.headers_mut());
                            return Poll::Ready(Ok(response));
                        }
                        early => State::Answered {
                            response: Some(response),
                            early,
                        },
                    }
                }
                StateProj::Answered { response, early } => {
                    if let Some(early) = early {
                        ready!(early.poll_done(cx));
                    }
                    #[expect(clippy::expect_used, reason = "polling a completed future is a bug")]
                    let mut response = response
                        .take()
                        .expect("ResponseFuture polled after completion");
                    if let Some(early) = early.take() {
                        early.write(response.headers_mut());
                    }
                    gate::vary(response.headers_mut());
                    return Poll::Ready(Ok(response));
                }
                StateProj::Parked { parked } => {
                    #[expect(clippy::expect_used, reason = "taken only when its verdict is in")]
                    let waiting = parked.as_mut().expect("a parked request has not left yet");
                    let (verdict, early) = ready!(waiting.poll_settled(cx));
                    #[expect(clippy::expect_used, reason = "it was there a line above")]
                    let parked = *parked.take().expect("a parked request has not left yet");
                    parked.go(verdict, early).state
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, R, ReqBody> Parked<S, R, ReqBody> {
    /// Waits for keys, and then, where their verdict asks for it, for a new session.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Settled> {
        loop {
            match &mut self.wait {
                Wait::Keys(verdict) => {
                    let verdict = ready!(verdict.as_mut().poll(cx));
                    match self.gate.next((&self.request).into(), verdict) {
                        Decision::Go(verdict, early) => return Poll::Ready((verdict, early)),
                        Decision::Renew(renewal) => self.wait = Wait::Renewal(renewal),
                    }
                }
                Wait::Renewal(renewal) => {
                    let Renewed { verdict, update } = ready!(renewal.as_mut().poll(cx));
                    return Poll::Ready((verdict, update.map(EarlyRenewal::carrying)));
                }
            }
        }
    }

    fn go<ResBody>(
        mut self,
        verdict: Result<Session, Rejection>,
        early: Option<EarlyRenewal>,
    ) -> ResponseFuture<S, R, ReqBody, S::Future, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        R: RejectionResponse<ResBody>,
    {
        let (inner, shaper) = (&mut self.inner, &mut self.rejection);
        go(&self.gate, inner, shaper, self.request, verdict, early)
    }
}

impl<S, R, ReqBody, F, ResBody> fmt::Debug for ResponseFuture<S, R, ReqBody, F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
