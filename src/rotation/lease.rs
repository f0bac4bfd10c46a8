//! Watching a family from the time its token came in until its response goes out.

use super::{
    family::Newest,
    queue::{Place, RotationQueue},
};
use crate::{error::Error, token::RefreshToken};

/// A place in a token's family without a wish: as long as it lives, the family is not forgotten,
/// so that what is written into a browser in the end is the newest there is.
pub(crate) struct FamilyLease<T: Clone> {
    place: Place<T>,
}

impl<T: Clone + Send + Sync + 'static> RotationQueue<T> {
    /// Watches the family of a token.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    pub(crate) fn hold(&self, token: &RefreshToken) -> Result<FamilyLease<T>, Error> {
        let place = self.arrive(token)?;
        Ok(FamilyLease { place })
    }
}

impl<T: Clone> FamilyLease<T> {
    /// The newest answer of the family, however old.
    pub(crate) fn newest(&self) -> Newest<T> {
        let Place { queue, arrival } = &self.place;
        let mut table = queue.table();
        table
            .family(arrival.family)
            .map_or(Newest::None, |family| family.newest())
    }

    /// What is to be written into a browser now in place of `answer`, which came a moment ago.
    ///
    /// # Errors
    ///
    /// Why the session is over since: the user signed out, for example.
    pub(crate) fn newest_after(&self, answer: T) -> Result<T, Error> {
        let Place { queue, arrival } = &self.place;
        let now = queue.inner.clock.now();
        if let Some(Err(error)) = queue.table().current(arrival, now) {
            return Err(error);
        }
        match self.newest() {
            Newest::Answer(newest) => Ok(newest),
            Newest::None | Newest::Dead => Ok(answer),
        }
    }

    /// The newest answer of the family, while it is kept for repeats.
    pub(crate) fn kept(&self) -> Option<T> {
        let Place { queue, arrival } = &self.place;
        let now = queue.inner.clock.now();
        queue.table().family(arrival.family)?.kept(now)
    }

    /// Whether the token that was presented is a predecessor of the newest.
    pub(crate) fn is_replaced(&self) -> bool {
        let Place { queue, arrival } = &self.place;
        let mut table = queue.table();
        table
            .family(arrival.family)
            .is_some_and(|family| family.has_replaced(arrival.ticket))
    }

    /// Whether the newest token of the family is known to nobody but this process.
    pub(crate) fn is_undelivered(&self) -> bool {
        let Place { queue, arrival } = &self.place;
        let mut table = queue.table();
        table
            .family(arrival.family)
            .is_some_and(|family| family.is_undelivered())
    }

    /// Whether the family's token may be spent although its session is still good: once a
    /// minute at most, unless it is undelivered, and only while no other call is under way. Notes that
    /// it was.
    pub(crate) fn try_early(&self) -> bool {
        let Place { queue, arrival } = &self.place;
        let now = queue.inner.clock.now();
        let mut table = queue.table();
        table
            .family(arrival.family)
            .is_some_and(|family| family.try_early(now))
    }
}
