//! Tokens that need not be verified again, as long as their families are remembered.

use std::sync::Arc;

use super::{FamilyId, FamilyTable};
use crate::{
    digest::Digest,
    rotation::{answer::KeptSession, family::Family},
    session::SignedToken,
};

impl<T: KeptSession> FamilyTable<T> {
    /// Returns a token as it was verified, if its family remembers it.
    pub(in crate::rotation) fn signed(&self, digest: Digest) -> Option<Arc<SignedToken>> {
        let id = self.tokens.get(&digest)?;
        self.families.get(id)?.family.signed(digest).cloned()
    }

    /// Notes what was verified of a family's token. It saves a signature check and no more, so it is
    /// left out where something else would have to give way for it.
    pub(super) fn note_signed(&mut self, id: FamilyId, token: &Arc<SignedToken>) {
        if self.has_bytes_for(token.size()) {
            self.with_family(id, |family| Family::note_signed(family, token));
        }
    }
}
