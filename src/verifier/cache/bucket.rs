//! A bucket of the cache: the sessions whose tokens hash to one place.

use std::{
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError},
    time::Duration,
};

use smallvec::SmallVec;

use super::{entry::Entry, kept::TokenForm};
use crate::clock::whole_seconds;

/// Entries behind a lock that is only tried. With few entries a bucket is five cache lines; more of
/// them are on the heap.
#[repr(align(64))]
#[derive(Default)]
pub(super) struct Bucket(RwLock<Entries>);

type Entries = SmallVec<[Entry; 6]>;

impl Bucket {
    /// The entries to read, or `None` if the bucket is being written to.
    #[inline]
    pub(super) fn try_read(&self) -> Option<RwLockReadGuard<'_, Entries>> {
        match self.0.try_read() {
            Ok(entries) => Some(entries),
            // No step in here leaves entries half-written.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The entries to change, or `None` if anybody else is in the bucket.
    pub(super) fn try_write(&self) -> Option<RwLockWriteGuard<'_, Entries>> {
        match self.0.try_write() {
            Ok(entries) => Some(entries),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Puts the entry of a token in, and returns the one that does not stay: an older one of the
    /// same token, an expired one, or the new one itself if anybody else is in the bucket.
    pub(super) fn put(
        &self,
        token: &[u8],
        form: TokenForm,
        entry: Entry,
        now: Duration,
    ) -> Option<Entry> {
        let Some(mut entries) = self.try_write() else {
            return Some(entry);
        };
        let now = whole_seconds(now);
        // Another thread may have verified the same token at the same time.
        let twin = entries
            .iter_mut()
            .position(|old| old.is_of(entry.tag, token, form));
        let replaced = twin.or_else(|| entries.iter().position(|old| old.is_expired(now)));
        if let Some(old) = replaced.and_then(|at| entries.get_mut(at)) {
            return Some(std::mem::replace(old, entry));
        }
        // Exactly, since capacity beyond the entries is counted nowhere.
        entries.reserve_exact(1);
        entries.push(entry);
        None
    }

    /// Takes out what has expired and, where that is fewer bytes than `wanted`, what was used less often
    /// than `count`, the least used first, until it is not.
    pub(super) fn evict(&self, count: u8, wanted: usize, now: Duration) -> Vec<Entry> {
        let Some(mut entries) = self.try_write() else {
            return Vec::new();
        };
        let now = whole_seconds(now);
        let mut gone = Vec::new();
        let mut at = 0;
        while let Some(entry) = entries.get(at) {
            if entry.is_expired(now) {
                gone.push(entries.remove(at));
            } else {
                at += 1;
            }
        }
        let mut freed: usize = gone.iter().map(Entry::bytes).sum();
        while freed < wanted {
            // Of several that were used as seldom, the oldest.
            let uses = entries.iter_mut().map(Entry::uses).enumerate();
            let least = uses.min_by_key(|(_, uses)| *uses);
            let Some((at, _)) = least.filter(|(_, uses)| *uses < count) else {
                break;
            };
            let entry = entries.remove(at);
            freed += entry.bytes();
            gone.push(entry);
        }
        if !gone.is_empty() {
            entries.shrink_to_fit();
        }
        gone
    }

    /// Lets half of the uses of each entry fade.
    pub(super) fn halve_uses(&self) {
        if let Some(mut entries) = self.try_write() {
            entries.iter_mut().for_each(Entry::halve_uses);
        }
    }
}
