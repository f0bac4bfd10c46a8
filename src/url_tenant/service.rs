use std::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{settings::Settings, verdict::Verdict};
use crate::{
    guard::ResponseFuture,
    rejection::{DefaultRejectionResponse, RejectionResponse, refuse},
    session::PassedUnseen,
    telemetry,
};

/// Service made by [`UrlTenant`](super::UrlTenant).
///
/// See the [module docs](crate::url_tenant) for what it does, and for an example.
#[derive(Clone)]
pub struct UrlTenantService<S, R = DefaultRejectionResponse> {
    inner: S,
    settings: Settings,
    rejection: R,
}

impl<S, R> UrlTenantService<S, R> {
    pub(super) fn new(inner: S, settings: Settings, rejection: R) -> Self {
        Self {
            inner,
            settings,
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

impl<S, R, ReqBody, ResBody> Service<Request<ReqBody>> for UrlTenantService<S, R>
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
        let Settings {
            source,
            rule,
            or_active,
            ..
        } = &self.settings;
        let named = source.read((&request).into());
        let future = match Verdict::on(*rule, *or_active, named, request.extensions()) {
            Verdict::Refused { rejection, wanted }
                if !PassedUnseen::explains(&rejection, request.extensions()) =>
            {
                telemetry::guarded(&rejection);
                let (parts, _) = request.into_parts();
                let mut response = refuse(&mut self.rejection, &parts, rejection);
                if let Some(wanted) = wanted {
                    self.settings.offer_switch(&mut response, &wanted, &parts);
                }
                ResponseFuture::refused(response)
            }
            Verdict::ActsIn(tenant) => {
                telemetry::acts_in(&tenant);
                request.extensions_mut().insert(tenant);
                ResponseFuture::inner(self.inner.call(request))
            }
            Verdict::Passes | Verdict::Refused { .. } => {
                ResponseFuture::inner(self.inner.call(request))
            }
        };
        future.varying(self.settings.source.field().cloned())
    }
}

/// Also for answers to refusals that are closures.
impl<S: fmt::Debug, R> fmt::Debug for UrlTenantService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlTenantService")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
