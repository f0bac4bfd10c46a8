//! A bucket of the cache: where tokens of one place stand together.

use std::{
    hint,
    sync::{
        Arc, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use smallvec::SmallVec;

use crate::{clock::whole_seconds, jwt::key::VerifyingKey, session::Session};

/// In five cache lines of its own, as long as it has few entries; the heap takes more. Several
/// sessions share these lines, which therefore stay near the processor: a hit waits for memory once,
/// for its token, and not before that for the place where that is.
#[repr(align(64))]
#[derive(Default)]
pub(super) struct Bucket(RwLock<Entries>);

pub(super) type Entries = SmallVec<[Entry; 6]>;

pub(super) struct Entry {
    /// The half of its hash that did not choose the bucket.
    pub(super) mark: u32,
    pub(super) token: Box<[u8]>,
    pub(super) session: Session,
    pub(super) key: Arc<VerifyingKey>,
    /// In seconds since the Unix epoch.
    pub(super) expires_at: u32,
    /// The bytes that it counts for in [`Bounds::bytes`](super::Bounds::bytes).
    pub(super) bytes: u32,
    /// How often it was asked for since the hand came by, up to [`Entry::MOST`].
    pub(super) asked: AtomicU8,
}

impl Bucket {
    #[inline]
    pub(super) fn try_read(&self) -> Option<RwLockReadGuard<'_, Entries>> {
        match self.0.try_read() {
            Ok(entries) => Some(entries),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn try_write(&self) -> Option<RwLockWriteGuard<'_, Entries>> {
        match self.0.try_write() {
            Ok(entries) => Some(entries),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes out what has expired and, where that is less than the `room` wanted (in bytes), others
    /// that were not asked for since the last time. Those begin at another one in each `lap`.
    pub(super) fn give_way(&self, room: usize, lap: usize, now: Duration) -> Vec<Entry> {
        let Some(mut bucket) = self.try_write() else {
            return Vec::new();
        };
        let now = whole_seconds(now);
        let mut gone = take_out(&mut bucket, 0, |entry| entry.is_over(now));
        let mut freed: usize = gone.iter().map(|entry| entry.bytes as usize).sum();
        if freed < room {
            gone.extend(take_out(&mut bucket, lap, |entry| {
                let goes = freed < room && !entry.spare();
                if goes {
                    freed += entry.bytes as usize;
                }
                goes
            }));
        }
        if !gone.is_empty() {
            bucket.shrink_to_fit();
        }
        gone
    }
}

/// Looks at each entry, beginning somewhere, and takes out those that `goes` says.
fn take_out(
    bucket: &mut Entries,
    first: usize,
    mut goes: impl FnMut(&mut Entry) -> bool,
) -> Vec<Entry> {
    let mut gone = Vec::new();
    let mut at = first.checked_rem(bucket.len()).unwrap_or_default();
    for _ in 0..bucket.len() {
        if at >= bucket.len() {
            at = 0;
        }
        if bucket.get_mut(at).is_some_and(&mut goes) {
            // The others stay in their order, so that each is looked at once.
            gone.push(bucket.remove(at));
        } else {
            at += 1;
        }
    }
    gone
}

impl Entry {
    /// How many rounds of the hand an entry outlives unasked.
    const MOST: u8 = 3;

    /// With its place in a bucket, and what allocators add to both.
    pub(super) fn bytes(token: &[u8], session: &Session) -> usize {
        token.len() + session.heap_bytes() + size_of::<Self>() + 2 * 16
    }

    #[inline]
    pub(super) fn is(&self, mark: u32, token: &[u8]) -> bool {
        if self.mark != mark {
            return false;
        }
        self.prefetch();
        *self.token == *token
    }

    /// Touches all the memory that is needed next, so that it is on its way together: compared at
    /// once, a token is waited for piece by piece.
    #[inline]
    fn prefetch(&self) {
        const LINE: usize = 64;
        hint::black_box(
            self.token
                .iter()
                .step_by(LINE)
                .fold(0, |all, byte| all ^ byte),
        );
        self.session.prefetch();
    }

    pub(super) fn is_over(&self, now: u32) -> bool {
        self.expires_at < now
    }

    #[inline]
    pub(super) fn ask(&self) {
        // Threads that ask for the same session share this; so it is written as seldom as may be.
        let asked = self.asked.load(Relaxed);
        if asked < Self::MOST {
            self.asked.store(asked + 1, Relaxed);
        }
    }

    /// Returns `true` if it is spared this time: it was used since the last one.
    fn spare(&mut self) -> bool {
        let asked = self.asked.get_mut();
        let spared = *asked > 0;
        *asked = asked.saturating_sub(1);
        spared
    }
}
