//! A cheap first look at whether any refresh token of a user was rotated a moment ago.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use crate::{
    clock::{Now, whole_seconds},
    ids::UserId,
};

/// How many places there are; users share one by chance, which costs a look into the table.
const PLACES: usize = 4_096;

/// Asked on each request that could be renewed, of which next to none has a user who is in here.
pub(super) struct RecentRotations {
    state: RandomState,
    /// When a token of one of its users was replaced last, in seconds since the Unix epoch.
    places: Box<[AtomicU32]>,
}

impl RecentRotations {
    pub(super) fn new() -> Self {
        Self {
            state: RandomState::new(),
            places: (0..PLACES).map(|_| AtomicU32::default()).collect(),
        }
    }

    pub(super) fn note(&self, user: &UserId, now: Now) {
        if let Some(place) = self.place(user) {
            place.store(whole_seconds(now.wall), Relaxed);
        }
    }

    /// Returns `false` if none of the user's tokens was rotated less than `keep` ago; `true` may be
    /// about another user who shares the place.
    pub(super) fn may_have(&self, user: &UserId, keep: Duration, now: Now) -> bool {
        self.place(user).is_some_and(|place| {
            let ago = whole_seconds(now.wall).abs_diff(place.load(Relaxed));
            u64::from(ago) <= keep.as_secs()
        })
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "any bits of a hash will do"
    )]
    fn place(&self, user: &UserId) -> Option<&AtomicU32> {
        let hash = self.state.hash_one(user.as_str()) as usize;
        self.places.get(hash % PLACES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        let time = Duration::from_secs(seconds);
        Now {
            wall: time,
            mono: time,
        }
    }

    #[test]
    fn a_user_is_in_here_for_the_keep_time() {
        let recent = RecentRotations::new();
        let keep = Duration::from_secs(60);
        let [ann, bob] = ["U1", "U2"].map(|id| UserId::from_claim(id).unwrap());
        assert!(!recent.may_have(&ann, keep, at(1_000)), "never");
        recent.note(&ann, at(1_000));
        for second in [1_000, 1_001, 1_060] {
            assert!(recent.may_have(&ann, keep, at(second)), "{second}");
        }
        assert!(!recent.may_have(&ann, keep, at(1_061)));
        // A clock that was set back does not keep anybody in here.
        assert!(!recent.may_have(&ann, keep, at(900)));
        recent.note(&bob, at(2_000));
        assert!(recent.may_have(&bob, keep, at(2_030)));
    }
}
