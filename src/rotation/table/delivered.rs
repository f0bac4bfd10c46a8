//! Delivery: browsers have received the tokens that they show.

use super::FamilyTable;
use crate::{clock::Now, digest::Digest, rotation::answer::KeptSession};

impl<T: KeptSession> FamilyTable<T> {
    /// Notes that a token was presented by a request that needs nothing of its family. Returns
    /// `true` if there is a successor for it.
    pub(in crate::rotation) fn present(&mut self, digest: Digest, now: Now) -> bool {
        let Some(id) = self.tokens.get(&digest).copied() else {
            return false;
        };
        let Some(entry) = self.families.get_mut(&id) else {
            return false;
        };
        let delivered = entry.family.present(digest, now);
        let replaced = entry.is_replaced(digest, now);
        self.note_delivered(delivered);
        self.count(id);
        replaced
    }

    pub(super) fn note_delivered(&mut self, token: Option<Digest>) {
        if let (Some(delivered), Some(token)) = (&mut self.delivered, token) {
            delivered.push(token);
        }
    }

    /// Returns `true` if a token has a successor here that is in force.
    pub(in crate::rotation) fn is_replaced(&self, digest: Digest, now: Now) -> bool {
        let id = self.tokens.get(&digest);
        let entry = id.and_then(|id| self.families.get(id));
        entry.is_some_and(|entry| entry.is_replaced(digest, now))
    }
}
