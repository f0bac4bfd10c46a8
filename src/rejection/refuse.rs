//! What layers do with a refusal, whoever made its response.

use http::{HeaderValue, Response, StatusCode, header, request::Parts};

use super::{rejection::Rejection, respond::RejectionResponse, response::mark};

/// The response of a refusal, marked as one.
pub(crate) fn refuse<B, R: RejectionResponse<B>>(
    shaper: &mut R,
    request: &Parts,
    rejection: Rejection,
) -> Response<B> {
    let mut response = shaper.rejection_response(rejection.clone(), request);
    mark(&mut response, rejection);
    response
}

/// Makes a response one that sends a browser on to another page, which it asks for by GET.
pub(crate) fn send_on<B>(response: &mut Response<B>, location: HeaderValue) {
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.remove(header::WWW_AUTHENTICATE);
    headers.remove(header::RETRY_AFTER);
    headers.insert(header::LOCATION, location);
    headers.insert(
        header::CACHE_CONTROL,
        const { HeaderValue::from_static("no-store") },
    );
    // What tells a navigation from a program.
    headers.append(
        header::VARY,
        const { HeaderValue::from_static("Accept, Sec-Fetch-Mode") },
    );
}
