//! A family's calls: whether one is made, and how it ended.

use super::{Arrival, FamilyId, FamilyTable};
use crate::{
    clock::Now,
    digest::Digest,
    error::Error,
    rotation::{
        answer::KeptSession,
        call::{CallOutcome, Operation},
        family::FamilyStep,
    },
    token::RefreshToken,
};

impl<T: KeptSession> FamilyTable<T> {
    /// Decides about a request. `None`, as everywhere here, if its family is gone, which a family
    /// with requests in it never is.
    pub(in crate::rotation) fn next(
        &mut self,
        arrival: &Arrival,
        op: &Operation,
        now: Now,
    ) -> Option<FamilyStep<T>> {
        let entry = self.families.get_mut(&arrival.family)?;
        let step = entry.family.next(arrival.ticket, op, now);
        Some(self.sparing_step(arrival.family, step))
    }

    /// Decides about a call that follows the one that has just ended, in the same turn.
    pub(in crate::rotation) fn next_in_turn(
        &mut self,
        id: FamilyId,
        op: &Operation,
        now: Now,
    ) -> Option<FamilyStep<T>> {
        let entry = self.families.get_mut(&id)?;
        let step = entry.family.next_in_turn(op, now);
        Some(self.sparing_step(id, step))
    }

    /// Notes how a family's call ended; `digest` is the successor's. The result is the
    /// caller's result.
    pub(in crate::rotation) fn done(
        &mut self,
        id: FamilyId,
        now: Now,
        result: Result<CallOutcome<T>, Error>,
        digest: Option<Digest>,
    ) -> Option<Result<T, Error>> {
        let entry = self.families.get_mut(&id)?;
        let claimed = entry.family.is_claimed();
        let successor = digest.filter(|_| result.is_ok() && claimed);
        let (result, forgotten) = entry.family.done(now, result, successor);
        if let Some(successor) = successor {
            self.tokens.insert(successor, id);
        }
        if let Some(forgotten) = forgotten {
            self.unlink(id, forgotten);
        }
        self.count(id);
        self.make_room(now);
        Some(result.map_err(|error| self.sparing(id, error)))
    }

    /// Takes over an answer that another replica has brought, where the token that was `asked` about is
    /// the family's newest still; `digest` is its successor's.
    pub(in crate::rotation) fn adopt(
        &mut self,
        id: FamilyId,
        asked: &RefreshToken,
        outcome: &CallOutcome<T>,
        digest: Option<Digest>,
        now: Now,
    ) {
        let Some(entry) = self.families.get_mut(&id) else {
            return;
        };
        if !entry.family.takes_over_after(asked) {
            return;
        }
        let forgotten = entry.family.adopt(outcome, digest, now);
        if let Some(successor) = digest {
            self.tokens.insert(successor, id);
        }
        if let Some(forgotten) = forgotten {
            self.unlink(id, forgotten);
        }
        self.count(id);
        self.make_room(now);
    }
}
