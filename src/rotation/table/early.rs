//! Requests beside a good session, whose refresh token need not be looked at.

use std::time::SystemTime;

use super::FamilyTable;
use crate::{
    clock::Now,
    digest::Digest,
    rotation::{answer::KeptSession, users::UserKey},
};

impl<T: KeptSession> FamilyTable<T> {
    /// Returns `true`, and notes that the token was presented, if it is the current one of a family of
    /// this user's of which there is nothing to be had: no call may be made for the holder of a
    /// session that lives until `session_end`, and no answer is newer. `slowed_down` is true while
    /// Descope asks for that.
    pub(in crate::rotation) fn rests(
        &mut self,
        digest: Digest,
        user: UserKey,
        session_end: SystemTime,
        slowed_down: bool,
        now: Now,
    ) -> bool {
        let id = self.tokens.get(&digest);
        let Some(entry) = id.and_then(|id| self.families.get_mut(id)) else {
            return false;
        };
        let rests = entry.user == user
            && !self.everywhere.contains(user)
            && entry.family.rests(digest, session_end, slowed_down, now);
        if rests {
            entry.used = self.arrivals;
            self.present(digest, now);
        }
        rests
    }
}
