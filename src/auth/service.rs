use std::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::future::{self, Parked, ResponseFuture, Wait};
use crate::{
    gate::{Beginning, Decision, Gate},
    rejection::RejectionResponse,
    session::PassedUnseen,
};

/// Service made by [`TenantLayer`](super::TenantLayer).
///
/// See the [module docs](crate::auth) for what it does, and for an example.
#[derive(Clone)]
pub struct TenantService<S, R = super::DefaultRejectionResponse> {
    inner: S,
    gate: Gate,
    rejection: R,
}

impl<S, R> TenantService<S, R> {
    pub(super) fn new(inner: S, gate: Gate, rejection: R) -> Self {
        Self {
            inner,
            gate,
            rejection,
        }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for TenantService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    R: RejectionResponse<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, ReqBody, S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if self.gate.passes_unseen((&request).into()) {
            PassedUnseen::note(request.extensions_mut());
            return ResponseFuture::inner(self.inner.call(request), None, false);
        }
        let wait = match self.gate.begin((&request).into()) {
            Beginning::Decided(Decision::Go(verdict, early)) => {
                let (inner, rejection) = (&mut self.inner, &mut self.rejection);
                return future::go(&self.gate, inner, rejection, request, verdict, early);
            }
            Beginning::Decided(Decision::Renew(renewal)) => Wait::Renewal(renewal),
            Beginning::Keys(verdict) => Wait::Keys(verdict),
        };
        // The service that was polled ready is dropped here, with the permit or slot that it may
        // hold: a request that waits must not take the inner service from those that need not. Of
        // its clones one is polled ready by the next caller, and the other when the wait is over.
        let inner = self.inner.clone();
        self.inner = inner.clone();
        ResponseFuture::parked(Parked {
            wait,
            request,
            inner,
            gate: self.gate.clone(),
            rejection: self.rejection.clone(),
        })
    }
}

/// Also for answers to refusals that are closures.
impl<S: fmt::Debug, R> fmt::Debug for TenantService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantService")
            .field("inner", &self.inner)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
