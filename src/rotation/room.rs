//! What gives way where a table is full.
//!
//! In this order, and within each step the oldest first: families of one user beyond the newest
//! few; what was verified of tokens, which saves a signature check and no more; users' records, then
//! session tokens, of kept answers; sessions that have ended at Descope too; families whose browser has shown its newest token; families with a successor that nobody
//! has presented for longer than the keep time. Only then what may sign somebody out: families
//! within their keep time, and sign-outs that Descope does not know of.
//!
//! Families in use stay, even above the bound: forgetting one could send its token twice, and they
//! are no more than there are requests.

use super::{
    answer::KeptSession,
    family::Family,
    table::{FamilyEntry, FamilyId, FamilyTable},
    users::UserKey,
};
use crate::clock::Now;

/// How many families one user has before they give way, whatever their age.
const FAMILIES_OF_A_USER: usize = 64;

/// Which part of a full table gives way at once, so that not each newcomer scans all of it.
const SHARE: usize = 8;

/// How much a family is worth; the least gives way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Descope knows of its end: forgetting it costs a call at most.
    Ended,
    /// Its browser has shown the newest token.
    Delivered,
    /// Its successor has not been presented for longer than the keep time.
    Undelivered,
    /// Within the keep time, and delivered.
    RecentlyDelivered,
    /// Within the keep time.
    Recent,
    /// Descope does not know that its user has signed out.
    SignedOut,
}

impl<T: KeptSession> FamilyTable<T> {
    /// Makes room after a user's new family, if the table is over a bound.
    pub(super) fn make_room_for(&mut self, user: UserKey, now: Now) {
        // An account that signs in all the time gives way to itself, without a look at the others.
        if !self.fits(0) {
            self.drop_surplus_of(user);
        }
        self.make_room(now);
    }

    /// Makes room, if the table is over a bound.
    pub(super) fn make_room(&mut self, now: Now) {
        if self.fits(0) {
            return;
        }
        self.purge(now);
        if self.fits(0) {
            return;
        }
        self.drop_surplus();
        // That was enough: nobody else's give way for the room of those to come.
        if self.fits(0) {
            return;
        }
        let mut idle: Vec<(Worth, u64, FamilyId)> = self
            .families
            .iter()
            .filter(|(_, entry)| !entry.is_busy())
            .map(|(id, entry)| (entry.worth(now), entry.used, *id))
            .collect();
        // Bytes first: no family is forgotten for the sake of a record.
        idle.sort_unstable_by_key(|(_, used, _)| *used);
        for let_go in [
            Family::drop_signed,
            Family::drop_record,
            Family::drop_answer,
        ] {
            for (_, _, id) in &idle {
                if self.has_bytes(SHARE) {
                    break;
                }
                self.with_family(*id, let_go);
            }
        }
        idle.sort_unstable();
        for (worth, _, id) in idle {
            let costly = worth >= Worth::RecentlyDelivered;
            // Of those whose loss may be felt, no more than must go.
            if self.fits(if costly { 0 } else { SHARE }) {
                break;
            }
            self.lost += usize::from(costly);
            self.remove(id);
        }
    }

    /// Forgets families of users who have too many.
    fn drop_surplus(&mut self) {
        let users = self.users.iter();
        let users = users.filter(|(_, families)| families.len() > FAMILIES_OF_A_USER);
        let users: Vec<_> = users.map(|(user, _)| *user).collect();
        for user in users {
            self.drop_surplus_of(user);
        }
    }

    /// Forgets a user's families beyond the newest few.
    fn drop_surplus_of(&mut self, user: UserKey) {
        let families = self.users.get(&user).map_or(&[][..], Vec::as_slice);
        let surplus = families.len().saturating_sub(FAMILIES_OF_A_USER);
        // In the order in which they came.
        let surplus: Vec<_> = families.iter().take(surplus).copied().collect();
        for id in surplus {
            if self.families.get(&id).is_some_and(|entry| !entry.is_busy()) {
                self.remove(id);
            }
        }
    }

    /// Returns `true` if the table is within its bounds, and one of `share` parts of each is free;
    /// with 0, none need be.
    fn fits(&self, share: usize) -> bool {
        let bound = self.bounds.families;
        self.families.len() <= bound - part(bound, share) && self.has_bytes(share)
    }

    fn has_bytes(&self, share: usize) -> bool {
        self.has_bytes_for(part(self.bounds.bytes, share))
    }

    /// Returns `true` if so much more is within the bound of bytes.
    pub(super) fn has_bytes_for(&self, more: usize) -> bool {
        self.bytes.saturating_add(more) <= self.bounds.bytes
    }
}

fn part(bound: usize, share: usize) -> usize {
    bound.checked_div(share).unwrap_or_default()
}

impl<T: KeptSession> FamilyEntry<T> {
    fn worth(&self, now: Now) -> Worth {
        let family = &self.family;
        let undelivered = family.chain().is_undelivered();
        match family.end() {
            Some(end) if end.is_settled() => Worth::Ended,
            Some(_) => Worth::SignedOut,
            None if family.is_in_keep_time(now) && undelivered => Worth::Recent,
            None if family.is_in_keep_time(now) => Worth::RecentlyDelivered,
            None if undelivered => Worth::Undelivered,
            None => Worth::Delivered,
        }
    }
}
