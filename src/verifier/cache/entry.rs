//! One verified session in the cache.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::Relaxed},
};

use super::kept::TokenForm;
use crate::{
    clock::{since_epoch, whole_seconds},
    jwt::key::VerifyingKey,
    session::Session,
};

pub(super) struct Entry {
    pub(super) tag: u32,
    /// In the form that the table keeps them in.
    pub(super) token: Box<[u8]>,
    pub(super) session: Session,
    /// The key that signed the token.
    pub(super) key: Arc<VerifyingKey>,
    /// In seconds since the Unix epoch.
    expires_at: u32,
    /// The bytes that it counts for.
    bytes: u32,
    /// How often it was used, up to [`Entry::MOST_USES`]; halved from time to time. It begins with how
    /// often the token came before it was kept.
    uses: AtomicU8,
}

impl Entry {
    /// Enough to tell the users of a minute from those of an hour.
    const MOST_USES: u8 = 31;

    pub(super) fn new(
        tag: u32,
        token: Box<[u8]>,
        session: &Session,
        key: &Arc<VerifyingKey>,
        bytes: usize,
        uses: u8,
    ) -> Self {
        Self {
            tag,
            token,
            session: session.clone(),
            key: Arc::clone(key),
            expires_at: whole_seconds(since_epoch(session.verified().times.expires)),
            // Not above the bound, which a token would have to pass in the gigabytes.
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            uses: AtomicU8::new(uses.min(Self::MOST_USES)),
        }
    }

    /// The bytes that an entry takes, with its place in a bucket and what allocators add.
    pub(super) fn size(token: &[u8], session: &Session) -> usize {
        token.len() + session.heap_bytes() + size_of::<Self>() + 2 * 16
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Returns `true` if this is the entry of that very token.
    #[inline]
    pub(super) fn is_of(&self, tag: u32, token: &[u8], form: TokenForm) -> bool {
        self.tag == tag && form.is(&self.token, token, &self.session)
    }

    /// Returns `true` if the token has expired; `now` is in seconds since the Unix epoch.
    pub(super) fn is_expired(&self, now: u32) -> bool {
        self.expires_at < now
    }

    /// Counts a use.
    #[inline]
    pub(super) fn note_use(&self) {
        // Threads that use the same session share this counter: it is written as seldom as possible.
        let uses = self.uses.load(Relaxed);
        if uses < Self::MOST_USES {
            self.uses.store(uses + 1, Relaxed);
        }
    }

    /// How often it was used.
    pub(super) fn uses(&mut self) -> u8 {
        *self.uses.get_mut()
    }

    /// Lets half of the uses fade.
    pub(super) fn halve_uses(&mut self) {
        *self.uses.get_mut() /= 2;
    }
}
