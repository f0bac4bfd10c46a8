//! Sign-outs that Descope may not know of, beyond those of the families themselves.

use std::time::SystemTime;

use super::FamilyTable;
use crate::{
    clock::Now,
    digest::Digest,
    rotation::{answer::KeptSession, family::Family, users::UserKey},
};

/// How many tokens that could not be verified are remembered as signed out.
const MAX_SIGNED_OUT: usize = 4_096;

impl<T: KeptSession> FamilyTable<T> {
    /// Notes that a user signs out everywhere. Returns the number of that; `None` if too many users do.
    pub(in crate::rotation) fn sign_out_everywhere(
        &mut self,
        user: UserKey,
        now: Now,
    ) -> Option<u64> {
        let known = self.everywhere.contains(user);
        let number = self.everywhere.insert(user, now);
        if number.is_some() && !known {
            self.undelivered.add(user);
        }
        for id in self.users.get(&user).cloned().unwrap_or_default() {
            self.with_family(id, |family| family.sign_out_everywhere(now));
        }
        number
    }

    /// Notes that Descope knows of a user's sign-out everywhere, and so of those that came before it.
    pub(in crate::rotation) fn confirm_everywhere(&mut self, user: UserKey, number: u64) {
        if !self.end_everywhere(user, |other| other <= number) {
            return;
        }
        for id in self.users.get(&user).cloned().unwrap_or_default() {
            self.with_family(id, Family::signed_out_everywhere);
        }
    }

    /// Notes that some of a user's sign-outs everywhere need not be sent any more. Returns `true` if none is
    /// left.
    pub(in crate::rotation) fn end_everywhere(
        &mut self,
        user: UserKey,
        is_over: impl Fn(u64) -> bool,
    ) -> bool {
        let none_left = self.everywhere.end(user, is_over);
        if none_left {
            self.undelivered.remove(user);
        }
        none_left
    }

    /// Returns `true` while a user's sign-out everywhere is to be sent.
    pub(in crate::rotation) fn is_signing_out_everywhere(&self, user: UserKey) -> bool {
        self.everywhere.contains(user)
    }

    /// Returns `true` while this one of them is.
    pub(in crate::rotation) fn is_pending_everywhere(&self, user: UserKey, number: u64) -> bool {
        self.everywhere.is_pending(user, number)
    }

    /// Returns `true` if a user has signed out everywhere since a token was issued, as far as
    /// Descope does not know it yet.
    pub(in crate::rotation) fn is_signed_out(
        &self,
        user: UserKey,
        issued_at: Option<SystemTime>,
    ) -> bool {
        self.everywhere.covers(user, issued_at)
    }

    /// Signs out the family of a token, if it is known here. Returns `true` if it is.
    pub(in crate::rotation) fn sign_out_known(&mut self, digest: Digest, now: Now) -> bool {
        let Some(id) = self.tokens.get(&digest).copied() else {
            return false;
        };
        self.with_family(id, |family| family.sign_out(now))
            .is_some()
    }

    /// Signs out the family of a token that nobody could verify. One that is not known here is
    /// remembered as long as not too many others come.
    pub(in crate::rotation) fn sign_out_unverified(&mut self, digest: Digest, now: Now) {
        if !self.sign_out_known(digest, now) && !self.signed_out.contains(&digest) {
            self.signed_out.push_back(digest);
            if self.signed_out.len() > MAX_SIGNED_OUT {
                self.signed_out.pop_front();
            }
        }
    }
}
