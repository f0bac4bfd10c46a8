//! The handle to one Descope project: its configuration, and the one door to everything below.

mod authenticate;
mod builder;
mod handle;
mod select;

pub use self::{builder::DescopeBuilder, handle::Descope};
pub(crate) use self::authenticate::{Authentication, PendingSession, RefreshRefusal};
