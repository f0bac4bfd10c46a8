//! The handle to one Descope project: its configuration, and the one door to everything below.

mod authenticate;
mod build;
mod builder;
mod handle;
mod select;

pub(crate) use self::authenticate::{Authentication, PendingSession, RefreshRefusal};
pub use self::{builder::DescopeBuilder, handle::Descope};
