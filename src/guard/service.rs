use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    condition::{Condition, check},
    future::ResponseFuture,
    judged,
};
use crate::{
    rejection::{DefaultRejectionResponse, RejectionResponse, refuse},
    session::PassedUnseen,
    telemetry,
};

/// Service made by [`Require`](super::Require).
///
/// See the [module docs](crate::guard) for what it does, and for an example.
#[derive(Clone)]
pub struct RequireService<S, R = DefaultRejectionResponse> {
    inner: S,
    conditions: Arc<[Condition]>,
    rejection: R,
}

impl<S, R> RequireService<S, R> {
    pub(super) fn new(inner: S, conditions: Arc<[Condition]>, rejection: R) -> Self {
        Self {
            inner,
            conditions,
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

    /// The inner service, without the guard.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for RequireService<S, R>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    R: RejectionResponse<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        match check(&self.conditions, request.extensions()) {
            Err(rejection) if !PassedUnseen::explains(&rejection, request.extensions()) => {
                telemetry::guarded(&rejection);
                let (parts, _) = request.into_parts();
                ResponseFuture::refused(refuse(&mut self.rejection, &parts, rejection))
            }
            _ => {
                judged::note(&self.conditions, request.extensions_mut());
                ResponseFuture::inner(self.inner.call(request))
            }
        }
    }
}

/// Also for answers to refusals that are closures.
impl<S: fmt::Debug, R> fmt::Debug for RequireService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireService")
            .field("inner", &self.inner)
            .field("conditions", &self.conditions)
            .finish_non_exhaustive()
    }
}
