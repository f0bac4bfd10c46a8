//! A request's place in the family of the token that it presented.

use std::fmt;

use super::{
    family::{Family, Newest},
    queue::RotationQueue,
    table::Arrival,
};
use crate::{digest::Digest, error::Error, token::RefreshToken};

/// A request's place in a family, from the time its token was presented until its response is
/// written. As long as it lives the family is not forgotten, so that the cookies that are written
/// in the end are the newest there are.
pub(crate) struct FamilyLease<T: Clone> {
    pub(super) queue: RotationQueue<T>,
    pub(super) arrival: Arrival,
}

impl<T: Clone> RotationQueue<T> {
    /// Takes a place in the family of a token.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    pub(crate) fn lease(&self, token: &RefreshToken) -> Result<FamilyLease<T>, Error> {
        let digest = Digest::of(token.expose())?;
        let now = self.clock().now();
        let arrival = self.table().arrive(token, digest, now);
        Ok(FamilyLease {
            queue: self.clone(),
            arrival,
        })
    }
}

impl<T: Clone> FamilyLease<T> {
    /// The newest answer of the family, or `answer`, which its caller has just received, where none
    /// is known: the one to write into a browser now.
    ///
    /// # Errors
    ///
    /// Why the session has ended since: the user signed out, for example.
    pub(crate) fn newest_after(&self, answer: T) -> Result<T, Error> {
        let now = self.queue.clock().now();
        let mut table = self.queue.table();
        if let Some(Err(error)) = table.current(&self.arrival, now) {
            return Err(error);
        }
        let family = table.family(self.arrival.family);
        Ok(match family.map(|family| family.newest()) {
            Some(Newest::Answer(newest)) => newest,
            Some(Newest::None | Newest::Ended) | None => answer,
        })
    }

    /// The newest answer of the family, while it is kept for repeats.
    pub(crate) fn kept(&self) -> Option<T> {
        let now = self.queue.clock().now();
        self.family(|family| family.kept(now))?
    }

    /// Returns `true` if the token that was presented is a predecessor of the current one.
    pub(crate) fn is_rotated(&self) -> bool {
        self.family(|family| family.has_rotated(self.arrival.ticket))
            .unwrap_or_default()
    }

    /// Returns `true` if no browser has been sent the family's current token.
    pub(crate) fn is_undelivered(&self) -> bool {
        self.family(|family| family.is_undelivered())
            .unwrap_or_default()
    }

    /// Returns `true`, and notes it, if the current token may be exchanged although its session is
    /// still good: once a minute at most, unless it is undelivered, and never beside another call.
    pub(crate) fn try_early(&self) -> bool {
        let now = self.queue.clock().now();
        self.family(|family| family.try_early(now))
            .unwrap_or_default()
    }

    /// A second place in the same family, for a call that outlives this one.
    pub(super) fn share(&self) -> Self {
        self.queue.table().share(self.arrival.family);
        Self {
            queue: self.queue.clone(),
            arrival: self.arrival.clone(),
        }
    }

    fn family<R>(&self, look: impl FnOnce(&mut Family<T>) -> R) -> Option<R> {
        self.queue.table().family(self.arrival.family).map(look)
    }
}

impl<T: Clone> Drop for FamilyLease<T> {
    fn drop(&mut self) {
        self.queue.table().leave(self.arrival.family);
    }
}

impl<T: Clone> fmt::Debug for FamilyLease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilyLease").finish_non_exhaustive()
    }
}
