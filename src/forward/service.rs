//! The service `ForwardAuth`.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    answer,
    effective::effective,
    identity::IdentityService,
    refusals::{self, ForwardRefusals},
    settings::{ForwardAuthBuilder, ForwardSettings},
};
use crate::{
    auth::TenantService,
    descope::Descope,
    endpoint::{ResponseBody, ResponseFuture},
    error::Error,
};

/// Answers a proxy that asks, for each request, whether it may pass, and whose it is.
///
/// See the [module docs](crate::forward) for the fields, the answers, and an example. Clones share
/// everything.
///
/// # Panics
///
/// On a tokio runtime without timers, where a request waits; see [`Descope`](Descope#panics).
#[derive(Clone)]
#[must_use]
pub struct ForwardAuth {
    inner: TenantService<IdentityService, ForwardRefusals>,
    settings: Arc<ForwardSettings>,
}

impl ForwardAuth {
    /// Starts a configuration. It needs [`proxy_secret`](ForwardAuthBuilder::proxy_secret), or the word
    /// that there is none.
    pub fn builder(descope: Descope) -> ForwardAuthBuilder {
        ForwardAuthBuilder::new(descope)
    }
}

impl ForwardAuthBuilder {
    /// Checks the settings and makes the service.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for the first setting that is wrong;
    /// the message says which and what to do. So it is without a
    /// [`proxy_secret`](Self::proxy_secret), and where the cookies that the [`Descope`] was built with can
    /// make more than eight lines in one response, unless
    /// [`numbered_cookies`](Self::numbered_cookies) are off.
    pub fn build(self) -> Result<ForwardAuth, Error> {
        let (settings, layer) = self.checked()?;
        let settings = Arc::new(settings);
        let refusals = ForwardRefusals::new(Arc::clone(&settings));
        let identity = IdentityService::new(Arc::clone(&settings), refusals.clone());
        Ok(ForwardAuth {
            inner: layer.with_rejection_shaper(refusals).layer(identity),
            settings,
        })
    }
}

impl<B> Service<Request<B>> for ForwardAuth {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let settings = Arc::clone(&self.settings);
        let (question, _) = request.into_parts();
        let begun = match settings.secrets.check(&question.headers) {
            Err(reason) => Err(refusals::not_the_proxy(&settings, reason)),
            Ok(()) => match effective(question.headers) {
                Err(fault) => Err(refusals::not_effective(&settings, fault)),
                // It is always ready.
                Ok(effective) => Ok(self.inner.call(effective)),
            },
        };
        ResponseFuture::new(async move {
            let mut response = match begun {
                Ok(answer) => match answer.await {
                    Ok(answer) => answer,
                    Err(never) => match never {},
                },
                Err(refusal) => refusal,
            };
            answer::finish(&mut response, settings.numbered_cookies);
            response
        })
    }
}

impl fmt::Debug for ForwardAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardAuth")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
