//! Which refresh token belongs to which family. Bounded, and pure like the families themselves.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::sync::RwLock;

use super::{
    call::{CallOutcome, Operation},
    family::{Family, FamilyStep, Ticket},
};
use crate::{clock::Now, digest::Digest, error::Error, token::RefreshToken};

/// How many tokens of one family are known at most, the current one included.
const MAX_LINKS: usize = 8;

/// Which part of a full table gives way to what comes next.
const ROOM: usize = 8;

/// How often what is stale is looked for.
const PURGE_EVERY: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(super) struct FamilyTable<T> {
    keep: Duration,
    capacity: usize,
    families: HashMap<FamilyId, FamilyEntry<T>>,
    tokens: HashMap<Digest, KnownToken>,
    /// Counts arrivals: the source of ids, and the order of last use.
    arrivals: u64,
    purged_at: Option<Now>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FamilyId(u64);

/// A request in its family's queue.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) family: FamilyId,
    pub(super) ticket: Ticket,
    /// Held by the call whose turn it is: alone by one that rotates the token, shared by those that
    /// only read.
    pub(super) turn: Arc<RwLock<()>>,
}

#[derive(Clone, Debug)]
struct FamilyEntry<T> {
    family: Family<T>,
    turn: Arc<RwLock<()>>,
    /// Requests that have arrived and not left.
    present: usize,
    /// The known tokens, oldest first.
    chain: VecDeque<Digest>,
    used: u64,
}

#[derive(Clone, Debug)]
struct KnownToken {
    family: FamilyId,
    /// When a successor took its place. `None`: it is the current one.
    rotated_at: Option<Now>,
}

impl<T: Clone> FamilyTable<T> {
    pub(super) fn new(keep: Duration, capacity: usize) -> Self {
        Self {
            keep,
            capacity,
            families: HashMap::new(),
            tokens: HashMap::new(),
            arrivals: 0,
            purged_at: None,
        }
    }

    /// Puts a request into the queue of its token's family. It must [`leave`](Self::leave) again.
    #[expect(
        clippy::expect_used,
        reason = "the line before made sure of it, under the same lock"
    )]
    pub(super) fn arrive(&mut self, token: &RefreshToken, digest: Digest, now: Now) -> Arrival {
        let id = self.family_of(token, digest, now);
        let entry = self
            .families
            .get_mut(&id)
            .expect("the family was found or made just now");
        entry.present += 1;
        entry.used = self.arrivals;
        Arrival {
            family: id,
            ticket: entry.family.arrive(digest),
            turn: entry.turn.clone(),
        }
    }

    /// Decides about a request. `None`, as everywhere here, if its family is gone, which a family
    /// with requests in it never is.
    pub(super) fn next(
        &mut self,
        arrival: &Arrival,
        op: &Operation,
        now: Now,
    ) -> Option<FamilyStep<T>> {
        let entry = self.families.get_mut(&arrival.family)?;
        Some(entry.family.next(arrival.ticket, op, now))
    }

    /// The family of a request.
    pub(super) fn family(&mut self, id: FamilyId) -> Option<&mut Family<T>> {
        self.families.get_mut(&id).map(|entry| &mut entry.family)
    }

    /// Notes how a family's call ended; `digest` is the successor's. The result is the
    /// caller's result.
    pub(super) fn done(
        &mut self,
        id: FamilyId,
        now: Now,
        result: Result<CallOutcome<T>, Error>,
        digest: Option<Digest>,
    ) -> Option<Result<T, Error>> {
        let entry = self.families.get_mut(&id)?;
        let current = entry.chain.back().copied();
        // A successor that is the token itself is none.
        let successor = digest.filter(|_| result.is_ok() && digest != current);
        let claimed = entry.family.is_claimed();
        let result = entry.family.done(now, result, successor);
        if let Some(successor) = successor.filter(|_| claimed) {
            if let Some(replaced) = current.and_then(|current| self.tokens.get_mut(&current)) {
                replaced.rotated_at = Some(now);
            }
            entry.chain.retain(|token| *token != successor);
            entry.chain.push_back(successor);
            let oldest = (entry.chain.len() > MAX_LINKS)
                .then(|| entry.chain.pop_front())
                .flatten();
            self.tokens.insert(
                successor,
                KnownToken {
                    family: id,
                    rotated_at: None,
                },
            );
            if let Some(oldest) = oldest {
                self.unlink(id, oldest);
            }
        }
        Some(result)
    }

    /// Returns `true` if a token has a successor here that is in force.
    pub(super) fn is_rotated(&self, digest: Digest, now: Now) -> bool {
        self.tokens.get(&digest).is_some_and(|link| {
            let family = self.families.get(&link.family);
            family.is_some_and(|entry| !entry.family.is_dead())
                && link.rotated_at.is_some_and(|at| now.since(&at) < self.keep)
        })
    }

    /// The token for a call that only reads.
    pub(super) fn current(
        &self,
        arrival: &Arrival,
        now: Now,
    ) -> Option<Result<RefreshToken, Error>> {
        let entry = self.families.get(&arrival.family)?;
        Some(entry.family.current(arrival.ticket, now))
    }

    /// Notes what Descope said about a family's token, if that was its end. The result is what the
    /// caller gets.
    pub(super) fn learned(&mut self, id: FamilyId, error: Error, now: Now) -> Error {
        match self.families.get_mut(&id) {
            Some(entry) => entry.family.learned(error, now),
            None => error,
        }
    }

    /// Notes how a sign-out's call ended.
    pub(super) fn signed_out(&mut self, id: FamilyId, now: Now, revoked: bool) {
        if let Some(entry) = self.families.get_mut(&id) {
            entry.family.signed_out(now, revoked);
        }
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

    /// Signs out the family of a token that may be anything: a token that is not known is left
    /// alone, so that nobody can fill the table.
    pub(super) fn sign_out_known(&mut self, digest: Digest, now: Now) {
        let id = self.tokens.get(&digest).map(|token| token.family);
        if let Some(entry) = id.and_then(|id| self.families.get_mut(&id)) {
            entry.family.sign_out(now);
        }
    }

    /// The family of a token; a new one if none is known, or no longer.
    fn family_of(&mut self, token: &RefreshToken, digest: Digest, now: Now) -> FamilyId {
        self.arrivals += 1;
        self.purge(now, false);
        if let Some(link) = self.tokens.get(&digest) {
            let id = link.family;
            let expired = link
                .rotated_at
                .is_some_and(|at| now.since(&at) >= self.keep);
            match self.families.get(&id).filter(|entry| !entry.is_stale(now)) {
                None => self.remove(id),
                // The predecessors of a family that has ended stay with it, so that none is sent.
                Some(entry) if expired && !entry.family.is_dead() => self.unlink(id, digest),
                Some(_) => return id,
            }
        }
        self.make_room(now);
        let id = FamilyId(self.arrivals);
        self.families.insert(
            id,
            FamilyEntry {
                family: Family::new(self.keep, token.clone(), digest),
                turn: Arc::default(),
                present: 0,
                chain: VecDeque::from([digest]),
                used: self.arrivals,
            },
        );
        self.tokens.insert(
            digest,
            KnownToken {
                family: id,
                rotated_at: None,
            },
        );
        id
    }

    /// Makes room for one family more. Those in use stay, even above the bound: forgetting one
    /// could send its token up twice, and they are no more than there are requests.
    fn make_room(&mut self, now: Now) {
        if self.families.len() < self.capacity {
            return;
        }
        self.purge(now, true);
        if self.families.len() < self.capacity {
            return;
        }
        // Several at once, so that not each newcomer scans all. Forgetting an ended one costs a call
        // at most.
        let mut idle: Vec<_> = self
            .families
            .iter()
            .filter(|(_, entry)| !entry.is_busy())
            .map(|(id, entry)| (!entry.family.is_dead(), entry.used, *id))
            .collect();
        let many = (self.capacity / ROOM).max(1).min(idle.len());
        if let Some(last) = many.checked_sub(1) {
            idle.select_nth_unstable(last);
        }
        for (_, _, id) in idle.into_iter().take(many) {
            self.remove(id);
        }
    }

    fn purge(&mut self, now: Now, at_once: bool) {
        let due = self
            .purged_at
            .is_none_or(|at| now.since(&at) >= PURGE_EVERY);
        if !due && !at_once {
            return;
        }
        self.purged_at = Some(now);
        self.families.retain(|_, entry| !entry.is_stale(now));
        let families = &self.families;
        self.tokens
            .retain(|_, link| families.contains_key(&link.family));
    }

    fn remove(&mut self, id: FamilyId) {
        if let Some(entry) = self.families.remove(&id) {
            for token in entry.chain {
                self.unlink(id, token);
            }
        }
    }

    fn unlink(&mut self, id: FamilyId, token: Digest) {
        if self
            .tokens
            .get(&token)
            .is_some_and(|link| link.family == id)
        {
            self.tokens.remove(&token);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.families.len(), self.tokens.len())
    }
}

impl<T: Clone> FamilyEntry<T> {
    fn is_busy(&self) -> bool {
        self.present > 0 || self.family.is_claimed()
    }

    fn is_stale(&self, now: Now) -> bool {
        !self.is_busy() && self.family.is_stale(now)
    }
}
