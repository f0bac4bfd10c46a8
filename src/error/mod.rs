//! The errors of configuring this crate and of calling Descope.
//!
//! [`Error`] is about this crate and Descope; why a *request* was refused is a
//! [`Rejection`](crate::Rejection). Both are opaque, with a `#[non_exhaustive]` kind to match on,
//! so that detail can be added without breaking anybody. An error is cheap to clone, since many
//! waiting requests may share one failed call.

mod error;
mod kind;
mod verdict;

pub(crate) use self::verdict::UpstreamVerdict;
pub use self::{error::Error, kind::ErrorKind};
