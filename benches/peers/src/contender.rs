//! What takes part.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Waker},
};

use http::{Request, Response, StatusCode};
use tokio::runtime::Handle;
use tower::Service;

use crate::{backend::Backend, bed};

/// Whether a token is good.
pub type Verdict = Box<dyn FnMut(&str) -> bool>;

/// One way to guard a service.
pub struct Contender {
    pub name: &'static str,
    /// Of the crate that does the work; empty for what is not a crate.
    pub version: &'static str,
    pub backend: Backend,
    /// A whole request through the layer and the service behind it.
    pub call: Box<dyn FnMut(Request<()>) -> StatusCode>,
    /// The verdict on a token without any HTTP, where the peer offers that.
    pub verdict: Option<Verdict>,
}

impl Contender {
    pub fn new(
        name: &'static str,
        version: &'static str,
        backend: Backend,
        call: impl FnMut(Request<()>) -> StatusCode + 'static,
    ) -> Self {
        Self {
            name,
            version,
            backend,
            call: Box::new(call),
            verdict: None,
        }
    }

    #[must_use]
    pub fn with_verdict(mut self, verdict: impl FnMut(&str) -> bool + 'static) -> Self {
        self.verdict = Some(Box::new(verdict));
        self
    }
}

/// Calls a service as a server does: ready first. The response is dropped within the measured time.
pub fn through<S, B>(handle: Handle, mut service: S) -> impl FnMut(Request<()>) -> StatusCode
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    move |request| {
        let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(ready.is_ready(), "nobody limits how many");
        let Ok(response) = bed::finish(&handle, service.call(request));
        response.status()
    }
}

/// The service behind every layer. With `asks` it has the question of a handler answered, which is
/// the same for all: may this user do it in the active tenant?
pub fn service<B: Default>(
    asks: bool,
    permits: impl Fn(&Request<()>) -> bool + Clone,
) -> impl Fn(Request<()>) -> Ready<Result<Response<B>, Infallible>> + Clone {
    move |request| {
        assert!(!asks || permits(&request), "the token permits it");
        ready(Ok(Response::default()))
    }
}
