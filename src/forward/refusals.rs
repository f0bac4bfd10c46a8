//! The refusals: the layer's, and those of requests that were not put properly.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode, header, request::Parts};

use super::{
    effective::{Forwarded, ForwardedFault},
    fields::AUTH_LOCATION,
    settings::ForwardSettings,
};
use crate::{
    endpoint::{Refusal, RefusalKind, ResponseBody},
    head::RequestHead,
    origin,
    rejection::{self, Rejection, RejectionResponse},
    telemetry,
};

/// Makes the refusals of the layer.
#[derive(Clone, Debug)]
pub(super) struct ForwardRefusals {
    settings: Arc<ForwardSettings>,
}

impl ForwardRefusals {
    pub(super) fn new(settings: Arc<ForwardSettings>) -> Self {
        Self { settings }
    }

    /// The refusal of an effective request, marked as the layer marks its own.
    pub(super) fn marked(
        &mut self,
        rejection: Rejection,
        request: &Parts,
    ) -> Response<ResponseBody> {
        let mut response = self.rejection_response(rejection.clone(), request);
        rejection::response::mark(&mut response, rejection);
        response
    }
}

impl RejectionResponse<ResponseBody> for ForwardRefusals {
    fn rejection_response(
        &mut self,
        rejection: Rejection,
        request: &Parts,
    ) -> Response<ResponseBody> {
        let response = rejection::response::plain::<Bytes>(&rejection);
        let mut response = response.map(ResponseBody::new);
        if response.status() != StatusCode::UNAUTHORIZED {
            return response;
        }
        let page = self.settings.sign_in.as_ref();
        let Some(location) = page.and_then(|page| page.location(request)) else {
            return response;
        };
        if self.settings.redirects && is_navigation(request) {
            response = Response::new(ResponseBody::default());
            *response.status_mut() = StatusCode::FOUND;
            let headers = response.headers_mut();
            headers.insert(header::LOCATION, location.clone());
        }
        response.headers_mut().insert(AUTH_LOCATION, location);
        response
    }
}

/// Returns `true` for a page that a browser opens in a window: in a frame the sign-in page is of no use.
fn is_navigation(request: &Parts) -> bool {
    let head = RequestHead::from(request);
    origin::is_navigation(head) && origin::may_open_a_page(head)
}

/// The refusal of a request that does not come from the proxy. It says nothing: it is made for somebody
/// whom it must not help.
pub(super) fn not_the_proxy(
    settings: &ForwardSettings,
    reason: &'static str,
) -> Response<ResponseBody> {
    telemetry::not_the_proxy(
        reason,
        settings.notices.proxy.is_due(&settings.descope.now()),
    );
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// The refusal of a request that does not say which one it is about.
pub(super) fn not_effective(
    settings: &ForwardSettings,
    fault: ForwardedFault,
) -> Response<ResponseBody> {
    let (field, reason) = match fault {
        ForwardedFault::Missing(field) => (field, "missing"),
        ForwardedFault::Repeated(field) => (field, "repeated"),
        ForwardedFault::Malformed(field) => (field, "malformed"),
    };
    let kind = match fault {
        ForwardedFault::Missing(Forwarded::Method | Forwarded::Host) => RefusalKind::Misconfigured,
        _ => RefusalKind::InvalidForwarded,
    };
    // Each client can send a malformed value; what is missing or repeated is the proxy's doing.
    let is_proxys = !matches!(fault, ForwardedFault::Malformed(_));
    let is_due = is_proxys && settings.notices.forwarded.is_due(&settings.descope.now());
    telemetry::not_effective(
        kind.code(),
        field.name().as_str(),
        reason,
        is_due.then(|| field.directive()),
    );
    Refusal::new(kind).into_response()
}
