//! Which refresh token belongs to which family. Bounded, and pure like the families themselves.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

use super::{
    answer::KeptSession,
    chain::{KeepTimes, Standing},
    everywhere::SignedOutEverywhere,
    family::{Family, Ticket},
    pressure::ReadLimit,
    reads::Reads,
    turn::Turn,
    users::{UndeliveredUsers, UserKey},
    watched::FamilyNews,
};
use crate::{clock::Now, digest::Digest, session::SignedToken, token::RefreshToken};

mod adopted;
mod call;
mod delivered;
mod early;
mod signed;
mod signed_out;
mod watched;

/// How often what is stale is looked for.
const PURGE_EVERY: Duration = Duration::from_secs(10);

/// How much a table holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) families: usize,
    pub(crate) bytes: usize,
}

#[derive(Clone, Debug)]
pub(super) struct FamilyTable<T> {
    times: KeepTimes,
    pub(super) bounds: Bounds,
    pub(super) families: HashMap<FamilyId, FamilyEntry<T>>,
    tokens: HashMap<Digest, FamilyId>,
    pub(super) users: HashMap<UserKey, Vec<FamilyId>>,
    undelivered: Arc<UndeliveredUsers>,
    /// Unverified tokens that were signed out, oldest first. A flood of made-up ones drives out
    /// only its like.
    signed_out: VecDeque<Digest>,
    everywhere: SignedOutEverywhere,
    pub(super) read_limit: ReadLimit,
    /// The bytes that the families take.
    pub(super) bytes: usize,
    /// The tokens whose successors have been presented, where others are to be told.
    pub(super) delivered: Option<Vec<Digest>>,
    /// Families that were forgotten within their keep time, for want of room.
    pub(super) lost: usize,
    /// Counts arrivals: the source of ids, and the order of last use.
    arrivals: u64,
    purged_at: Option<Now>,
    /// By the current token of a family that is not here.
    watched: HashMap<Digest, watch::Sender<FamilyNews>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FamilyId(u64);

/// Whoever presents a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) user: UserKey,
    /// True if the request shows a session of that user.
    pub(super) shows_session: bool,
    /// False for a token that no browser has shown.
    pub(super) has_shown: bool,
    pub(super) issued_at: Option<SystemTime>,
    /// True if the user has signed out everywhere since, at another replica.
    pub(super) signed_out: bool,
    /// How long the token lives.
    pub(super) life: Duration,
}

/// A request in its family's queue.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) family: FamilyId,
    pub(super) ticket: Ticket,
    pub(super) turn: Turn,
}

#[derive(Clone, Debug)]
pub(super) struct FamilyEntry<T> {
    pub(super) family: Family<T>,
    pub(super) reads: Reads,
    turn: Turn,
    user: UserKey,
    /// Requests that have arrived and not left.
    present: usize,
    pub(super) used: u64,
    /// The bytes that it counts for.
    size: usize,
    /// True while it counts for its user in [`UndeliveredUsers`].
    counted: bool,
    /// True if it began with a sign-in here.
    adopted: bool,
    watched: Option<watch::Sender<FamilyNews>>,
}

impl<T: KeptSession> FamilyTable<T> {
    pub(super) fn new(
        times: KeepTimes,
        bounds: Bounds,
        undelivered: Arc<UndeliveredUsers>,
    ) -> Self {
        Self {
            times,
            bounds,
            families: HashMap::new(),
            tokens: HashMap::new(),
            users: HashMap::new(),
            undelivered,
            signed_out: VecDeque::new(),
            everywhere: SignedOutEverywhere::default(),
            read_limit: ReadLimit::new(),
            bytes: 0,
            delivered: None,
            lost: 0,
            arrivals: 0,
            purged_at: None,
            watched: HashMap::new(),
        }
    }

    /// Puts a request into the queue of its token's family. It must [`leave`](Self::leave) again.
    #[expect(
        clippy::expect_used,
        reason = "the line before made sure of it, under the same lock"
    )]
    pub(super) fn arrive(
        &mut self,
        token: &RefreshToken,
        digest: Digest,
        holder: Holder,
        signed: Option<&Arc<SignedToken>>,
        now: Now,
    ) -> Arrival {
        let id = self.family_of(token, digest, holder, now);
        let signed_out = self.is_signed_out(holder.user, holder.issued_at);
        let entry = self
            .families
            .get_mut(&id)
            .expect("the family was found or made just now");
        if signed_out {
            entry.family.sign_out_everywhere(now);
        } else if holder.signed_out {
            entry.family.sign_out_elsewhere(now);
        }
        entry.present += 1;
        entry.used = self.arrivals;
        let arrival = Arrival {
            family: id,
            ticket: entry.family.arrive(digest, holder.shows_session, now),
            turn: entry.turn.clone(),
        };
        if holder.has_shown {
            let delivered = entry.family.present(digest, now);
            self.note_delivered(delivered);
        }
        self.count(id);
        if let Some(signed) = signed {
            self.note_signed(id, signed);
        }
        arrival
    }

    /// Returns `true` if a token's family is known.
    pub(super) fn knows(&self, digest: Digest) -> bool {
        self.tokens.contains_key(&digest)
    }

    /// Returns `true` if a user has a family with a successor that nobody has presented.
    fn has_undelivered(&self, user: UserKey) -> bool {
        let mut families = self.users.get(&user).into_iter().flatten();
        families.any(|id| self.families.get(id).is_some_and(|entry| entry.counted))
    }

    /// Returns `true` if a user's requests need to be looked at.
    pub(super) fn concerns(&self, user: UserKey) -> bool {
        self.has_undelivered(user) || self.everywhere.contains(user)
    }

    /// A family, to look at.
    pub(super) fn family(&self, id: FamilyId) -> Option<&Family<T>> {
        self.families.get(&id).map(|entry| &entry.family)
    }

    /// Changes a family.
    pub(super) fn with_family<R>(
        &mut self,
        id: FamilyId,
        change: impl FnOnce(&mut Family<T>) -> R,
    ) -> Option<R> {
        let changed = change(&mut self.families.get_mut(&id)?.family);
        self.count(id);
        Some(changed)
    }

    /// Takes a second place in a family, for somebody who has one already.
    pub(super) fn share(&mut self, id: FamilyId) {
        if let Some(entry) = self.families.get_mut(&id) {
            entry.present += 1;
        }
    }

    /// Gives a place in a family back.
    pub(super) fn leave(&mut self, id: FamilyId) {
        if let Some(entry) = self.families.get_mut(&id) {
            entry.present = entry.present.saturating_sub(1);
        }
    }

    /// The family of a token; a new one if none is known, or no longer.
    fn family_of(
        &mut self,
        token: &RefreshToken,
        digest: Digest,
        holder: Holder,
        now: Now,
    ) -> FamilyId {
        self.arrivals += 1;
        if self
            .purged_at
            .is_none_or(|at| now.since(&at) >= PURGE_EVERY)
        {
            self.purge(now);
        }
        if let Some(id) = self.tokens.get(&digest).copied() {
            match self.families.get_mut(&id) {
                Some(entry) if entry.is_stale(now) => self.remove(id),
                Some(entry) if entry.family.standing(digest, now) == Standing::Forgotten => {
                    entry.family.forget(digest);
                    self.unlink(id, digest);
                }
                Some(_) => return id,
                None => self.unlink(id, digest),
            }
        }
        let id = FamilyId(self.arrivals);
        let family = Family::new(self.times, token.clone(), digest, holder.life, now);
        let watched = self.take_watch(digest);
        self.families.insert(
            id,
            FamilyEntry {
                family,
                reads: Reads::default(),
                turn: Turn::default(),
                user: holder.user,
                // In use, so that it does not give way to itself.
                present: 1,
                used: self.arrivals,
                size: 0,
                counted: false,
                adopted: false,
                watched,
            },
        );
        self.tokens.insert(digest, id);
        self.users.entry(holder.user).or_default().push(id);
        self.count(id);
        if let Some(place) = self.signed_out.iter().position(|out| *out == digest) {
            self.signed_out.remove(place);
            self.with_family(id, |family| family.sign_out(now));
        }
        self.make_room_for(holder.user, now);
        self.leave(id);
        id
    }

    /// Forgets what is stale.
    pub(super) fn purge(&mut self, now: Now) {
        self.purged_at = Some(now);
        let stale = |(id, entry): (&FamilyId, &FamilyEntry<T>)| entry.is_stale(now).then_some(*id);
        let gone: Vec<_> = self.families.iter().filter_map(stale).collect();
        for id in gone {
            self.remove(id);
        }
        self.purge_watches();
        let mut changed = Vec::new();
        for (id, entry) in &mut self.families {
            // A request in it may still want the whole answer.
            let is_smaller = !entry.is_busy() && entry.family.expire_record(now);
            let expired = entry.family.expire(now);
            if is_smaller || !expired.is_empty() {
                changed.push((*id, expired));
            }
        }
        for (id, expired) in changed {
            for token in expired {
                self.unlink(id, token);
            }
            self.count(id);
        }
    }

    pub(super) fn remove(&mut self, id: FamilyId) {
        let Some(entry) = self.families.remove(&id) else {
            return;
        };
        self.bytes -= entry.size;
        if entry.counted {
            self.undelivered.remove(entry.user);
        }
        if let Some(families) = self.users.get_mut(&entry.user) {
            families.retain(|other| *other != id);
            if families.is_empty() {
                self.users.remove(&entry.user);
            }
        }
        for token in entry.family.chain().tokens() {
            self.unlink(id, token);
        }
        self.keep_watch(entry);
    }

    /// Brings the sums up to date after a family has changed.
    pub(super) fn count(&mut self, id: FamilyId) {
        let Some(entry) = self.families.get_mut(&id) else {
            return;
        };
        let size = entry.family.size() + size_of::<FamilyEntry<T>>();
        self.bytes = self.bytes - entry.size + size;
        entry.size = size;
        entry.tell();
        let undelivered = entry.family.end().is_none() && entry.family.chain().is_undelivered();
        match (entry.counted, undelivered) {
            (false, true) => self.undelivered.add(entry.user),
            (true, false) => self.undelivered.remove(entry.user),
            _ => {}
        }
        entry.counted = undelivered;
    }

    fn unlink(&mut self, id: FamilyId, token: Digest) {
        if self.tokens.get(&token) == Some(&id) {
            self.tokens.remove(&token);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.families.len(), self.tokens.len())
    }
}

impl<T: KeptSession> FamilyEntry<T> {
    pub(super) fn is_busy(&self) -> bool {
        self.present > 0 || self.family.is_claimed()
    }

    fn is_stale(&self, now: Now) -> bool {
        !self.is_busy()
            && self.family.is_stale(now)
            && self.reads.is_stale(now)
            && !self.spares_cookies(now)
    }

    /// Returns `true` as long as a session that began with a sign-in here lives: what becomes of another
    /// one of its user removes no cookies, however late it shows.
    fn spares_cookies(&self, now: Now) -> bool {
        let ended = self.family.end().is_some() || self.family.chain().is_expired(now);
        self.adopted && !ended
    }

    fn is_replaced(&self, digest: Digest, now: Now) -> bool {
        self.family.end().is_none() && self.family.standing(digest, now) == Standing::Replaced
    }
}
