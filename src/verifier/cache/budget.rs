//! How much a cache may hold, and how much it holds.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How much may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Sessions; 0 turns the cache off.
    pub(crate) entries: usize,
    /// Bytes; 0 turns the cache off.
    pub(crate) bytes: usize,
    /// True if tokens are kept without their payloads, which takes less memory and longer.
    pub(crate) compact: bool,
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
    /// That of a cache that is turned off.
    pub(super) const NOTHING: Self = Self {
        entries: 0,
        bytes: 0,
    };

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

/// The entries and bytes in use. Never above the bounds, whatever threads do at once: an entry is
/// counted in before it is put anywhere, and counted out after it was removed.
pub(super) struct Budget {
    bounds: Bounds,
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

impl Budget {
    /// Starts with no entry, and the `fixed` bytes that the empty cache takes.
    pub(super) fn new(bounds: Bounds, fixed: usize) -> Self {
        Self {
            bounds,
            entries: AtomicUsize::new(0),
            bytes: AtomicUsize::new(fixed),
        }
    }

    /// Counts an entry of so many bytes in and returns `true`, or returns `false` if it would pass a
    /// bound.
    pub(super) fn reserve(&self, bytes: usize) -> bool {
        if !add(&self.entries, 1, self.bounds.entries) {
            return false;
        }
        let fits = add(&self.bytes, bytes, self.bounds.bytes);
        if !fits {
            self.entries.fetch_sub(1, Relaxed);
        }
        fits
    }

    /// Counts an entry of so many bytes out.
    pub(super) fn release(&self, bytes: usize) {
        self.entries.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    /// The bytes that have to go for an entry of so many: at least one, since any entry that goes
    /// makes a place.
    pub(super) fn shortfall(&self, bytes: usize) -> usize {
        let then = self.bytes.load(Relaxed).saturating_add(bytes);
        then.saturating_sub(self.bounds.bytes).max(1)
    }

    pub(super) fn status(&self) -> SessionCacheStatus {
        SessionCacheStatus {
            entries: self.entries.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

/// Adds to a counter, unless that takes it above `most`.
fn add(counter: &AtomicUsize, by: usize, most: usize) -> bool {
    counter
        .fetch_update(Relaxed, Relaxed, |now| {
            now.checked_add(by).filter(|&then| then <= most)
        })
        .is_ok()
}
