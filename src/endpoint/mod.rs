//! The response types of the crate's services, such as [`SelectTenant`](crate::SelectTenant),
//! [`SessionRoutes`](crate::SessionRoutes), [`ForwardAuth`](crate::ForwardAuth) and
//! [`RevocationWebhook`](crate::RevocationWebhook).
//!
//! All answer with a [`ResponseBody`] and never fail: what goes wrong is a response, too.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tower_descope::{SelectTenant, SessionRoutes, endpoint::ResponseBody};
//! use tower_service::Service;
//!
//! fn answers<S>()
//! where
//!     S: Service<Request<Full<bytes::Bytes>>, Response = Response<ResponseBody>, Error = Infallible>,
//! {
//! }
//! answers::<SelectTenant>();
//! answers::<SessionRoutes>();
//!
//! let body = ResponseBody::default();
//! assert_eq!(http_body::Body::size_hint(&body).exact(), Some(0));
//! ```

mod body;
mod form;
mod future;
mod kind;
mod media_type;
mod mount;
mod multipart;
mod redirect;
mod refusal;
mod refusal_response;
mod request;
mod success;

pub use self::{body::ResponseBody, future::ResponseFuture, refusal::Refusal};
pub(crate) use self::{
    form::form_fields,
    kind::RefusalKind,
    media_type::{FormEncoding, MediaType, may_be_of_a_form},
    mount::mount_prefix,
    redirect::{redirect, redirect_with},
    refusal_response::RefusalResponses,
    request::{json_object, read_at_most},
    success::{AnswerFields, SessionBody, finish, json_response},
};
