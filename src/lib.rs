//! placeholder
#![allow(dead_code, unused_imports)]

mod clock;
mod error;
mod ids;
mod jwt;
mod membership;
mod rejection;
mod session;
mod tenant;
mod token;

pub use error::{Error, ErrorKind};
pub use ids::{TenantId, UserId};
pub use membership::Membership;
pub use rejection::{Rejection, RejectionKind};
pub use session::{Session, TenantClaims};
pub use tenant::ActiveTenant;
pub use token::{RefreshToken, SessionToken};

/// Test tools.
#[cfg(feature = "test-util")]
pub mod test_util {
    pub use crate::clock::TestClock;
}
