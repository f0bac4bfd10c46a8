use http::{Response, request::Parts};
use tower_layer::Layer;

use super::{gate::Gate, response::DefaultRejectionResponse, service::TenantService};
use crate::{descope::Descope, rejection::Rejection};

/// Layer that verifies the session of each request.
///
/// See the [module docs](crate::auth) for what it does, and for an example.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is added to a service"]
pub struct TenantLayer<R = DefaultRejectionResponse> {
    gate: Gate,
    rejection: R,
}

impl TenantLayer {
    /// A layer that refuses requests without a valid session of this project.
    pub fn new(descope: Descope) -> Self {
        Self {
            gate: Gate::new(descope),
            rejection: DefaultRejectionResponse::default(),
        }
    }
}

impl<R> TenantLayer<R> {
    /// Lets requests without a usable session pass; extractors then decide.
    ///
    /// The reason is put into the request's extensions, so that [`Session`](crate::Session) and
    /// [`ActiveTenant`](crate::ActiveTenant) refuse with it, and `Option<…>` can tell "none" from
    /// "forged". **Every handler behind an optional layer must name an extractor**, or call
    /// `from_extensions`; one that forgets is open to everybody.
    pub fn optional(mut self) -> Self {
        self.gate.policy.optional = true;
        self
    }

    /// Refuses sessions without an active tenant here, with 403 `no_active_tenant` or
    /// `tenant_mismatch`, so that a front end can offer the picker.
    ///
    /// Together with [`optional`](Self::optional): a request without a usable session passes, a
    /// session without a tenant is refused.
    pub fn require_tenant(mut self) -> Self {
        self.gate.policy.require_tenant = true;
        self
    }

    /// Guards the service's own writes against other sites: on methods other than GET, HEAD and
    /// OPTIONS, and on upgrades, a cookie counts as a credential only if the request comes from
    /// this origin or one of [`DescopeBuilder::origins`](crate::DescopeBuilder::origins); else
    /// the answer is 403 `cross_site`. Bearer tokens are not affected, since no browser sends
    /// them by itself.
    ///
    /// `SameSite` cookies do not stop other sub-domains and ports of the same host, nor does
    /// `SameSite=None` stop anybody; this does. Off by default; recommended wherever cookies are
    /// used. A request without both `Sec-Fetch-Site` and `Origin` is refused too, since it may
    /// come from an old browser: clients that are no browsers should send a bearer token.
    pub fn cookies_same_origin_only(mut self) -> Self {
        self.gate.policy.same_origin = true;
        self
    }

    /// Lets CORS preflights pass: `OPTIONS` with `Origin` and `Access-Control-Request-Method` and
    /// without any credential. For a CORS layer *inside* this one; if it stands outside, as it
    /// should, it answers preflights before they come here.
    pub fn pass_cors_preflight(mut self) -> Self {
        self.gate.policy.pass_preflight = true;
        self
    }

    /// Makes refusals with a closure, for example to redirect browsers to a sign-in page.
    ///
    /// The body type is the inner service's. The header `x-descope-rejection` and the
    /// [`Rejection`] in the response's extensions are added to whatever the closure returns;
    /// status, challenge and gRPC form are the closure's own to make, with what
    /// [`Rejection`] offers.
    ///
    /// ```
    /// use http::{Response, header, request::Parts};
    /// use tower_descope::{Descope, Rejection, TenantLayer};
    ///
    /// # fn layer(descope: Descope) {
    /// let layer = TenantLayer::new(descope).with_rejection_response(
    ///     |rejection: Rejection, request: &Parts| {
    ///         let mut response = Response::new(format!("no {}: {rejection}", request.uri));
    ///         *response.status_mut() = rejection.status();
    ///         if let Some(challenge) = rejection.challenge() {
    ///             response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    ///         }
    ///         response
    ///     },
    /// );
    /// # }
    /// ```
    pub fn with_rejection_response<N, B>(self, response: N) -> TenantLayer<N>
    where
        N: FnMut(Rejection, &Parts) -> Response<B> + Clone,
    {
        self.with_rejection_shaper(response)
    }

    /// Makes refusals with a type of one's own that implements [`RejectionResponse`](super::RejectionResponse), for several
    /// body types or with a state.
    pub fn with_rejection_shaper<N>(self, response: N) -> TenantLayer<N> {
        TenantLayer {
            gate: self.gate,
            rejection: response,
        }
    }
}

impl<S, R: Clone> Layer<S> for TenantLayer<R> {
    type Service = TenantService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        TenantService::new(inner, self.gate.clone(), self.rejection.clone())
    }
}
