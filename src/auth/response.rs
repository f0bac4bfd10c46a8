use std::marker::PhantomData;

use http::{Response, request::Parts};

use crate::rejection::{self, Rejection};

/// Makes the response of a refusal.
///
/// Closures `FnMut(Rejection, &Parts) -> Response<B> + Clone` implement it; see
/// [`TenantLayer::with_rejection_response`](super::TenantLayer::with_rejection_response). The
/// layer itself adds the header `x-descope-rejection` and the [`Rejection`] in the response's
/// extensions, whoever makes the response.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make a refusal with the body type `{B}`",
    note = "a closure `|rejection: Rejection, request: &Parts| -> Response<{B}>` can; in axum let it \
            end in `.into_response()`",
    note = "the default response needs a body type with `Default`"
)]
pub trait RejectionResponse<B>: Clone {
    /// The response for a refused request, of which all but the body is at hand.
    fn rejection_response(&mut self, rejection: Rejection, request: &Parts) -> Response<B>;
}

impl<F, B> RejectionResponse<B> for F
where
    F: FnMut(Rejection, &Parts) -> Response<B> + Clone,
{
    fn rejection_response(&mut self, rejection: Rejection, request: &Parts) -> Response<B> {
        self(rejection, request)
    }
}

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
        if rejection::response::is_grpc(request.into()) {
            return rejection::response::grpc(&rejection).map(|()| B::default());
        }
        rejection::response::plain(&rejection)
    }
}
