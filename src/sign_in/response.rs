//! Sign-ins and sign-outs as parts of axum's responses.

use std::convert::Infallible;

use axum_core::{
    body::Body,
    response::{IntoResponse, IntoResponseParts, Response, ResponseParts},
};

use super::{refusal::SignInRefusal, signed_in::SignedIn, signed_out::SignedOut};

/// Writes the session's cookies; see [`SignedIn::set_cookies`].
impl IntoResponseParts for SignedIn {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.set_cookies(response.headers_mut());
        Ok(response)
    }
}

/// Removes the session's cookies; see [`SignedOut::set_cookies`].
impl IntoResponseParts for SignedOut {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.set_cookies(response.headers_mut());
        Ok(response)
    }
}

impl IntoResponse for SignInRefusal {
    fn into_response(self) -> Response {
        let response = self.into_refusal().into_response();
        response.map(Body::new)
    }
}
