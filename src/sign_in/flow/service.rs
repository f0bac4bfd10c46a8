use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{call::FlowRequest, settings::FlowRoutesBuilder, shared::Shared};
use crate::{
    client::FlowStep,
    descope::Descope,
    endpoint::{ResponseBody, ResponseFuture},
    error::Error,
};

/// Serves Descope's own sign-in component with this service as its base URL.
///
/// See the [module docs](super) for what it costs, and for what is answered. Clones share everything.
///
/// # Panics
///
/// On a tokio runtime without timers; see [`Descope`](Descope#panics).
#[derive(Clone)]
#[must_use]
pub struct FlowRoutes {
    shared: Arc<Shared>,
}

impl FlowRoutes {
    /// Starts a configuration.
    pub fn builder(descope: Descope) -> FlowRoutesBuilder {
        FlowRoutesBuilder::new(descope)
    }
}

impl FlowRoutesBuilder {
    /// Checks the settings and makes the service.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for the first setting that is wrong;
    /// the message says which and what to do.
    pub fn build(self) -> Result<FlowRoutes, Error> {
        let (descope, settings) = self.checked()?;
        Ok(FlowRoutes {
            shared: Arc::new(Shared::new(descope, settings)),
        })
    }
}

impl<B> Service<Request<B>> for FlowRoutes
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let path = request
            .uri()
            .path()
            .strip_prefix(&*self.shared.settings.prefix);
        let step = match path {
            Some("/start") => Some(FlowStep::Start),
            Some("/next") => Some(FlowStep::Next),
            _ => None,
        };
        let (request, body) = request.into_parts();
        let request = FlowRequest::new(Arc::clone(&self.shared), request);
        ResponseFuture::new(request.answer(step, body))
    }
}

impl fmt::Debug for FlowRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowRoutes").finish_non_exhaustive()
    }
}
