//! The keys that came and got nothing, in the order in which they first came. It is pure.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use crate::{clock::Now, digest::Digest};

/// A key keeps its place in the order as long as it comes again within this time. Ten made-up keys
/// a second can so hold no more than a hundred places, however long they have been coming.
pub(super) const PLACE_KEPT: Duration = Duration::from_secs(10);

/// The time for which it is remembered that a key came.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// The most keys that came once, and the most that came again.
const CAPACITY: usize = 10_000;

/// The keys that wait for their first session. Those that came once are kept apart from those that
/// came again: made-up keys that are each sent once drive out only their like, and hold no place
/// before a key whose owner asks again.
#[derive(Debug, Default)]
pub(super) struct WaitingKeys {
    keys: HashMap<Digest, WaitingKey>,
    /// By place. The first one gives way where there are too many.
    once: BTreeMap<u64, Digest>,
    /// The keys that came again, by place. The last one gives way where there are too many.
    line: BTreeMap<u64, Digest>,
    /// The number of places so far.
    places: u64,
}

#[derive(Clone, Copy, Debug)]
struct WaitingKey {
    place: u64,
    seen: Now,
    is_in_line: bool,
}

impl WaitingKeys {
    /// Returns a place at the end.
    pub(super) fn new_place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    /// Returns `true` if no key waits.
    pub(super) fn is_empty(&mut self, now: &Now) -> bool {
        while let Some((&place, digest)) = self.line.first_key_value()
            && self.unseen_for(digest, now) >= PLACE_KEPT
        {
            self.leave_line(place);
        }
        while let Some((_, digest)) = self.once.first_key_value()
            && self.unseen_for(digest, now) >= REMEMBERED
        {
            let digest = *digest;
            self.remove(&digest);
        }
        self.keys.is_empty()
    }

    /// Notes a key that came for the first time and got nothing.
    pub(super) fn came(&mut self, digest: Digest, now: &Now) {
        // A key has one place: another one would stay behind when it leaves.
        self.remove(&digest);
        let place = self.new_place();
        let key = WaitingKey {
            place,
            seen: *now,
            is_in_line: false,
        };
        self.keys.insert(digest, key);
        self.insert_once(place, digest);
    }

    /// Returns `true` if a key came before, and notes that it comes again.
    pub(super) fn comes_again(&mut self, digest: Digest, now: &Now) -> bool {
        let unseen_for = self.unseen_for(&digest, now);
        let Some(place) = self.remove(&digest) else {
            return false;
        };
        if unseen_for >= REMEMBERED {
            return false;
        }
        // Else whoever sends thousands of keys once would have a place before all others later on.
        let place = if unseen_for < PLACE_KEPT {
            place
        } else {
            self.new_place()
        };
        self.join_line(digest, place, now);
        true
    }

    /// Puts a key into the line, at a place that it had before.
    pub(super) fn join_line(&mut self, digest: Digest, place: u64, now: &Now) {
        self.remove(&digest);
        let key = WaitingKey {
            place,
            seen: *now,
            is_in_line: true,
        };
        self.keys.insert(digest, key);
        self.line.insert(place, digest);
        if self.line.len() > CAPACITY
            && let Some((&last, _)) = self.line.last_key_value()
        {
            self.leave_line(last);
        }
    }

    /// Returns `true` if a key is among the first `places` of the line. A key that has not come
    /// again in time does not count, and leaves the line.
    pub(super) fn is_among_first(&mut self, digest: &Digest, places: usize, now: &Now) -> bool {
        let mut gone = Vec::new();
        let mut present = 0;
        let mut found = false;
        for (&place, other) in &self.line {
            if found || present == places {
                break;
            }
            if self.unseen_for(other, now) >= PLACE_KEPT {
                gone.push(place);
            } else {
                found = other == digest;
                present += 1;
            }
        }
        for place in gone {
            self.leave_line(place);
        }
        found
    }

    /// Forgets a key, and returns the place that it had.
    pub(super) fn remove(&mut self, digest: &Digest) -> Option<u64> {
        let key = self.keys.remove(digest)?;
        if key.is_in_line {
            self.line.remove(&key.place);
        } else {
            self.once.remove(&key.place);
        }
        Some(key.place)
    }

    /// From now on the key is one that came once.
    fn leave_line(&mut self, place: u64) {
        let Some(digest) = self.line.remove(&place) else {
            return;
        };
        if let Some(key) = self.keys.get_mut(&digest) {
            key.is_in_line = false;
        }
        self.insert_once(place, digest);
    }

    fn insert_once(&mut self, place: u64, digest: Digest) {
        self.once.insert(place, digest);
        if self.once.len() > CAPACITY
            && let Some((_, first)) = self.once.pop_first()
        {
            self.keys.remove(&first);
        }
    }

    fn unseen_for(&self, digest: &Digest, now: &Now) -> Duration {
        let key = self.keys.get(digest);
        key.map_or(Duration::MAX, |key| now.since(&key.seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now {
            wall: Duration::from_secs(1_795_000_000 + seconds),
            mono: Duration::from_secs(1_000 + seconds),
        }
    }

    fn digest(number: u32) -> Digest {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Digest::from(bytes)
    }

    #[test]
    fn the_line_is_in_the_order_in_which_keys_first_came() {
        let mut waiting = WaitingKeys::default();
        for key in 1..=3 {
            waiting.came(digest(key), &at(0));
        }
        for key in [3, 2, 1] {
            assert!(waiting.comes_again(digest(key), &at(1)));
        }
        assert!(waiting.is_among_first(&digest(1), 1, &at(1)));
        assert!(!waiting.is_among_first(&digest(2), 1, &at(1)));
        assert!(waiting.is_among_first(&digest(2), 2, &at(1)));
        assert!(!waiting.is_among_first(&digest(3), 0, &at(1)));
    }

    #[test]
    fn a_key_that_stays_away_loses_its_place_but_is_still_one_that_came_before() {
        let mut waiting = WaitingKeys::default();
        for key in 1..=2 {
            waiting.came(digest(key), &at(0));
            waiting.comes_again(digest(key), &at(1));
        }
        waiting.comes_again(digest(2), &at(10));
        assert!(waiting.is_among_first(&digest(2), 1, &at(11)));
        assert!(waiting.comes_again(digest(1), &at(12)));
        assert!(!waiting.is_among_first(&digest(1), 1, &at(12)));
        assert!(waiting.is_among_first(&digest(1), 2, &at(12)));
    }

    #[test]
    fn keys_that_came_once_hold_no_place_and_are_forgotten_in_the_end() {
        let mut waiting = WaitingKeys::default();
        waiting.came(digest(1), &at(0));
        waiting.came(digest(2), &at(0));
        assert!(waiting.comes_again(digest(2), &at(1)));
        assert!(waiting.is_among_first(&digest(2), 1, &at(1)));
        assert!(!waiting.is_empty(&at(899)));
        assert!(waiting.is_empty(&at(901)));
        assert!(!waiting.comes_again(digest(1), &at(901)));
    }

    #[test]
    fn neither_many_keys_nor_repeated_ones_take_more_memory_than_that_of_the_capacity() {
        let mut waiting = WaitingKeys::default();
        waiting.came(digest(0), &at(0));
        assert!(waiting.comes_again(digest(0), &at(0)));
        for key in 1..30_000 {
            waiting.came(digest(key), &at(1));
            if key % 2 == 0 {
                waiting.comes_again(digest(key), &at(1));
            }
        }
        assert_eq!(waiting.line.len(), CAPACITY);
        assert_eq!(waiting.once.len(), CAPACITY);
        assert_eq!(waiting.keys.len(), 2 * CAPACITY);
        assert!(waiting.is_among_first(&digest(0), 1, &at(1)));
    }

    #[test]
    fn a_key_that_is_let_through_waits_no_more() {
        let mut waiting = WaitingKeys::default();
        waiting.came(digest(1), &at(0));
        let place = waiting.remove(&digest(1)).unwrap();
        assert!(waiting.is_empty(&at(0)));
        assert!(!waiting.comes_again(digest(1), &at(0)));
        waiting.came(digest(2), &at(0));
        waiting.comes_again(digest(2), &at(0));
        // Its exchange failed; and another one that had counted as lost.
        waiting.join_line(digest(1), place, &at(1));
        assert!(waiting.is_among_first(&digest(1), 1, &at(1)));
        waiting.join_line(digest(1), 7, &at(1));
        assert!(waiting.is_among_first(&digest(2), 1, &at(1)));
        assert_eq!((waiting.keys.len(), waiting.line.len()), (2, 2));
        assert!(waiting.is_empty(&at(2_000)));
    }
}
