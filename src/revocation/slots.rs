//! The marks as a request looks for them: a table of numbers that is read without a lock.

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use super::mark::is_cut;

/// The slots of an empty table.
const LEAST: usize = 1 << 10;

/// The cut of what is refused whenever it began.
pub(super) const ALWAYS: u32 = u32::MAX;

/// Cuts by the numbers of names. What is found here may be another name's, if seldom, and is looked up
/// by its whole name then; what is not found is not marked.
///
/// One writer at a time; readers at any time. Half of the slots are free at least.
pub(super) struct Slots {
    /// In each the upper half of the number, and the cut; zero is free.
    table: Box<[AtomicU64]>,
    taken: AtomicU32,
    /// The newest cut of a tenant.
    pub(super) tenants: AtomicU32,
    /// The cut of everybody.
    pub(super) everybody: AtomicU32,
}

impl Slots {
    /// A table with room for so many.
    pub(super) fn with_room(marks: usize) -> Self {
        let len = (4 * marks).next_power_of_two().max(LEAST);
        Self {
            table: (0..len).map(|_| AtomicU64::new(0)).collect(),
            taken: AtomicU32::new(0),
            tenants: AtomicU32::new(0),
            everybody: AtomicU32::new(0),
        }
    }

    /// Returns `true` if one more mark needs a larger table.
    pub(super) fn is_full(&self) -> bool {
        2 * self.taken.load(Relaxed) as usize >= self.table.len()
    }

    /// Notes a cut, where there is none as late.
    pub(super) fn put(&self, key: u64, cut: u32) {
        let tag = tag(key);
        for slot in self.probe(key) {
            let there = slot.load(Relaxed);
            if there == 0 {
                slot.store(tag | u64::from(cut), Release);
                self.taken.fetch_add(1, Relaxed);
                return;
            }
            if there & TAG == tag {
                slot.store(tag | u64::from(cut_of(there).max(cut)), Release);
                return;
            }
        }
    }

    /// Returns `true` if there may be a mark by which a session is refused that was issued then.
    #[inline]
    pub(super) fn may_cut(&self, key: u64, issued: Option<f64>) -> bool {
        let tag = tag(key);
        for slot in self.probe(key) {
            let there = slot.load(Acquire);
            if there == 0 {
                return false;
            }
            if there & TAG == tag {
                return is_cut(issued, cut_of(there));
            }
        }
        false
    }

    /// The slots where a number may stand, in order.
    #[inline]
    fn probe(&self, key: u64) -> impl Iterator<Item = &AtomicU64> {
        let mask = self.table.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "the lower half chooses")]
        let start = key as usize;
        (0..=mask).filter_map(move |step| self.table.get(start.wrapping_add(step) & mask))
    }
}

const TAG: u64 = !0xffff_ffff;

fn tag(key: u64) -> u64 {
    key & TAG
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is the cut")]
fn cut_of(slot: u64) -> u32 {
    slot as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_found_and_nothing_else() {
        let slots = Slots::with_room(100);
        let key = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for number in 1..=100 {
            slots.put(key(number), 1_000);
        }
        assert!(!slots.is_full());
        for number in 1..=100 {
            assert!(slots.may_cut(key(number), Some(1_000.9)), "{number}");
            assert!(!slots.may_cut(key(number), Some(1_001.0)), "{number}");
            assert!(slots.may_cut(key(number), None), "{number}");
        }
        let others = (101..10_000).filter(|number| slots.may_cut(key(*number), Some(0.0)));
        assert_eq!(others.count(), 0);
    }

    #[test]
    fn the_later_cut_stands() {
        let slots = Slots::with_room(1);
        for cut in [5, 9, 7] {
            slots.put(42, cut);
        }
        assert!(slots.may_cut(42, Some(9.0)) && !slots.may_cut(42, Some(10.0)));
        assert_eq!(slots.taken.load(Relaxed), 1);
    }

    #[test]
    fn numbers_of_one_place_are_told_apart_by_their_upper_halves() {
        let slots = Slots::with_room(1);
        let at_the_end = LEAST as u64 - 1;
        let keys = [1_u64, 2, 3].map(|upper| upper << 32 | at_the_end);
        for (key, cut) in keys.into_iter().zip([10, 20, 30]) {
            slots.put(key, cut);
        }
        for (key, cut) in keys.into_iter().zip([10.0, 20.0, 30.0]) {
            assert!(slots.may_cut(key, Some(cut)) && !slots.may_cut(key, Some(cut + 1.0)));
        }
    }

    #[test]
    fn a_full_table_says_so_before_it_is() {
        let slots = Slots::with_room(1);
        for number in 0..LEAST as u64 / 2 {
            assert!(!slots.is_full());
            slots.put(number << 32 | number, ALWAYS);
        }
        assert!(slots.is_full());
    }
}
