//! Sessions that began in a browser by a sign-in here.

use super::{FamilyId, FamilyTable};
use crate::{
    digest::Digest,
    error::Error,
    rotation::{answer::KeptSession, family::FamilyStep},
};

impl<T: KeptSession> FamilyTable<T> {
    /// Notes that a family began with a sign-in, whose response writes the browser's cookies.
    pub(in crate::rotation) fn note_adopted(&mut self, id: FamilyId) {
        if let Some(entry) = self.families.get_mut(&id) {
            entry.adopted = true;
        }
    }

    /// Returns `true` if a token is of this family.
    pub(in crate::rotation) fn is_of(&self, token: Digest, id: FamilyId) -> bool {
        self.tokens.get(&token) == Some(&id)
    }

    /// The failure of a request of this family, which must not remove cookies if its user has signed in
    /// here with another session: the browser may have that one's.
    pub(in crate::rotation) fn sparing(&self, id: FamilyId, error: Error) -> Error {
        if error.removes_cookies() && self.has_signed_in_anew(id) {
            error.leaving_cookies()
        } else {
            error
        }
    }

    /// As [`sparing`](Self::sparing), for a decision.
    pub(super) fn sparing_step(&self, id: FamilyId, step: FamilyStep<T>) -> FamilyStep<T> {
        match step {
            FamilyStep::Refuse(error) => FamilyStep::Refuse(self.sparing(id, error)),
            step => step,
        }
    }

    fn has_signed_in_anew(&self, id: FamilyId) -> bool {
        let user = self.families.get(&id).map(|entry| entry.user);
        let others = user.and_then(|user| self.users.get(&user));
        let mut others = others.into_iter().flatten().filter(|other| **other != id);
        others.any(|other| {
            let other = self.families.get(other);
            other.is_some_and(|other| other.adopted && other.family.end().is_none())
        })
    }
}
