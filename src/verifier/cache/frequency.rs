//! How often tokens come that find the cache full: one that comes more often than a session is used
//! takes its place.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
};

use super::hash::TokenHash;

/// The bits of a slot that count; the others are the token's tag.
const COUNT: u32 = 0xff;

/// Counts some of the tokens that found the cache full, one to a slot. Of those that share a slot the
/// one that comes most often is counted in the end (as in the sketch `HeavyKeeper`), so tokens that come
/// once push nobody out. Threads that count at once may lose a count, which does no harm.
pub(super) struct Frequencies {
    pub(super) slots: Box<[AtomicU32]>,
    /// Coins are tossed by hashing their numbers.
    coin: RandomState,
    tosses: AtomicUsize,
}

impl Frequencies {
    /// `slots` is a power of two.
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots: (0..slots).map(|_| AtomicU32::default()).collect(),
            coin: RandomState::new(),
            tosses: AtomicUsize::default(),
        }
    }

    /// Counts a token, and returns how often it has come; 1 if nothing is known of it.
    pub(super) fn count(&self, hash: TokenHash) -> u8 {
        let tag = hash.tag() & !COUNT;
        let Some(slot) = self.slots.get(hash.index(self.slots.len())) else {
            return 1;
        };
        let old = slot.load(Relaxed);
        let (other, count) = (old & !COUNT, old & COUNT);
        if other == tag && count > 0 {
            let count = (count + 1).min(COUNT);
            slot.store(tag | count, Relaxed);
            return u8::try_from(count).unwrap_or(u8::MAX);
        }
        // By chance: of two tokens of one slot that come in turns, each would always find the other.
        let toss = self.tosses.fetch_add(1, Relaxed);
        if self.coin.hash_one(toss).is_multiple_of(2) {
            let left = count.saturating_sub(1);
            let taken = left == 0;
            slot.store(if taken { tag | 1 } else { other | left }, Relaxed);
        }
        1
    }

    /// Halves the counts of one part of so many.
    pub(super) fn halve(&self, part: usize, parts: usize) {
        let len = self.slots.len().div_ceil(parts);
        for slot in self.slots.iter().skip(part * len).take(len) {
            let old = slot.load(Relaxed);
            slot.store(old & !COUNT | ((old & COUNT) / 2), Relaxed);
        }
    }
}
