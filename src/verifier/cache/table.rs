//! The buckets of the cache, and what is common to them.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{
    bucket::Bucket,
    budget::{Bounds, Budget},
    entry::Entry,
    frequency::Frequencies,
    hash::{Seed, TokenHash},
    kept::TokenForm,
};
use crate::{jwt::key::VerifyingKey, session::Session};

/// The entries of a bucket in a full cache: at most so many on average, and at least half of it,
/// since the number of buckets is a power of two.
const PER_BUCKET: usize = 64;

/// The least that a session takes. The number of buckets follows from it where bytes are the tighter
/// bound.
const LEAST_BYTES: usize = 1_024;

/// How many buckets the hand passes to make room for a token that came before. If that is not
/// enough, because all of their entries are used more often, the token is not kept.
const STEPS: usize = 4;

/// How many it passes, looking for expired entries only, for a token that may never come again.
const STEPS_FOR_NEW: usize = 1;

/// In each lap of this number uses and counts are halved: after 8 to 16 misses for each entry.
const FADING_LAP: usize = 512;

pub(super) struct Table {
    seed: Seed,
    form: TokenForm,
    pub(super) buckets: Box<[Bucket]>,
    pub(super) budget: Budget,
    pub(super) frequencies: Frequencies,
    /// The steps of the hand so far; it points to the bucket of that number, counted round and
    /// round.
    hand: AtomicUsize,
}

impl Table {
    /// An empty table; `None` if the bounds leave room for nothing.
    pub(super) fn new(bounds: Bounds) -> Option<Self> {
        let entries = bounds.entries.min(bounds.bytes / LEAST_BYTES);
        if entries == 0 {
            return None;
        }
        let count = entries.div_ceil(PER_BUCKET).next_power_of_two();
        let buckets: Box<[Bucket]> = (0..count).map(|_| Bucket::default()).collect();
        let frequencies = Frequencies::new(count * PER_BUCKET);
        let fixed = size_of_val(&*buckets) + size_of_val(&*frequencies.slots);
        let random = RandomState::new();
        Some(Self {
            seed: ["seed", "salt"].map(|name| random.hash_one(name)),
            form: if bounds.compact {
                TokenForm::WithoutPayload
            } else {
                TokenForm::Whole
            },
            buckets,
            budget: Budget::new(bounds, fixed),
            frequencies,
            hand: AtomicUsize::default(),
        })
    }

    /// See [`SessionCache::find`](super::SessionCache::find).
    #[inline]
    pub(super) fn find<T>(
        &self,
        token: &[u8],
        read: impl FnOnce(&Session, &Arc<VerifyingKey>) -> T,
    ) -> Option<T> {
        let hash = TokenHash::of(token, self.seed)?;
        let entries = self.bucket(hash)?.try_read()?;
        let tag = hash.tag();
        let entry = entries
            .iter()
            .find(|entry| entry.is_of(tag, token, self.form))?;
        entry.note_use();
        Some(read(&entry.session, &entry.key))
    }

    /// See [`SessionCache::keep`](super::SessionCache::keep).
    pub(super) fn keep(
        &self,
        token: &[u8],
        session: &Session,
        key: &Arc<VerifyingKey>,
        now: Duration,
    ) {
        let Some(hash) = TokenHash::of(token, self.seed) else {
            return;
        };
        let Some(bucket) = self.bucket(hash) else {
            return;
        };
        let Some(kept) = self.form.keep(token) else {
            return;
        };
        let bytes = Entry::size(&kept, session);
        let mut count = 0;
        if !self.budget.reserve(bytes) {
            count = self.frequencies.count(hash);
            if !self.make_room(count, bytes, now) {
                return;
            }
        }
        let entry = Entry::new(hash.tag(), kept, session, key, bytes, count);
        if let Some(replaced) = bucket.put(token, self.form, entry, now) {
            self.budget.release(replaced.bytes());
        }
    }

    #[inline]
    fn bucket(&self, hash: TokenHash) -> Option<&Bucket> {
        self.buckets.get(hash.index(self.buckets.len()))
    }

    /// Evicts entries until the budget has room for one of so many bytes, whose token has come so often
    /// while there was none, and counts that in. Returns `false` if the token must do without.
    fn make_room(&self, count: u8, bytes: usize, now: Duration) -> bool {
        let returning = count > 1;
        let steps = if returning {
            STEPS.min(self.buckets.len())
        } else {
            STEPS_FOR_NEW
        };
        for _ in 0..steps {
            let hand = self.hand.fetch_add(1, Relaxed);
            let (lap, next) = (hand / self.buckets.len(), hand & (self.buckets.len() - 1));
            let Some(bucket) = self.buckets.get(next) else {
                return false;
            };
            if lap % FADING_LAP == FADING_LAP - 1 {
                bucket.halve_uses();
                self.frequencies.halve(next, self.buckets.len());
            }
            let wanted = if returning {
                self.budget.shortfall(bytes)
            } else {
                0
            };
            for entry in bucket.evict(count, wanted, now) {
                self.budget.release(entry.bytes());
            }
            if self.budget.reserve(bytes) {
                return true;
            }
        }
        false
    }
}
