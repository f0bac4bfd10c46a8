//! The standing of a session.

use std::time::Duration;

use crate::rejection::{Rejection, RejectionKind};

/// The `Retry-After` while it is not known which sessions are refused.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The standing of a session, its time aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Revoked,
    /// There may be marks that are not known here.
    Unknown,
}

impl Standing {
    #[inline]
    pub(crate) fn verdict(self) -> Result<(), Rejection> {
        match self {
            Self::Good => Ok(()),
            Self::Revoked => Err(Rejection::new(RejectionKind::SessionRevoked)),
            Self::Unknown => Err(Rejection::revocation_unavailable(RETRY_AFTER)),
        }
    }
}
