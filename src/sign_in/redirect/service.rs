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

use super::{
    call::{RedirectCall, Route},
    settings::RedirectSignInBuilder,
    shared::Shared,
};
use crate::{
    descope::Descope,
    endpoint::{ResponseBody, ResponseFuture, mount_prefix},
    error::Error,
};

/// Signs people in by single sign-on and by OAuth providers, without any script.
///
/// See the [module docs](super) for the paths, and for what is answered. Clones share everything.
///
/// # Panics
///
/// On a tokio runtime without timers; see [`Descope`](Descope#panics).
#[derive(Clone)]
#[must_use]
pub struct RedirectSignIn {
    shared: Arc<Shared>,
    /// The path below which the service is. It begins with a slash and does not end in one, or it is
    /// empty.
    prefix: String,
}

impl RedirectSignIn {
    /// Starts a configuration. `public_url` is where browsers see the mount point: scheme, host and
    /// path, for example `https://app.example.com/auth`. It is no guess from a request, whose host anybody
    /// can name.
    pub fn builder(descope: Descope, public_url: impl Into<String>) -> RedirectSignInBuilder {
        RedirectSignInBuilder::new(descope, public_url.into())
    }

    /// Serves paths below `prefix`, for example `/auth`; slashes at its ends may be left out. Only where
    /// nobody has taken the prefix off before: axum's `nest_service` does, hyper does not.
    pub fn at(mut self, prefix: impl AsRef<str>) -> Self {
        self.prefix = mount_prefix(prefix.as_ref());
        self
    }
}

impl RedirectSignInBuilder {
    /// Checks the settings and makes the service.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for the first setting that is wrong;
    /// the message says which and what to do.
    pub fn build(self) -> Result<RedirectSignIn, Error> {
        let (descope, settings) = self.checked()?;
        Ok(RedirectSignIn {
            shared: Arc::new(Shared::new(descope, settings)),
            prefix: String::new(),
        })
    }
}

impl<B> Service<Request<B>> for RedirectSignIn
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
        let path = request.uri().path().strip_prefix(&*self.prefix);
        let route = path.and_then(|path| Route::of(path, &self.shared.settings));
        let (request, body) = request.into_parts();
        let call = RedirectCall::new(Arc::clone(&self.shared), request);
        ResponseFuture::new(call.answer(route, body))
    }
}

impl fmt::Debug for RedirectSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedirectSignIn")
            .field("public_url", &self.shared.settings.public_url)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
