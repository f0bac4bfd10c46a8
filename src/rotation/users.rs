//! Which users have families with a successor that nobody has presented yet.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        OnceLock,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
};

use crate::ids::UserId;

/// How many places there are for each family that may be known: users share one by chance, which
/// costs a look into the table.
const PLACES_PER_FAMILY: usize = 8;

/// Names a user, by a keyed hash of their id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct UserKey {
    hash: u64,
    pub(super) place: UserPlace,
}

/// The place that a user shares with others by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct UserPlace(u32);

/// A cheap first look at whether a user has such a family, without a lock: asked on each request
/// with a session, of which next to none has.
pub(super) struct UndeliveredUsers {
    random: RandomState,
    /// The number of families of each place's users. Made at the first one: most handles of a
    /// process that only verifies have none.
    places: OnceLock<Box<[AtomicU16]>>,
    /// A power of two.
    len: usize,
}

impl UndeliveredUsers {
    /// For so many families.
    pub(super) fn new(families: usize) -> Self {
        Self {
            random: RandomState::new(),
            places: OnceLock::new(),
            len: families
                .saturating_mul(PLACES_PER_FAMILY)
                .clamp(64, 1 << 20)
                .next_power_of_two(),
        }
    }

    pub(super) fn key(&self, user: &UserId) -> UserKey {
        UserKey {
            hash: self.random.hash_one(user.as_str()),
            place: self.place(user),
        }
    }

    /// The place of a user, from the end of their id, which is where ids differ. No keyed hash: this
    /// is on the way of each request with a session, and a place that is shared costs a look into
    /// the table and nothing else.
    #[inline]
    pub(super) fn place(&self, user: &UserId) -> UserPlace {
        // A large odd number, 2^64 divided by the golden ratio (Knuth), spreads what is alike.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let id = user.as_str().as_bytes();
        let end = match id.last_chunk::<8>() {
            Some(end) => u64::from_le_bytes(*end),
            None => id.iter().fold(0, |end, byte| (end << 8) | u64::from(*byte)),
        };
        let spread = end.wrapping_mul(SPREAD) >> 32;
        let mask = u64::try_from(self.len - 1).unwrap_or(u64::MAX);
        UserPlace(u32::try_from(spread & mask).unwrap_or_default())
    }

    /// Returns `true` if no family was ever counted in.
    #[inline]
    pub(super) fn is_unused(&self) -> bool {
        self.places.get().is_none()
    }

    /// Returns `false` if no user of a place has such a family; `true` may be about another
    /// one.
    #[inline]
    pub(super) fn may_have(&self, place: UserPlace) -> bool {
        let places = self.places.get();
        let count = places.and_then(|places| places.get(place.index()));
        count.is_some_and(|count| count.load(Relaxed) > 0)
    }

    /// Counts a family in.
    pub(super) fn add(&self, user: UserKey) {
        let places = self
            .places
            .get_or_init(|| (0..self.len).map(|_| AtomicU16::default()).collect());
        Self::change(places.get(user.place.index()), |count| count.checked_add(1));
    }

    /// Counts a family out.
    pub(super) fn remove(&self, user: UserKey) {
        let places = self.places.get();
        let place = places.and_then(|places| places.get(user.place.index()));
        // A place that is full has lost count, and stays as it is.
        Self::change(place, |count| match count {
            u16::MAX => None,
            count => count.checked_sub(1),
        });
    }

    fn change(place: Option<&AtomicU16>, to: impl Fn(u16) -> Option<u16>) {
        if let Some(place) = place {
            // Refused where the count would leave its bounds.
            let _ = place.fetch_update(Relaxed, Relaxed, to);
        }
    }
}

impl UserPlace {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Shows no count: one of it is no state that a decision depends on.
impl fmt::Debug for UndeliveredUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UndeliveredUsers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_in_here_as_often_as_counted_in() {
        let users = UndeliveredUsers::new(1_000);
        let [ann, bob] = ["U1", "U2"].map(|id| users.key(&UserId::from_claim(id).unwrap()));
        assert!(!users.may_have(ann.place), "nobody yet");
        users.remove(ann);
        users.add(ann);
        users.add(ann);
        assert!(users.may_have(ann.place));
        users.remove(ann);
        assert!(users.may_have(ann.place), "the other family");
        users.remove(ann);
        assert!(!users.may_have(ann.place) && !users.may_have(bob.place));
    }

    #[test]
    fn a_place_that_is_full_stays_so() {
        let users = UndeliveredUsers::new(1);
        let ann = users.key(&UserId::from_claim("U1").unwrap());
        for _ in 0..70_000 {
            users.add(ann);
        }
        for _ in 0..70_000 {
            users.remove(ann);
        }
        assert!(users.may_have(ann.place));
    }
}
