//! The cache of verified sessions: a browser sends one token hundreds of times in its ten minutes,
//! and its signature needs to be checked once.
//!
//! Nothing is weakened by it. Only what was verified comes in; the whole token decides, never a
//! hash alone; and time and key are checked again on each hit, by the
//! [`Verifier`](crate::verifier::Verifier).
//!
//! ```text
//! token: its last 16 bytes and a seed ──> TokenHash ── low bits ──> which bucket
//!                                                   └─ high bits ─> tag
//! Table
//! ├ buckets      some 32 to 64 entries each when the cache is full
//! │ └ Bucket     RwLock, six entries in place and more on the heap
//! │   └ Entry    tag, token, session, key, expiry, size, uses
//! ├ budget       entries and bytes in use, and their bounds
//! ├ frequencies  how often tokens came that found the cache full
//! └ hand         the bucket that makes room next
//! ```
//!
//! **A look-up** ([`find`](SessionCache::find)) scans one bucket for the tag and compares the whole
//! token of each entry that has it.
//!
//! **A verified token is kept** ([`keep`](SessionCache::keep)) while the budget has room. When it has
//! none, tokens that find it so are counted, and one that has come before, at its second or third
//! request as a rule, may take a place: so tokens that come once (a scan of many users, a job) displace
//! nothing. The hand moves over a few buckets. From each it takes what has expired, and what was used
//! less often than the newcomer came, until there is room (the admission of `TinyLFU`, over samples of a
//! bucket). Uses and counts are halved from time to time, so that those who have left give way.
//!
//! **Nobody waits here.** A bucket is locked for some nanoseconds, and only ever tried: who finds it
//! locked goes on as if nothing were cached, and verifies. A thread that is suspended inside holds
//! up nobody.
//!
//! **Why buckets of several sessions**: beyond the processor's caches a hit waits for memory. There
//! are so few buckets that they stay near the processor, and the waits are for token and session
//! themselves. The chapter on design has the figures, also beside a cache library's.

use std::{fmt, sync::Arc, time::Duration};

pub(crate) use self::budget::Bounds;
pub use self::budget::SessionCacheStatus;
use self::table::Table;
use crate::{jwt::key::VerifyingKey, session::Session};

mod bucket;
mod budget;
mod entry;
mod frequency;
mod hash;
mod kept;
mod table;
#[cfg(test)]
mod tests;

/// Verified sessions by token.
pub(crate) struct SessionCache {
    /// `None` if the cache is turned off.
    table: Option<Table>,
}

impl SessionCache {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            table: Table::new(bounds),
        }
    }

    /// Passes the session that this very token was verified to be, with the key that signed it, to
    /// `read`, and returns what comes of it.
    #[inline]
    pub(crate) fn find<T>(
        &self,
        token: &[u8],
        read: impl FnOnce(&Session, &Arc<VerifyingKey>) -> T,
    ) -> Option<T> {
        self.table.as_ref()?.find(token, read)
    }

    /// Keeps a session that has just been verified, if there is room for it.
    pub(crate) fn keep(
        &self,
        token: &[u8],
        session: &Session,
        key: &Arc<VerifyingKey>,
        now: Duration,
    ) {
        if let Some(table) = &self.table {
            table.keep(token, session, key, now);
        }
    }

    pub(crate) fn status(&self) -> SessionCacheStatus {
        self.table
            .as_ref()
            .map_or(SessionCacheStatus::NOTHING, |table| table.budget.status())
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionCache").field(&self.status()).finish()
    }
}
