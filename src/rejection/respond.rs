use http::{Response, request::Parts};

use super::rejection::Rejection;

/// Makes the response of a refusal.
///
/// Closures `FnMut(R, &Parts) -> Response<B> + Clone` implement it. The reason `R` is a
/// [`Rejection`] for [`TenantLayer`](crate::TenantLayer::with_rejection_response), and a
/// [`Refusal`](crate::endpoint::Refusal) for
/// [`SelectTenant`](crate::SelectTenant::with_rejection_response) and
/// [`SessionRoutes`](crate::SessionRoutes::with_rejection_response), which have more reasons. The
/// header `x-descope-rejection` is added whoever makes the response, and by the layer the
/// [`Rejection`] in the response's extensions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make a refusal with the body type `{B}`",
    note = "a closure `|rejection: {R}, request: &Parts| -> Response<{B}>` can; in axum let it end \
            in `.into_response()`",
    note = "the default response needs a body type with `Default`"
)]
pub trait RejectionResponse<B, R = Rejection>: Clone {
    /// The response for a refused request, of which all but the body is at hand.
    fn rejection_response(&mut self, rejection: R, request: &Parts) -> Response<B>;
}

impl<F, B, R> RejectionResponse<B, R> for F
where
    F: FnMut(R, &Parts) -> Response<B> + Clone,
{
    fn rejection_response(&mut self, rejection: R, request: &Parts) -> Response<B> {
        self(rejection, request)
    }
}
