use std::fmt;

use http::{Response, request::Parts};
use tower_layer::Layer;

use super::service::TenantService;
use crate::{
    descope::Descope,
    gate::Gate,
    rejection::{DefaultRejectionResponse, Rejection},
    renewal::Renewal,
};

/// Layer that verifies the session of each request.
///
/// See the [module docs](crate::auth) for what it does, for where limits go, and for an example.
///
/// # Panics
///
/// Where a request waits, for keys or a renewal, on a tokio runtime without timers; see
/// [`Descope`](Descope#panics).
#[derive(Clone)]
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

    /// Lets requests with an *anonymous* session pass: that of a visitor whom Descope gave one before
    /// they signed in ([`Session::is_anonymous`](crate::Session::is_anonymous)). Without it they are
    /// refused with 401 `anonymous_session`.
    ///
    /// **No handler gets an anonymous session as [`Session`](crate::Session) or
    /// [`ActiveTenant`](crate::ActiveTenant)**, also not behind this: both refuse the request with 401
    /// `anonymous_session`, and `Option<…>` of them is `None`. A handler that serves visitors names
    /// [`Visitor`](crate::Visitor), or no extractor. Together with [`renew`](Self::renew) their
    /// sessions are renewed, which they are not otherwise; and with
    /// [`require_tenant`](Self::require_tenant) they are refused, since no tenant is active in them.
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::convert::Infallible;
    /// use http::{Request, Response};
    /// use tower::{ServiceBuilder, ServiceExt};
    /// use tower_descope::{Session, TenantLayer, test_util::FakeDescope};
    ///
    /// let fake = FakeDescope::start().await;
    /// let service = ServiceBuilder::new()
    ///     .layer(TenantLayer::new(fake.descope()).allow_anonymous())
    ///     .service_fn(|request: Request<()>| async move {
    ///         let user = Session::from_extensions(request.extensions());
    ///         Ok::<_, Infallible>(Response::new(user.is_ok()))
    ///     });
    ///
    /// let token = fake.session("U1").anonymous().token();
    /// let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(())?;
    /// let response = service.oneshot(request).await?;
    /// assert_eq!(response.status(), 200);
    /// assert!(!response.into_body()); // nobody has signed in
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    pub fn allow_anonymous(mut self) -> Self {
        self.gate.policy.allow_anonymous = true;
        self
    }

    /// Guards the service's own writes against other sites: on methods other than GET, HEAD and
    /// OPTIONS, and on upgrades (but to `h2c`), a cookie counts as a credential only if the request comes from
    /// this origin or one of [`DescopeBuilder::origins`](crate::DescopeBuilder::origins); else
    /// the answer is 403 `cross_site`. A WebSocket's handshake is judged by `Origin` and `Host`
    /// ([deployment](crate::_docs::deployment)). Bearer tokens are not affected, since no browser sends
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

    /// Adds `Cache-Control: no-store` to what the inner service answers to requests with a session,
    /// where it has not said itself what may be kept; the layer's own refusals do not get it. Off by
    /// default: `Vary` alone keeps shared caches honest, but a browser's own store outlives a
    /// sign-out.
    ///
    /// It does not keep pages out of a browser's *back/forward cache*: Chromium shows the page of
    /// before the sign-out on Back all the same, without a request. For that the page has to
    /// reload itself on `pageshow` where `event.persisted` is true; the chapter on
    /// [cookies](crate::_docs::cookies) has the lines.
    pub fn no_store(mut self) -> Self {
        self.gate.policy.no_store = true;
        self
    }

    /// Lets CORS preflights pass: `OPTIONS` with `Origin` and `Access-Control-Request-Method` and
    /// without any credential. For a CORS layer *inside* this one; if it stands outside, as it
    /// should, it answers preflights before they come here. Guards let them pass, too; to a handler
    /// they are requests without a token.
    pub fn pass_cors_preflight(mut self) -> Self {
        self.gate.policy.pass_preflight = true;
        self
    }

    /// Keeps users signed in: a request whose session has expired, or whose session cookie is
    /// gone, and that brings a refresh cookie, gets a new session from Descope before the inner
    /// service sees it. A session that is about to expire is renewed beside the inner service
    /// ([`Renewal::early`]). Off by default.
    ///
    /// The new cookies, with the scope of [`DescopeBuilder::cookies`], are added to the response,
    /// whatever its status, together with `Cache-Control: no-store`; fields by which single
    /// vendors' caches would keep it are removed. Cookies of the same name that the inner service
    /// set itself, or removed in the same scope, stay as they are; removals for another `Path` or
    /// `Domain` are about other cookies.
    ///
    /// * Requests of one browser that come together cost one call, and all get its result; the
    ///   answer is kept for repeats ([`DescopeBuilder::keep_answers`]). No call is cut short where a
    ///   client hangs up, nor where Descope answers after [`DescopeBuilder::timeout`]: what comes late
    ///   is the answer to the next request.
    /// * A browser that shows a refresh token which was replaced, and whose successor nobody has shown
    ///   yet, lacks an answer: it was lost, or an older one landed after it. The response to its next
    ///   request carries the newest cookies again, also where the session is still good, however long
    ///   ago that was ([`DescopeBuilder::undelivered_answers`]).
    /// * A request with a refresh token whose successor was shown longer than the keep time ago, but
    ///   within 15 minutes, is late: it may have waited in a proxy. It is refused with 401 unless its
    ///   session is still good; nothing is sent, and the cookies stay.
    /// * Only a session that is missing or *genuine* and expired is renewed; with a forged one, or
    ///   with the refresh token of another user beside it, the request is refused as ever, and
    ///   Descope is not asked.
    /// * Only clients that use cookies: a request with a bearer token is never renewed, nor is a
    ///   native gRPC call. A browser's call that a layer further out has translated from grpc-web
    ///   is, by its `Sec-Fetch-Site`.
    /// * An anonymous visitor's session only behind [`allow_anonymous`](Self::allow_anonymous). Where
    ///   Descope's answer alone shows that it is one, the new cookies are written all the same, and the
    ///   request is refused with 401 `anonymous_session`.
    /// * Only for this site: not where another site had the request sent, except for a page that
    ///   opens (a link). Requests that may act (other methods than GET, HEAD and OPTIONS, and
    ///   upgrades other than `h2c`) must come from this origin or one of [`DescopeBuilder::origins`], and say so.
    ///   A request that is not renewed for this reason is refused with 401 as without renewal.
    /// * Where Descope cannot be reached, answers with a failure of its own or asks to slow down, and
    ///   where this session or all of them have made too many calls, a session that is still good
    ///   goes on, and without one the answer is 503 `renewal_unavailable` with `Retry-After`; every
    ///   cookie stays.
    /// * Where Descope says that the session is over (the user was signed out), the answer is 401,
    ///   and the cookies are removed. For 15 minutes after a sign-out in this process it is 401
    ///   without a removal: the sign-out's response has removed them, and the user may have signed in
    ///   again. Where the refresh token has expired by this machine's clock,
    ///   it is 401 without a call, and the cookies stay: the clock may be ahead.
    /// * Behind [`optional`](Self::optional) the request passes in both cases, with the
    ///   [`Rejection`] in its extensions; cookies of a session that is over are removed then, too.
    /// * The active tenant stays. Should a renewed session have none although the old one had (the
    ///   user has left the tenant), extractors answer 403 `no_active_tenant` as for every session
    ///   without, a warning is logged, and the user selects another.
    ///
    /// The request itself stays as it came, its old cookies included. So where layers are nested,
    /// each of them renews or none; they share one call. Mount
    /// [`SelectTenant`](crate::SelectTenant) and [`SessionRoutes`](crate::SessionRoutes) outside:
    /// they use the refresh token themselves. Needs a tokio runtime with time enabled, and panics on one without.
    ///
    /// [`DescopeBuilder::cookies`]: crate::DescopeBuilder::cookies
    /// [`DescopeBuilder::keep_answers`]: crate::DescopeBuilder::keep_answers
    /// [`DescopeBuilder::timeout`]: crate::DescopeBuilder::timeout
    /// [`DescopeBuilder::undelivered_answers`]: crate::DescopeBuilder::undelivered_answers
    /// [`DescopeBuilder::origins`]: crate::DescopeBuilder::origins
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::{convert::Infallible, time::Duration};
    /// use http::{Request, Response};
    /// use tower::{ServiceBuilder, ServiceExt};
    /// use tower_descope::{Renewal, TenantLayer, test_util::FakeDescope};
    ///
    /// let fake = FakeDescope::builder().user("ann@acme.test", |user| user).start().await;
    /// let service = ServiceBuilder::new()
    ///     .layer(TenantLayer::new(fake.descope()).renew(Renewal::new()))
    ///     .service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new("hello")) });
    ///
    /// let ann = fake.sign_in("ann@acme.test");
    /// fake.clock().advance(Duration::from_secs(3_600)); // the session lives for ten minutes
    /// let request = Request::get("/").header("cookie", ann.cookies()).body(())?;
    /// let response = service.oneshot(request).await?;
    /// assert_eq!(response.status(), 200);
    /// assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    pub fn renew(mut self, renewal: Renewal) -> Self {
        self.gate.renewal = Some(renewal);
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

    /// Makes refusals with a type of one's own that implements
    /// [`RejectionResponse`](super::RejectionResponse), for several body types or with a state.
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

/// Also for answers to refusals that are closures.
impl<R> fmt::Debug for TenantLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLayer")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
