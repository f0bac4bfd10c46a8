//! The marks by which a session may be refused.

use std::sync::{Arc, atomic::AtomicU64};

use crate::{
    jwt::claims::Claims,
    revocation::{MarkKeys, RevocationView},
};

/// The marks that the handle knows that verified a session, and the numbers to find them by.
pub(super) struct SessionMarks {
    pub(super) view: Arc<RevocationView>,
    pub(super) keys: MarkKeys,
    /// The number of marks up to which none is about the session.
    pub(super) cleared_of: AtomicU64,
}

impl SessionMarks {
    pub(super) fn new(view: &Arc<RevocationView>, claims: &Claims) -> Self {
        Self {
            view: Arc::clone(view),
            keys: MarkKeys::new(&claims.user, claims.table.payload()),
            cleared_of: AtomicU64::new(0),
        }
    }
}
