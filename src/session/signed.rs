use std::sync::Arc;

use super::session::Session;
use crate::{digest::Digest, jwt::key::VerifyingKey};

/// A refresh token whose signature was checked: the claims, the key that signed them, and the digest
/// by which it is found again.
///
/// It says nothing of the token's time, nor that its key is still in force: whoever finds one asks
/// for both.
#[derive(Debug)]
pub(crate) struct SignedToken {
    pub(crate) digest: Digest,
    pub(crate) session: Session,
    pub(crate) key: Arc<VerifyingKey>,
}

impl SignedToken {
    /// The memory that it takes, in bytes, roughly.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.session.heap_bytes()
    }
}
