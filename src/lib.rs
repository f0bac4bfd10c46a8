//! placeholder
#![allow(dead_code)]

mod clock;
mod error;
mod ids;
mod rejection;
mod token;

pub use error::{Error, ErrorKind};
pub use ids::{TenantId, UserId};
pub use rejection::{Rejection, RejectionKind};
pub use token::{RefreshToken, SessionToken};

/// Test tools.
#[cfg(feature = "test-util")]
pub mod test_util {
    pub use crate::clock::TestClock;
}
