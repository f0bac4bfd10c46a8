//! A request's place in the family of the token that it presented.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

use super::{
    answer::KeptSession,
    call::CallOutcome,
    failure::abandoned,
    family::{Family, Newest},
    queue::RotationQueue,
    table::{Arrival, Holder},
    watched::FamilyNews,
};
use crate::{
    digest::Digest, error::Error, ids::UserId, revocation::MarkName, session::SignedToken,
    token::RefreshToken,
};

/// Whoever presents a refresh token, by its verified claims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenHolder<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) issued_at: Option<SystemTime>,
    /// True if the user has signed out everywhere since, at another replica.
    pub(crate) signed_out: bool,
    pub(crate) expires_at: SystemTime,
    /// True if the request shows a session of the same user.
    pub(crate) shows_session: bool,
    /// False for a token that Descope has just answered with: no browser has it yet, and what came
    /// before it is not delivered by that.
    pub(crate) has_shown: bool,
}

/// A request's place in a family, from the time its token was presented until its response is
/// written. As long as it lives the family is not forgotten, so that the cookies that are written
/// in the end are the newest there are.
pub(crate) struct FamilyLease<T: KeptSession> {
    pub(super) queue: RotationQueue<T>,
    pub(super) arrival: Arrival,
}

impl<T: KeptSession> RotationQueue<T> {
    /// Takes a place in the family of a token. `signed` is what was verified of it.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    pub(crate) fn lease(
        &self,
        token: &RefreshToken,
        holder: TokenHolder<'_>,
        signed: Option<&Arc<SignedToken>>,
    ) -> Result<FamilyLease<T>, Error> {
        let digest = match signed {
            Some(signed) => signed.digest,
            None => Digest::of(token.expose())?,
        };
        let now = self.clock().now();
        let life = holder.expires_at.duration_since(now.date());
        let holder = Holder {
            user: self.user_key(holder.user),
            shows_session: holder.shows_session,
            has_shown: holder.has_shown,
            issued_at: holder.issued_at,
            signed_out: holder.signed_out,
            life: life.unwrap_or_default(),
        };
        let arrival = self.change(|table| table.arrive(token, digest, holder, signed, now));
        Ok(FamilyLease {
            queue: self.clone(),
            arrival,
        })
    }
}

impl<T: KeptSession> FamilyLease<T> {
    /// The newest answer of the family, or `answer`, which its caller has just received, where none
    /// is known: the one to write into a browser now.
    ///
    /// # Errors
    ///
    /// Why the session has ended since: the user signed out, for example.
    pub(crate) fn newest_after(&self, answer: T) -> Result<T, Error> {
        let now = self.queue.clock().now();
        let table = self.queue.table();
        let Some(family) = table.family(self.arrival.family) else {
            return Ok(answer);
        };
        family
            .current(self.arrival.ticket, now)
            .map_err(|error| table.sparing(self.arrival.family, error))?;
        Ok(match family.newest() {
            Newest::Answer(newest) => newest,
            Newest::None | Newest::Ended => answer,
        })
    }

    /// Returns `true` if the session has ended, and the browser has no other one's cookies.
    pub(crate) fn removes_cookies(&self) -> bool {
        let Arrival {
            family: id, ticket, ..
        } = &self.arrival;
        let now = self.queue.clock().now();
        let table = self.queue.table();
        let refusal = table
            .family(*id)
            .and_then(|family| family.current(*ticket, now).err());
        refusal.is_some_and(|error| table.sparing(*id, error).removes_cookies())
    }

    /// The token that took the place of the one presented, and how long it lives.
    pub(crate) fn successor(&self) -> Option<(RefreshToken, Duration)> {
        let now = self.queue.clock().now();
        self.family(|family| family.successor(self.arrival.ticket, now))?
    }

    /// The newest answer of the family, while it is kept for repeats.
    pub(crate) fn kept(&self) -> Option<T> {
        let now = self.queue.clock().now();
        self.family(|family| family.kept(self.arrival.ticket, now))?
    }

    /// Returns `true` if the token that was presented has a successor that its holder needs.
    pub(crate) fn is_rotated(&self) -> bool {
        self.family(|family| family.has_rotated(self.arrival.ticket))
            .unwrap_or_default()
    }

    /// Returns `true`, and notes it, if the current token may be exchanged although its session is
    /// still good: once a minute at most, unless its holder lacks it, never beside another call,
    /// and not while Descope asks to slow down.
    pub(crate) fn try_early(&self) -> bool {
        let now = self.queue.clock().now();
        if self.queue.slowed_down(now).is_some() {
            return false;
        }
        let Arrival { family, ticket, .. } = &self.arrival;
        let mut table = self.queue.table();
        let free = table.with_family(*family, |family| family.try_early(*ticket, now));
        free.unwrap_or_default()
    }

    /// Returns `true` if the request shows a session of the family's user.
    pub(crate) fn shows_session(&self) -> bool {
        self.arrival.ticket.shows_session
    }

    /// Returns `true` if the current token was [withdrawn](Self::withdraw).
    pub(crate) fn withdraws(&self) -> bool {
        self.family(Family::withdraws).unwrap_or_default()
    }

    /// The newest token, if it is to be seen whether another replica has brought a newer one. Asked
    /// again at once, it is not.
    pub(crate) fn unseen(&self) -> Option<RefreshToken> {
        let now = self.queue.clock().now();
        let mut table = self.queue.table();
        table.with_family(self.arrival.family, |family| family.unseen(now))?
    }

    /// Takes an answer over that another replica has brought, unless the family has gone on since the
    /// token that was `asked` about.
    pub(crate) fn adopt(&self, asked: &RefreshToken, outcome: &CallOutcome<T>) {
        let now = self.queue.clock().now();
        let digest = outcome.successor_digest();
        let id = self.arrival.family;
        self.queue
            .change(|table| table.adopt(id, asked, outcome, digest, now));
    }

    /// Takes an answer over that came with a sign-in, if the one that is kept `is_older`: whoever is
    /// answered from now on gets it. Its refresh token, `in_force`, has to be the family's.
    pub(crate) fn take_newer(
        &self,
        outcome: &CallOutcome<T>,
        in_force: &RefreshToken,
        is_older: impl FnOnce(&T) -> bool,
    ) {
        // It fails without a crypto backend only, and then nothing was verified either.
        let Ok(in_force) = Digest::of(in_force.expose()) else {
            return;
        };
        let now = self.queue.clock().now();
        let take = |family: &mut Family<T>| family.take_newer(outcome, in_force, is_older, now);
        self.queue.table().with_family(self.arrival.family, take);
    }

    /// Notes the end of the session, where the error of another replica says so.
    pub(crate) fn learned(&self, error: &Error) -> Error {
        let now = self.queue.clock().now();
        let mut table = self.queue.table();
        let learned = |family: &mut Family<T>| family.learned(error.clone(), now);
        let id = self.arrival.family;
        let error = table.with_family(id, learned).unwrap_or_else(abandoned);
        table.sparing(id, error)
    }

    /// Says that the token that was presented is not to be answered for any more as soon as it is
    /// replaced: others may have it, and whoever is to have its successor is given that by the caller.
    pub(crate) fn withdraw(&self) {
        let now = self.queue.clock().now();
        let Arrival { family, ticket, .. } = &self.arrival;
        let mut table = self.queue.table();
        table.with_family(*family, |family| family.withdraw(ticket.presented, now));
    }

    /// Takes [`withdraw`](Self::withdraw) back.
    pub(crate) fn reinstate(&self) {
        let mut table = self.queue.table();
        table.with_family(self.arrival.family, Family::reinstate);
    }

    /// Ends the session here, since another sign-in takes its place in the browser. What is under way
    /// brings its caller nothing, and no later request of it removes cookies: the response of the sign-in
    /// writes them.
    pub(crate) fn supersede(&self) {
        let now = self.queue.clock().now();
        let mut table = self.queue.table();
        table.with_family(self.arrival.family, |family| family.supersede(now));
    }

    /// Says that the session began in a browser just now: no end of another session of its user removes
    /// cookies from then on.
    pub(crate) fn note_adopted(&self) {
        self.queue.table().note_adopted(self.arrival.family);
    }

    /// The names of the sessions that this family brought within so long, for marks.
    pub(crate) fn given_sessions(&self, within: Duration) -> Vec<MarkName> {
        let now = self.queue.clock().now();
        let since = now.mono.saturating_sub(within);
        let given = self.family(|family| family.given_since(since));
        given.unwrap_or_default()
    }

    /// Tells of the family's news from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<FamilyNews> {
        self.queue.table().watch(self.arrival.family)
    }

    /// Returns `true` if a token is of this family.
    pub(crate) fn has(&self, token: &str) -> bool {
        Digest::of(token).is_ok_and(|digest| self.queue.table().is_of(digest, self.arrival.family))
    }

    /// A second place in the same family, for a call that outlives this one.
    pub(super) fn share(&self) -> Self {
        self.queue.table().share(self.arrival.family);
        Self {
            queue: self.queue.clone(),
            arrival: self.arrival.clone(),
        }
    }

    fn family<R>(&self, look: impl FnOnce(&Family<T>) -> R) -> Option<R> {
        self.queue.table().family(self.arrival.family).map(look)
    }
}

impl<T: KeptSession> Drop for FamilyLease<T> {
    fn drop(&mut self) {
        self.queue.table().leave(self.arrival.family);
    }
}

impl<T: KeptSession> fmt::Debug for FamilyLease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilyLease").finish_non_exhaustive()
    }
}
