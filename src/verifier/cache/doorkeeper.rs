//! Who may displace others while the cache is full: tokens that came before.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed},
};

use super::hash::TokenHash;

/// Remembers some of the tokens that found the cache full, one tag for each slot.
pub(super) struct Doorkeeper {
    pub(super) slots: Box<[AtomicU32]>,
    /// Coins are tossed by hashing their numbers.
    coin: RandomState,
    tosses: AtomicUsize,
}

impl Doorkeeper {
    /// `slots` is a power of two.
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots: (0..slots).map(|_| AtomicU32::default()).collect(),
            coin: RandomState::new(),
            tosses: AtomicUsize::default(),
        }
    }

    /// Returns `true` if this token came before, and not too many others since. If it did not, it is
    /// remembered, at every second time.
    pub(super) fn has_seen(&self, hash: TokenHash) -> bool {
        // Never 0, which is an empty slot.
        let tag = hash.tag() | 1;
        let Some(slot) = self.slots.get(hash.index(self.slots.len())) else {
            return false;
        };
        if slot.load(Relaxed) == tag {
            return true;
        }
        // By chance: of two tokens of one slot that come in turns, each would always find the other.
        let toss = self.tosses.fetch_add(1, Relaxed);
        if self.coin.hash_one(toss).is_multiple_of(2) {
            slot.store(tag, Relaxed);
        }
        false
    }
}
