//! A refusal as a response: status, headers, and JSON where the body type can hold it.

use std::any::Any;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, Version, header};
use http_body_util::Full;

use super::rejection::{REJECTION_HEADER, Rejection};
use crate::head::RequestHead;

impl Rejection {
    /// The refusal as a response, for handlers that are not axum's: status, challenge, code, and
    /// JSON where the body type can hold it (axum's `Body`, `Full<Bytes>`, `Bytes`, `String`,
    /// `Vec<u8>`); other bodies stay empty.
    ///
    /// A service that returned the `Rejection` as its *error* would make servers close the
    /// connection.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use tower_descope::ActiveTenant;
    ///
    /// fn handle(request: &Request<()>) -> Response<String> {
    ///     match ActiveTenant::from_extensions(request.extensions()) {
    ///         Ok(tenant) => Response::new(format!("projects of {}", tenant.id())),
    ///         Err(rejection) => rejection.to_response(),
    ///     }
    /// }
    ///
    /// let response = handle(&Request::new(()));
    /// assert_eq!(response.status(), 500); // no layer ran, and the body says so
    /// assert!(response.body().contains("TenantLayer"));
    /// ```
    pub fn to_response<B: Default + 'static>(&self) -> Response<B> {
        let mut response = plain(self);
        mark(&mut response, self.clone());
        response
    }
}

/// The refusal as an HTTP response, its JSON in bodies that can hold it.
pub(crate) fn plain<B: Default + 'static>(rejection: &Rejection) -> Response<B> {
    let (body, is_json) = body(rejection.json());
    let mut response = Response::new(body);
    *response.status_mut() = rejection.status();
    let headers = response.headers_mut();
    if let Some(challenge) = rejection.challenge() {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(after) = rejection.retry_after_header() {
        headers.insert(header::RETRY_AFTER, after);
    }
    if is_json {
        headers.insert(
            header::CONTENT_TYPE,
            const { HeaderValue::from_static("application/json") },
        );
    }
    response
}

/// The refusal as a gRPC response: trailers-only, so made of headers alone.
pub(crate) fn grpc(rejection: &Rejection) -> Response<()> {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        "grpc-status",
        HeaderValue::from(u16::from(rejection.grpc_code())),
    );
    // Plain ASCII without a percent sign, so nothing needs percent-encoding.
    headers.insert(
        "grpc-message",
        HeaderValue::from_static(rejection.description()),
    );
    response
}

/// Returns `true` for a gRPC call. A content type alone does not make one: anybody can send it,
/// and an empty 200 for a refused page would fool access logs and caches. grpc-web is plain HTTP.
pub(crate) fn is_grpc(head: RequestHead<'_>) -> bool {
    *head.method == Method::POST
        && head.version == Version::HTTP_2
        && head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"))
            .is_some_and(|suffix| matches!(suffix, [] | [b'+' | b';', ..]))
}

/// A body that holds `json` and `true`, where the type of the body is a known one; else the default
/// body and `false`.
fn body<B: Default + 'static>(json: &'static str) -> (B, bool) {
    let mut body = B::default();
    let slot: &mut dyn Any = &mut body;
    let filled = if let Some(full) = slot.downcast_mut::<Full<Bytes>>() {
        *full = Full::from(json);
        true
    } else if let Some(bytes) = slot.downcast_mut::<Bytes>() {
        *bytes = Bytes::from_static(json.as_bytes());
        true
    } else if let Some(text) = slot.downcast_mut::<String>() {
        json.clone_into(text);
        true
    } else if let Some(vec) = slot.downcast_mut::<Vec<u8>>() {
        *vec = json.into();
        true
    } else {
        axum_body(slot, json)
    };
    (body, filled)
}

#[cfg(feature = "axum")]
fn axum_body(slot: &mut dyn Any, json: &'static str) -> bool {
    let Some(body) = slot.downcast_mut::<axum_core::body::Body>() else {
        return false;
    };
    *body = json.into();
    true
}

#[cfg(not(feature = "axum"))]
fn axum_body(_: &mut dyn Any, _: &'static str) -> bool {
    false
}

/// Marks a refusal, whoever made its response: the rejection in the extensions is for outer layers,
/// the code in a header is for clients.
pub(crate) fn mark<B>(response: &mut Response<B>, rejection: Rejection) {
    response
        .headers_mut()
        .insert(REJECTION_HEADER, rejection.code_header());
    response.extensions_mut().insert(rejection);
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::rejection::RejectionKind;

    fn request(method: Method, version: Version, content_type: &'static str) -> Request<()> {
        Request::builder()
            .method(method)
            .version(version)
            .header(header::CONTENT_TYPE, content_type)
            .body(())
            .unwrap()
    }

    #[test]
    fn only_a_post_over_http2_with_the_grpc_type_is_grpc() {
        let call = |content_type| request(Method::POST, Version::HTTP_2, content_type);
        for grpc in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc; x=1",
            "application/grpc;x=1",
        ] {
            assert!(is_grpc((&call(grpc)).into()), "{grpc}");
        }
        for other in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpcx",
            "application/json",
        ] {
            assert!(!is_grpc((&call(other)).into()), "{other}");
        }
        for (method, version) in [
            (Method::GET, Version::HTTP_2),
            (Method::POST, Version::HTTP_11),
        ] {
            let request = request(method, version, "application/grpc");
            assert!(!is_grpc((&request).into()));
        }
    }

    #[test]
    fn known_bodies_hold_the_json_and_others_stay_empty() {
        let json = || Rejection::new(RejectionKind::NoActiveTenant).json();
        assert_eq!(body::<String>(json()), (json().to_owned(), true));
        assert_eq!(body::<Vec<u8>>(json()), (json().into(), true));
        assert_eq!(body::<Bytes>(json()), (Bytes::from(json()), true));
        assert!(body::<Full<Bytes>>(json()).1);
        assert_eq!(body::<()>(json()), ((), false));
        #[cfg(feature = "axum")]
        assert!(body::<axum_core::body::Body>(json()).1);
    }

    #[test]
    fn a_grpc_refusal_is_made_of_headers_and_is_not_stored() {
        let response = grpc(&Rejection::new(RejectionKind::ExpiredToken));
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], "16");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(
            response.headers()["grpc-message"],
            "the session token has expired"
        );
    }
}
