use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    descope::PendingSession,
    gate::{self, Decision, Gate},
    rejection::{Rejection, RejectionResponse, refuse},
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
        /// The verdict waits for keys or for a new session, or its request for the inner service
        /// after that. Costs a box.
        Parked { parked: Option<Box<Parked<S, R, ReqBody>>> },
    }
}

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
        shaper: &mut R,
        request: Request<ReqBody>,
        rejection: Rejection,
        early: Option<EarlyRenewal>,
    ) -> Self
    where
        R: RejectionResponse<ResBody>,
    {
        let (parts, _) = request.into_parts();
        Self {
            state: State::Answered {
                response: Some(refuse(shaper, &parts, rejection)),
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

/// Calls the inner service, which is ready, or makes the refusal, as the gate decides.
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
    match gate.admit(verdict, request.extensions_mut()) {
        Ok(no_store) => ResponseFuture::inner(inner.call(request), early, no_store),
        Err(rejection) => ResponseFuture::refused(shaper, request, rejection, early),
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
                    #[expect(clippy::expect_used, reason = "taken only when all waiting is over")]
                    let waiting = parked.as_mut().expect("a parked request has not left yet");
                    let settled = ready!(waiting.poll_settled(cx))?;
                    #[expect(clippy::expect_used, reason = "it was there a line above")]
                    let parked = *parked.take().expect("a parked request has not left yet");
                    parked.end(settled).state
                }
            };
            this.state.set(next);
        }
    }
}

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
    early: Option<EarlyRenewal>,
    no_store: bool,
}

/// The end of all waiting.
enum Settled {
    /// The inner service is ready, and is to be called at once.
    Ready(Passage),
    Refused(Rejection, Option<EarlyRenewal>),
}

impl<S, R, ReqBody> Parked<S, R, ReqBody> {
    /// Waits for keys; then, where their verdict asks for it, for a new session; then, unless the
    /// request is refused, for the inner service.
    fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<Result<Settled, S::Error>>
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

    /// Calls the inner service, which is ready, or makes the refusal.
    fn end<ResBody>(mut self, settled: Settled) -> ResponseFuture<S, R, ReqBody, S::Future, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        R: RejectionResponse<ResBody>,
    {
        match settled {
            Settled::Ready(Passage { early, no_store }) => {
                ResponseFuture::inner(self.inner.call(self.request), early, no_store)
            }
            Settled::Refused(rejection, early) => {
                ResponseFuture::refused(&mut self.rejection, self.request, rejection, early)
            }
        }
    }
}

impl<S, R, ReqBody, F, ResBody> fmt::Debug for ResponseFuture<S, R, ReqBody, F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
