use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    gate::{self, Gate},
    response::RejectionResponse,
};
use crate::{descope::PendingSession, refusal, rejection::Rejection};

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
        /// The inner service is at work.
        Inner { #[pin] future: F },
        /// The request was refused.
        Refused { response: Option<Response<ResBody>> },
        /// The verdict waits for keys. The only state that costs a box.
        Parked { parked: Option<Box<Parked<S, R, ReqBody>>> },
    }
}

/// A request that waits for its verdict, and all that is needed to go on afterwards.
pub(super) struct Parked<S, R, ReqBody> {
    pub(super) verdict: PendingSession,
    pub(super) request: Request<ReqBody>,
    /// Polled ready, and not called yet.
    pub(super) inner: S,
    pub(super) gate: Gate,
    pub(super) rejection: R,
}

impl<S, R, ReqBody, F, ResBody> ResponseFuture<S, R, ReqBody, F, ResBody> {
    pub(super) fn inner(future: F) -> Self {
        Self {
            state: State::Inner { future },
        }
    }

    pub(super) fn refused(mut response: Response<ResBody>, rejection: Rejection) -> Self {
        refusal::mark(&mut response, rejection);
        Self {
            state: State::Refused {
                response: Some(response),
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
                StateProj::Inner { future } => {
                    let mut response = ready!(future.poll(cx))?;
                    gate::vary(response.headers_mut());
                    return Poll::Ready(Ok(response));
                }
                StateProj::Refused { response } => {
                    #[expect(clippy::expect_used, reason = "polling a completed future is a bug")]
                    let mut response = response
                        .take()
                        .expect("ResponseFuture polled after completion");
                    gate::vary(response.headers_mut());
                    return Poll::Ready(Ok(response));
                }
                StateProj::Parked { parked } => {
                    #[expect(clippy::expect_used, reason = "taken only when its verdict is in")]
                    let waiting = parked.as_mut().expect("a parked request has not left yet");
                    let verdict = ready!(waiting.verdict.as_mut().poll(cx));
                    #[expect(clippy::expect_used, reason = "it was there a line above")]
                    let parked = *parked.take().expect("a parked request has not left yet");
                    parked.go_on(verdict)
                }
            };
            this.state.set(next.state);
        }
    }
}

impl<S, R, ReqBody> Parked<S, R, ReqBody> {
    fn go_on<ResBody>(
        mut self,
        verdict: Result<crate::session::Session, Rejection>,
    ) -> ResponseFuture<S, R, ReqBody, S::Future, ResBody>
    where
        S: Service<Request<ReqBody>, Response = Response<ResBody>>,
        R: RejectionResponse<ResBody>,
    {
        match self.gate.admit(verdict, self.request.extensions_mut()) {
            Ok(()) => ResponseFuture::inner(self.inner.call(self.request)),
            Err(rejection) => {
                let (parts, _) = self.request.into_parts();
                let response = self.rejection.rejection_response(rejection.clone(), &parts);
                ResponseFuture::refused(response, rejection)
            }
        }
    }
}

impl<S, R, ReqBody, F, ResBody> fmt::Debug for ResponseFuture<S, R, ReqBody, F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
