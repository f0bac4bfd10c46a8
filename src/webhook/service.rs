//! The service `RevocationWebhook`.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    call::Delivery,
    notices::Notices,
    settings::{RevocationWebhookBuilder, WebhookSettings},
};
use crate::{
    descope::Descope,
    endpoint::{ResponseBody, ResponseFuture},
    error::Error,
};

/// Revokes the sessions of users who were changed or removed at Descope, as its Audit Webhook connector
/// tells.
///
/// See the [module docs](crate::webhook) for how it is set up, and for what it accepts and answers. Clones
/// share everything.
///
/// # Panics
///
/// On a tokio runtime without timers, where the shared state is waited for; see
/// [`Descope`](Descope#panics).
#[derive(Clone)]
#[must_use]
pub struct RevocationWebhook {
    descope: Descope,
    settings: Arc<WebhookSettings>,
    notices: Arc<Notices>,
}

impl RevocationWebhook {
    /// Starts a configuration. `secret` is the HMAC secret of the connector, 16 bytes at least;
    /// `openssl rand -base64 32` makes one.
    pub fn builder(descope: Descope, secret: impl Into<Vec<u8>>) -> RevocationWebhookBuilder {
        RevocationWebhookBuilder::new(descope, secret.into())
    }
}

impl RevocationWebhookBuilder {
    /// The service.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) where the handle was built without
    /// [`revocation`](crate::DescopeBuilder::revocation), or a secret has fewer than 16 bytes.
    pub fn build(self) -> Result<RevocationWebhook, Error> {
        let (descope, settings) = self.checked()?;
        Ok(RevocationWebhook {
            descope,
            settings: Arc::new(settings),
            notices: Arc::default(),
        })
    }
}

impl fmt::Debug for RevocationWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationWebhook")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for RevocationWebhook
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let (request, body) = request.into_parts();
        let delivery = Delivery {
            descope: self.descope.clone(),
            settings: Arc::clone(&self.settings),
            notices: Arc::clone(&self.notices),
            request,
        };
        ResponseFuture::new(delivery.answer(body))
    }
}
