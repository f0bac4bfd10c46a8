//! The cache of verified sessions: a browser sends one token hundreds of times in its ten minutes,
//! and its signature need be checked once.
//!
//! Nothing is weakened by it. Only what was verified comes in; the whole token decides, never a
//! hash alone; and time and key are asked again on each hit, by whoever asks (see
//! [`Verifier`](crate::verifier::Verifier)).
//!
//! Nobody waits here. A bucket is locked for some nanoseconds; who finds it locked goes on as if
//! nothing was cached, and verifies. A thread that is held up inside holds up nobody.
//!
//! Bounded by number and by bytes, all bookkeeping counted. While there is room, each verified
//! token is kept. Without room a token must have come before (it shows at its second or third time)
//! for others to give way to it, so that tokens which come once (a scan of many users, a job) flush
//! nothing; then a hand goes round and takes what was not asked for since it came by (CLOCK). What
//! has expired goes first.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use self::bucket::{Bucket, Entry};
use crate::{
    clock::{since_epoch, whole_seconds},
    jwt::key::VerifyingKey,
    session::Session,
};

mod bucket;
#[cfg(test)]
mod tests;

/// How much may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Sessions; 0 turns the cache off.
    pub(crate) entries: usize,
    /// Bytes; 0 turns the cache off.
    pub(crate) bytes: usize,
}

/// How much a handle's cache of verified sessions holds; see
/// [`Descope::session_cache_status`](crate::Descope::session_cache_status).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCacheStatus {
    entries: usize,
    bytes: usize,
}

impl SessionCacheStatus {
    /// The number of cached sessions, among them expired ones that no other had to replace yet.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// The memory they take, in bytes: tokens, claims and the cache's own bookkeeping, with what an
    /// allocator commonly adds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Verified sessions by token.
pub(crate) struct SessionCache {
    /// `None`: turned off.
    table: Option<Table>,
}

struct Table {
    bounds: Bounds,
    seed: [u64; 2],
    buckets: Box<[Bucket]>,
    /// For each place of a token that found no room, which it was.
    once: Box<[AtomicU32]>,
    /// The seeds of the random choices, one for each use.
    coin: RandomState,
    tosses: AtomicUsize,
    entries: AtomicUsize,
    bytes: AtomicUsize,
    /// The bucket that gives way next.
    hand: AtomicUsize,
}

/// Entries that a bucket has when the cache is full: half as many at least, on average.
const PER_BUCKET: usize = 64;

/// The least that a session takes: what the number of buckets is reckoned by where bytes are the
/// tighter bound.
const LEAST_BYTES: usize = 1_024;

/// How many buckets are looked at to make room for a token that came before, each once. Where that
/// is not enough, because all that is kept is in use, the token is not kept.
const STRIDE: usize = 4;

/// How many are looked at, for what has expired, because of a token that may never come again.
const GLANCE: usize = 1;

impl SessionCache {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let entries = bounds.entries.min(bounds.bytes / LEAST_BYTES);
        let table = (entries > 0).then(|| {
            let buckets = entries.div_ceil(PER_BUCKET).next_power_of_two();
            let coin = RandomState::new();
            let mut table = Table {
                bounds,
                seed: ["seed", "salt"].map(|name| coin.hash_one(name)),
                buckets: (0..buckets).map(|_| Bucket::default()).collect(),
                once: (0..buckets * PER_BUCKET)
                    .map(|_| AtomicU32::default())
                    .collect(),
                coin,
                tosses: AtomicUsize::default(),
                entries: AtomicUsize::default(),
                bytes: AtomicUsize::default(),
                hand: AtomicUsize::default(),
            };
            *table.bytes.get_mut() = size_of_val(&*table.buckets) + size_of_val(&*table.once);
            table
        });
        Self { table }
    }

    /// Applies `read` to the session that this very token was verified to be.
    #[inline]
    pub(crate) fn find<T>(
        &self,
        token: &[u8],
        read: impl FnOnce(&Session, &Arc<VerifyingKey>) -> T,
    ) -> Option<T> {
        let table = self.table.as_ref()?;
        let hash = table.hash(token)?;
        let bucket = table.bucket(hash)?.try_read()?;
        let mark = mark(hash);
        let entry = bucket.iter().find(|entry| entry.is(mark, token))?;
        entry.ask();
        Some(read(&entry.session, &entry.key))
    }

    /// Keeps a session that has just been verified, if there is room for it.
    pub(crate) fn keep(
        &self,
        token: &[u8],
        session: &Session,
        key: &Arc<VerifyingKey>,
        now: Duration,
    ) {
        let Some((table, hash)) = self
            .table
            .as_ref()
            .and_then(|table| Some((table, table.hash(token)?)))
        else {
            return;
        };
        let bytes = Entry::bytes(token, session);
        let room = table.take_room(bytes);
        if !room && !table.make_room(hash, bytes, now) {
            return;
        }
        let entry = Entry {
            mark: mark(hash),
            token: token.into(),
            session: session.clone(),
            key: Arc::clone(key),
            expires_at: whole_seconds(since_epoch(session.verified().times.expires)),
            // Not above the bound, which a token would have to pass in the gigabytes.
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            asked: AtomicU8::new(0),
        };
        if let Some(left_over) = table.put(hash, entry, now) {
            table.give_back(&left_over);
        }
    }

    pub(crate) fn status(&self) -> SessionCacheStatus {
        let (entries, bytes) = self.table.as_ref().map_or((0, 0), |table| {
            (table.entries.load(Relaxed), table.bytes.load(Relaxed))
        });
        SessionCacheStatus { entries, bytes }
    }
}

impl Table {
    /// The end of a token is the end of its signature: nobody who cannot sign can choose where it
    /// lands, and the seed keeps it from those who can. `None` for what is too short for a token.
    #[inline]
    fn hash(&self, token: &[u8]) -> Option<u64> {
        let (rest, last) = token.split_last_chunk()?;
        let [one, other] = [rest.last_chunk()?, last].map(|part| u64::from_le_bytes(*part));
        Some(self.mix(one, other))
    }

    /// Both numbers made secret, multiplied and folded: the step that wyhash is made of.
    #[inline]
    fn mix(&self, one: u64, other: u64) -> u64 {
        let [seed, salt] = self.seed;
        let product = u128::from(one ^ seed) * u128::from(other ^ salt);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let (low, high) = (product as u64, (product >> 64) as u64);
        low ^ high
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "any bits of a hash will do"
    )]
    #[inline]
    fn bucket(&self, hash: u64) -> Option<&Bucket> {
        self.buckets.get(hash as usize & (self.buckets.len() - 1))
    }

    /// Counts an entry in, if that breaks no bound.
    fn take_room(&self, bytes: usize) -> bool {
        let count = |counter: &AtomicUsize, by: usize, most: usize| {
            counter
                .fetch_update(Relaxed, Relaxed, |now| {
                    now.checked_add(by).filter(|&then| then <= most)
                })
                .is_ok()
        };
        if !count(&self.entries, 1, self.bounds.entries) {
            return false;
        }
        let fits = count(&self.bytes, bytes, self.bounds.bytes);
        if !fits {
            self.entries.fetch_sub(1, Relaxed);
        }
        fits
    }

    /// As [`take_room`](Self::take_room), where there is none.
    fn make_room(&self, hash: u64, bytes: usize, now: Duration) -> bool {
        let came_before = self.came_before(hash);
        let steps = if came_before {
            STRIDE.min(self.buckets.len())
        } else {
            GLANCE
        };
        for _ in 0..steps {
            let hand = self.hand.fetch_add(1, Relaxed);
            let (lap, next) = (hand / self.buckets.len(), hand & (self.buckets.len() - 1));
            let room = if came_before { self.lacking(bytes) } else { 0 };
            let bucket = self.buckets.get(next);
            let gone = bucket.map(|bucket| bucket.give_way(room, lap, now));
            for entry in gone.into_iter().flatten() {
                self.give_back(&entry);
            }
            if self.take_room(bytes) {
                return true;
            }
        }
        false
    }

    /// The bytes that have to go for an entry: at least one, since any entry that goes makes a place.
    fn lacking(&self, bytes: usize) -> usize {
        let then = self.bytes.load(Relaxed).saturating_add(bytes);
        then.saturating_sub(self.bounds.bytes).max(1)
    }

    /// Whether this token was seen before, not too many others ago.
    fn came_before(&self, hash: u64) -> bool {
        // Never 0, which is nobody.
        let mark = mark(hash) | 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any bits of a hash will do"
        )]
        let place = hash as usize & (self.once.len() - 1);
        let Some(once) = self.once.get(place) else {
            return false;
        };
        if once.load(Relaxed) == mark {
            return true;
        }
        // By chance, or two tokens of one place that come in turns would never meet themselves.
        let toss = self.tosses.fetch_add(1, Relaxed);
        if self.coin.hash_one(toss).is_multiple_of(2) {
            once.store(mark, Relaxed);
        }
        false
    }

    /// Puts an entry into its bucket; what of it does not stay there is returned, uncounted.
    fn put(&self, hash: u64, entry: Entry, now: Duration) -> Option<Entry> {
        let Some(bucket) = self.bucket(hash) else {
            return Some(entry);
        };
        let Some(mut bucket) = bucket.try_write() else {
            return Some(entry);
        };
        // Another thread may have verified the same token at the same time.
        if let Some(same) = bucket
            .iter_mut()
            .find(|old| old.is(entry.mark, &entry.token))
        {
            return Some(std::mem::replace(same, entry));
        }
        // Who has expired gives way to the next one that comes along.
        let now = whole_seconds(now);
        if let Some(over) = bucket.iter_mut().find(|old| old.is_over(now)) {
            return Some(std::mem::replace(over, entry));
        }
        // What is not there need not be counted.
        bucket.reserve_exact(1);
        bucket.push(entry);
        None
    }

    fn give_back(&self, entry: &Entry) {
        self.entries.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(entry.bytes as usize, Relaxed);
    }
}

/// The half of a hash that does not choose its place.
#[inline]
fn mark(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default()
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionCache").field(&self.status()).finish()
    }
}
