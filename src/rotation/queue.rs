//! The queue itself: the table of families behind its lock, and what is noted in it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{recent::RecentRotations, table::FamilyTable};
use crate::{clock::Clock, digest::Digest, error::Error, ids::UserId, token::RefreshToken};

/// How many families are remembered at most.
const MAX_FAMILIES: usize = 10_000;

/// The queue of all calls that use a refresh token, with the answers that are kept; see the
/// [module](super) documentation. Clones share everything.
pub(crate) struct RotationQueue<T> {
    shared: Arc<QueueShared<T>>,
}

struct QueueShared<T> {
    clock: Clock,
    keep: Duration,
    recent: RecentRotations,
    /// Never held over an await nor over a caller's code.
    table: Mutex<FamilyTable<T>>,
}

impl<T> RotationQueue<T> {
    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Locks the table.
    pub(super) fn table(&self) -> MutexGuard<'_, FamilyTable<T>> {
        // The table's own code is consistent between any two of its steps, so a panic that poisoned
        // the lock is no reason to sign everybody out.
        self.shared
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> RotationQueue<T> {
    /// A queue that keeps each answer for `keep`.
    pub(crate) fn new(keep: Duration, clock: Clock) -> Self {
        Self {
            shared: Arc::new(QueueShared {
                clock,
                keep,
                recent: RecentRotations::new(),
                table: Mutex::new(FamilyTable::new(keep, MAX_FAMILIES)),
            }),
        }
    }

    /// Signs out the family of a token that nobody has verified. A token that is not known here is
    /// left alone, so that made-up ones cannot fill the table.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    pub(crate) fn sign_out_known(&self, token: &RefreshToken) -> Result<(), Error> {
        let digest = Digest::of(token.expose())?;
        let now = self.clock().now();
        self.table().sign_out_known(digest, now);
        Ok(())
    }

    /// Notes that a token of this user is being rotated.
    pub(crate) fn note_rotated(&self, user: &UserId) {
        self.shared.recent.note(user, self.clock().now());
    }

    /// Returns `false` if no token of this user has been rotated within the keep time, so that
    /// [`is_rotated`](Self::is_rotated) need not be asked about any of them.
    pub(crate) fn may_have_rotated(&self, user: &UserId) -> bool {
        let QueueShared {
            clock,
            keep,
            recent,
            ..
        } = &*self.shared;
        recent.may_have(user, *keep, clock.now())
    }

    /// Returns `true` if a token was rotated within the keep time and its successor is in force:
    /// whoever presents it again has not received the answer yet, or has lost it.
    pub(crate) fn is_rotated(&self, token: &RefreshToken) -> bool {
        // It fails without a crypto backend only, and then nothing is known either.
        Digest::of(token.expose()).is_ok_and(|digest| {
            let now = self.clock().now();
            self.table().is_rotated(digest, now)
        })
    }
}

impl<T> Clone for RotationQueue<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> fmt::Debug for RotationQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotationQueue").finish_non_exhaustive()
    }
}
