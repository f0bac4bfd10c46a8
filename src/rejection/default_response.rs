use std::marker::PhantomData;

use http::{Response, request::Parts};

use super::{rejection::Rejection, respond::RejectionResponse, response};

/// The default refusal: status, challenge, and small JSON
/// (`{"error": "…", "error_description": "…"}`) where the body type is one of axum's `Body`,
/// `Full<Bytes>`, `Bytes`, `String` or `Vec<u8>`; other bodies stay empty. gRPC calls are refused
/// trailers-only.
#[derive(Clone, Debug, Default)]
pub struct DefaultRejectionResponse {
    _private: PhantomData<()>,
}

impl<B: Default + 'static> RejectionResponse<B> for DefaultRejectionResponse {
    fn rejection_response(&mut self, rejection: Rejection, request: &Parts) -> Response<B> {
        if response::is_grpc(request.into()) {
            return response::grpc(&rejection).map(|()| B::default());
        }
        response::plain(&rejection)
    }
}
