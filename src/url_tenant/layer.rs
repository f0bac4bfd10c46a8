use std::{fmt, sync::Arc};

use http::{HeaderName, Response, request::Parts};
use tower_layer::Layer;

use super::{service::UrlTenantService, settings::Settings, source::Source, verdict::Rule};
use crate::{
    cookie::NamedCookie,
    error::Error,
    rejection::{DefaultRejectionResponse, Rejection},
    return_paths::ReturnPaths,
};

/// Layer that compares the tenant which a request names with the tenants of its session.
///
/// It stands inside of [`TenantLayer`](crate::TenantLayer). See the [module docs](crate::url_tenant)
/// for its two meanings, for how the tenant is read, and for an example.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is added to a service"]
pub struct UrlTenant<R = DefaultRejectionResponse> {
    settings: Settings,
    rejection: R,
}

impl UrlTenant {
    /// The tenant is the segment of the path with this number, of which the first is 0: of
    /// `/t/T2acme/projects`, number 1.
    pub fn path_segment(number: usize) -> Self {
        Self::new(Source::Segment(number))
    }

    /// The tenant is the segment of the path after a prefix, for example `"/t/"`. A slash at either
    /// end is added where it is missing; `"/"` is the first segment. The prefix is compared with the path as it
    /// came, without any decoding.
    pub fn after(prefix: impl AsRef<str>) -> Self {
        let inner = prefix.as_ref().trim_matches('/');
        let slash = if inner.is_empty() { "" } else { "/" };
        Self::new(Source::After(format!("/{inner}{slash}").into()))
    }

    /// The tenant is the one label before a domain: of `t2acme.app.example.com`, with
    /// `"app.example.com"`, `t2acme`. Its case is ignored, as browsers do not keep it.
    ///
    /// Cookies have to reach each of these hosts: see
    /// [`SessionCookies::domain`](crate::cookie::SessionCookies::domain), which `__Host-` names cannot
    /// have.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if that is no domain as it stands in a
    /// URL: without scheme, port and wildcard, in punycode if it is not ASCII.
    pub fn subdomain_of(domain: impl AsRef<str>) -> Result<Self, Error> {
        let given = domain.as_ref();
        let domain = given.trim_matches('.');
        let is_label = |label: &str| {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !label.is_empty() && label.bytes().all(is_part)
        };
        if domain.split('.').all(is_label) {
            return Ok(Self::new(Source::SubdomainOf(domain.into())));
        }
        Err(Error::config(format!(
            "{given:?} is no domain: write it as it stands in a URL, for example \
             \"app.example.com\", without scheme, port and wildcard, and in punycode if it is not \
             ASCII"
        )))
    }

    /// The tenant is the value of a header of the application's. Answers say so in `Vary`.
    ///
    /// ```
    /// use http::HeaderName;
    /// use tower_descope::UrlTenant;
    ///
    /// let by_header = UrlTenant::header(HeaderName::from_static("x-tenant"));
    /// # let _ = by_header;
    /// ```
    pub fn header(name: HeaderName) -> Self {
        Self::new(Source::Header(name))
    }

    /// The tenant is the value of a cookie of the application's. Its name should begin with `__Host-`,
    /// so that no other host of the site can set it.
    pub fn cookie(name: impl AsRef<str>) -> Self {
        Self::new(Source::Cookie(NamedCookie::new(name.as_ref())))
    }

    fn new(source: Source) -> Self {
        Self {
            settings: Settings {
                source: Arc::new(source),
                rule: Rule::MustBeActive,
                or_active: false,
                switch_page: None,
            },
            rejection: DefaultRejectionResponse::default(),
        }
    }
}

impl<R> UrlTenant<R> {
    /// Lets requests for the active tenant pass, and no others. The default.
    pub fn must_be_active(mut self) -> Self {
        self.settings.rule = Rule::MustBeActive;
        self
    }

    /// Lets requests for any tenant pass that the token lists, and makes it the
    /// [`ActiveTenant`](crate::ActiveTenant) of extractors and guards further in; it is recorded as the span
    /// field `tenant.id`. With a token without `tenants` nothing but the active tenant passes.
    pub fn membership_suffices(mut self) -> Self {
        self.settings.rule = Rule::MembershipSuffices;
        self
    }

    /// Lets requests that name no tenant pass, in the active one. Not those that name one badly.
    pub fn or_active(mut self) -> Self {
        self.settings.or_active = true;
        self
    }

    /// Sends people who open a page of another tenant of theirs to a page of the application's that
    /// offers the switch, by 303, with the wanted tenant and the path that was asked for as `tenant` and
    /// `return_to` in its query.
    ///
    /// The page must switch by a form, for [`SelectTenant`](crate::SelectTenant), and not by itself: any
    /// site can link to it. It stands outside of this layer. `tenant` is what stood in the URL, so
    /// escape it as any text.
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::convert::Infallible;
    /// use http::{Request, Response};
    /// use tower::{ServiceBuilder, ServiceExt};
    /// use tower_descope::{TenantLayer, UrlTenant, test_util::FakeDescope};
    ///
    /// let fake = FakeDescope::start().await;
    /// let service = ServiceBuilder::new()
    ///     .layer(TenantLayer::new(fake.descope()))
    ///     .layer(UrlTenant::after("/t/").switch_page("/switch")?)
    ///     .service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    ///
    /// let session = fake.session("U1").tenant("T1", |t| t).tenant("T2", |t| t).active("T1");
    /// let request = Request::get("/t/T2/invoices")
    ///     .header("sec-fetch-mode", "navigate")
    ///     .header("authorization", format!("Bearer {}", session.token()))
    ///     .body(())?;
    /// let response = service.oneshot(request).await?;
    /// assert_eq!(response.status(), 303);
    /// assert_eq!(response.headers()["location"], "/switch?tenant=T2&return_to=%2Ft%2FT2%2Finvoices");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if that is no path of this site, or
    /// has a fragment.
    pub fn switch_page(mut self, page: impl AsRef<str>) -> Result<Self, Error> {
        self.settings.switch_page = Some(ReturnPaths::new(page)?);
        Ok(self)
    }

    /// Makes refusals with a closure, as
    /// [`TenantLayer::with_rejection_response`](crate::TenantLayer::with_rejection_response) does. A
    /// navigation that goes to the [`switch_page`](Self::switch_page) gets its response too, made a
    /// redirect.
    pub fn with_rejection_response<N, B>(self, response: N) -> UrlTenant<N>
    where
        N: FnMut(Rejection, &Parts) -> Response<B> + Clone,
    {
        self.with_rejection_shaper(response)
    }

    /// Makes refusals with a type that implements
    /// [`RejectionResponse`](crate::rejection::RejectionResponse), such as
    /// [`SignInPage`](crate::SignInPage).
    pub fn with_rejection_shaper<N>(self, response: N) -> UrlTenant<N> {
        UrlTenant {
            settings: self.settings,
            rejection: response,
        }
    }
}

impl<S, R: Clone> Layer<S> for UrlTenant<R> {
    type Service = UrlTenantService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        UrlTenantService::new(inner, self.settings.clone(), self.rejection.clone())
    }
}

/// Also for answers to refusals that are closures.
impl<R> fmt::Debug for UrlTenant<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlTenant")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
