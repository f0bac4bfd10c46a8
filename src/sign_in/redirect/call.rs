//! One request on its way: which path, where from, and how it ends.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Response, StatusCode, request::Parts};
use http_body::Body;
use tracing::Level;

use super::{
    failure::{Failure, FailureKind},
    page,
    settings::RedirectSettings,
    shared::Shared,
    transaction::Destination,
};
use crate::{
    cookie::CookieAttributes,
    descope::Descope,
    endpoint::{ResponseBody, finish, redirect_with},
    origin,
    rejection::REJECTION_HEADER,
    sign_in::{Door, budget::network},
    telemetry::event_at,
};

/// How browsers mark a page that nobody has asked for yet.
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// A path that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Start(Destination),
    Callback,
}

/// One request, without its body.
pub(super) struct RedirectCall {
    pub(super) shared: Arc<Shared>,
    pub(super) request: Parts,
    pub(super) attributes: CookieAttributes,
}

impl Route {
    /// The route of a path below the mount point. Exact: no other spelling of a path is served.
    pub(super) fn of(path: &str, settings: &RedirectSettings) -> Option<Self> {
        match path {
            "/callback" => Some(Self::Callback),
            "/sso" => settings.sso.then_some(Self::Start(Destination::Sso)),
            _ => {
                let provider = path.strip_prefix("/oauth/")?;
                let known = settings.providers.iter().any(|known| known == provider);
                known.then(|| Self::Start(Destination::OAuth(provider.to_owned())))
            }
        }
    }
}

impl RedirectCall {
    pub(super) fn new(shared: Arc<Shared>, request: Parts) -> Self {
        Self {
            attributes: shared.descope.cookie_attributes((&request).into()),
            shared,
            request,
        }
    }

    pub(super) async fn answer<B: Body>(
        self,
        route: Option<Route>,
        body: B,
    ) -> Response<ResponseBody> {
        let mut cookies = Vec::new();
        let response = match route {
            None => page::not_found(),
            Some(route) if !route.takes(&self.request.method) => {
                page::method_not_allowed(route.allow())
            }
            // Nobody has asked for the page yet: an attempt that begins now would end unseen. An error,
            // since browsers keep a success, 204 too, and answer the click with it.
            Some(_) if self.is_prefetch() => {
                let mut response = Response::new(ResponseBody::default());
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                let code = HeaderValue::from_static("prefetch");
                response.headers_mut().insert(REJECTION_HEADER, code);
                response
            }
            Some(route) => {
                let answered = match route {
                    Route::Start(to) => self.start(to, body, &mut cookies).await,
                    Route::Callback => self.call_back(&mut cookies).await,
                };
                answered.unwrap_or_else(|failure| self.failed(failure))
            }
        };
        finish(page::with_headers(response), cookies)
    }

    pub(super) fn descope(&self) -> &Descope {
        &self.shared.descope
    }

    /// On to a path of this site.
    pub(super) fn go_on(&self, path: &str) -> Response<ResponseBody> {
        page::go_on(path, self.descope().cookies())
    }

    /// Refuses what is no page that opens in the browser's own window, as far as the browser says so.
    pub(super) fn check_opens(&self) -> Result<(), Failure> {
        let head = (&self.request).into();
        if origin::may_open_a_page(head) {
            return Ok(());
        }
        origin::log_refusal("no_page_opens", head);
        Err(FailureKind::CrossSite.into())
    }

    /// Takes a call from the budgets of what anybody can cause.
    pub(super) fn take_call(&self) -> Result<(), Failure> {
        let address = self.shared.settings.client_address.as_ref();
        if let Some(address) = address.and_then(|address| address(&self.request)) {
            let now = self.descope().now();
            let taken = self.shared.addresses.take(network(address), now);
            taken.map_err(Failure::limited)?;
        }
        self.descope().take_sign_in_call().map_err(Failure::limited)
    }

    fn is_prefetch(&self) -> bool {
        let purpose = self.request.headers.get(SEC_PURPOSE);
        purpose.is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"))
    }

    fn failed(&self, failure: Failure) -> Response<ResponseBody> {
        let code = failure.kind.code();
        if !failure.is_logged {
            Door::Redirect.count(code);
            let level = match failure.kind {
                FailureKind::RateLimited => {
                    let notices = self.descope().notices();
                    notices
                        .limited_sign_ins
                        .level(Level::WARN, &self.descope().now())
                }
                FailureKind::Internal => Level::ERROR,
                _ => Level::DEBUG,
            };
            event_at!(level, door = "redirect", outcome = code, "not signed in");
        }
        let mut response = match &self.shared.settings.failure_page {
            None => page::failed(failure),
            Some(to) => redirect_with(to, "sign_in_error", code),
        };
        response
            .headers_mut()
            .insert(REJECTION_HEADER, HeaderValue::from_static(code));
        response
    }
}

impl Route {
    fn takes(&self, method: &Method) -> bool {
        match self {
            Self::Start(_) => *method == Method::GET || *method == Method::POST,
            Self::Callback => *method == Method::GET,
        }
    }

    fn allow(&self) -> &'static str {
        match self {
            Self::Start(_) => "GET, POST",
            Self::Callback => "GET",
        }
    }
}
