//! The pure state machine that decides what is done next with the refresh tokens of one session.
//!
//! A *family* is the [chain](super::chain) of tokens that rotation makes of one. As far as this
//! process knows: what another replica rotated is not in it.

use std::time::{Duration, SystemTime};

use super::{
    answer::{KeptAnswer, KeptSession, Wanted},
    call::{CallOutcome, Operation},
    chain::{Chain, KeepTimes, Standing},
    end::FamilyEnd,
    failure::FailedCall,
    given::GivenSessions,
    signed::SignedTokens,
};
use crate::{clock::Now, digest::Digest, error::Error, limiter::TokenBucket, token::RefreshToken};

mod early;
mod ending;
mod given;
mod memory;
mod offered;
mod replicas;

/// How many calls that rotate its token a family makes at once; one more after each interval.
const CALLS: u32 = 10;
const CALL_INTERVAL: Duration = Duration::from_secs(1);

/// The newest answer of a family, for a holder of an older one.
#[derive(Clone, Debug)]
pub(crate) enum Newest<T> {
    /// The newest answer.
    Answer(T),
    /// No call of this family has brought an answer.
    None,
    /// The session is over, or another holder has rotated its token: no kept answer is of use.
    Ended,
}

/// The decision about one request.
#[derive(Debug)]
pub(super) enum FamilyStep<T> {
    /// A call with this family is under way: ask again when it has ended.
    Wait,
    /// Answer with this; nothing is sent.
    Answer(T),
    /// Refuse with this; nothing is sent.
    Refuse(Error),
    /// Send this token to Descope, then record the result ([`Family::done`]). It is claimed until
    /// then.
    Send { token: RefreshToken },
}

/// A request's place in time, and what it showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) presented: Digest,
    /// How many calls had ended by then.
    arrived: u64,
    /// True if it shows a session of the family's user.
    pub(super) shows_session: bool,
    /// True if its holder had presented a newer token a while ago.
    late: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Family<T> {
    times: KeepTimes,
    chain: Chain,
    current: RefreshToken,
    signed: SignedTokens,
    /// Calls that have ended.
    ended: u64,
    /// The call that is under way, or about to be sent.
    claimed: Option<ClaimedCall>,
    /// Set once no token of this family will bring a session again.
    dead: Option<FamilyEnd>,
    /// The newest answer.
    kept: Option<KeptAnswer<T>>,
    /// The newest call, if it failed.
    failed: Option<FailedCall>,
    /// When the current token was last given up early, unless that brought a new session.
    early: Option<Now>,
    /// When it was last seen that no replica has a newer answer, on the monotonic clock.
    seen: Duration,
    /// The limit on calls that rotate the token.
    calls: TokenBucket,
    /// Sessions that browsers were given, for the time when their user signs out.
    given: GivenSessions,
}

#[derive(Clone, Debug)]
struct ClaimedCall {
    operation: Operation,
    /// When it was, on the monotonic clock.
    since: Duration,
    /// True once its caller's deadline has passed. Its answer is still waited for.
    overdue: bool,
}

impl<T: KeptSession> Family<T> {
    /// A family of which one token is known, which has just been presented and lives for `life`.
    pub(super) fn new(
        times: KeepTimes,
        token: RefreshToken,
        digest: Digest,
        life: Duration,
        now: Now,
    ) -> Self {
        Self {
            times,
            chain: Chain::new(digest, life, now),
            current: token,
            signed: SignedTokens::default(),
            ended: 0,
            claimed: None,
            dead: None,
            kept: None,
            failed: None,
            early: None,
            seen: now.mono,
            calls: TokenBucket::new(CALLS, CALL_INTERVAL),
            given: GivenSessions::default(),
        }
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The standing of one of its tokens. The predecessors of a family that has ended stay with it,
    /// so that none of them is sent.
    pub(super) fn standing(&self, token: Digest, now: Now) -> Standing {
        match self.chain.standing(token, self.times, now) {
            Standing::Forgotten if self.dead.is_some() => Standing::Late,
            standing => standing,
        }
    }

    /// Notes that a token was presented, by whatever request. Returns the token before it if that is
    /// known to be delivered only now.
    pub(super) fn present(&mut self, token: Digest, now: Now) -> Option<Digest> {
        self.chain.present(token, now)
    }

    /// The place of a request that is about to [`present`](Self::present) a token of this family.
    pub(super) fn arrive(&self, presented: Digest, shows_session: bool, now: Now) -> Ticket {
        let late = self.standing(presented, now) == Standing::Late;
        Ticket {
            presented,
            arrived: self.ended,
            shows_session,
            late,
        }
    }

    /// Decides about a request whose turn has come.
    pub(super) fn next(&mut self, ticket: Ticket, op: &Operation, now: Now) -> FamilyStep<T> {
        if let Some(step) = self.ready(ticket, op, now) {
            return step;
        }
        if self.claimed.is_some() {
            return FamilyStep::Wait;
        }
        if *op != Operation::SignOut && !self.calls.try_take(&now) {
            let rest = self.calls.until_next(&now);
            let why = "no call was made: this session asked too often";
            return FamilyStep::Refuse(Error::throttled(why, rest));
        }
        self.claimed = Some(ClaimedCall {
            operation: op.clone(),
            since: now.mono,
            overdue: false,
        });
        FamilyStep::Send {
            token: self.current.clone(),
        }
    }

    /// Decides about a call that follows the one that has just ended, in the same turn and for the same
    /// caller: whatever that presented, it is about the current token.
    pub(super) fn next_in_turn(&mut self, op: &Operation, now: Now) -> FamilyStep<T> {
        let ticket = Ticket {
            presented: self.chain.current(),
            arrived: self.ended,
            shows_session: false,
            late: false,
        };
        self.next(ticket, op, now)
    }

    /// Notes that a token, as soon as it is replaced, is not to be answered for any more.
    pub(super) fn withdraw(&mut self, token: Digest, now: Now) {
        self.chain.withdraw(token, now);
    }

    /// Takes [`withdraw`](Self::withdraw) back.
    pub(super) fn reinstate(&mut self) {
        self.chain.reinstate();
    }

    /// The decision about a request for which nothing need be sent; `None` if a call is needed, or
    /// has to be waited for.
    pub(super) fn ready(&self, ticket: Ticket, op: &Operation, now: Now) -> Option<FamilyStep<T>> {
        let keep = self.times.keep;
        if *op == Operation::SignOut {
            // What has ended only as far as this process knows is sent all the same.
            let dead = self.dead.as_ref().filter(|dead| dead.is_confirmed())?;
            return Some(FamilyStep::Refuse(dead.refusal(ticket.arrived, keep, now)));
        }
        if let Some(error) = self.refusal(ticket, now) {
            return Some(FamilyStep::Refuse(error));
        }
        if self.claimed.is_some() {
            return None;
        }
        let wanted = self.wanted(ticket, op);
        let kept = self.kept.as_ref();
        if let Some(kept) = kept.filter(|kept| kept.fits(wanted, keep, now)) {
            return Some(FamilyStep::Answer(kept.answer.clone()));
        }
        let failed = self.failed.as_ref()?;
        failed
            .answer(op, ticket.arrived, now)
            .map(FamilyStep::Refuse)
    }

    /// Notes how the call ended. The result is what its caller gets: not always what came. The
    /// second part is the token that is forgotten for the successor, where there were too many.
    ///
    /// A successor is named together with its digest.
    pub(super) fn done(
        &mut self,
        now: Now,
        result: Result<CallOutcome<T>, Error>,
        successor_digest: Option<Digest>,
    ) -> (Result<T, Error>, Option<Digest>) {
        self.ended += 1;
        let claimed = self.claimed.take();
        let mut forgotten = None;
        let result = result.and_then(|outcome| {
            if let (Some(token), Some(digest)) = (&outcome.successor, successor_digest) {
                let life = outcome.successor_life(now);
                forgotten = self.chain.advance(digest, life, now);
                self.current = token.clone();
                if let Some(signed) = &outcome.successor_signed {
                    self.note_signed(signed);
                }
                if outcome.answer.is_err() {
                    // The kept answer names a token that has been rotated by now.
                    self.kept = None;
                }
            }
            let answer = outcome.answer.clone()?;
            Ok((outcome, answer))
        });
        if let Some(dead) = &self.dead {
            // Signed out while the call was under way: its tokens must not sign in again.
            return (Err(dead.error.clone().leaving_cookies()), forgotten);
        }
        let Some(ClaimedCall {
            operation, since, ..
        }) = claimed
        else {
            return (result.map(|(_, answer)| answer), forgotten);
        };
        let result = match result {
            Ok((outcome, answer)) => {
                self.seen = now.mono;
                self.note_given(&answer, now);
                let kept = KeptAnswer::new(&outcome, &answer, self.ended, since, now);
                self.kept = Some(kept);
                self.failed = None;
                self.early = None;
                Ok(answer)
            }
            Err(error) => {
                let error = self.learned(error, now);
                if self.dead.is_none() {
                    let before = self.failed.as_ref();
                    let failed = FailedCall::new(before, operation, error.clone(), self.ended, now);
                    self.failed = Some(failed);
                }
                Err(error)
            }
        };
        (result, forgotten)
    }

    /// The token for a call that rotates nothing.
    pub(super) fn current(&self, ticket: Ticket, now: Now) -> Result<RefreshToken, Error> {
        match self.refusal(ticket, now) {
            Some(error) => Err(error),
            None => Ok(self.current.clone()),
        }
    }

    /// The newest answer, however old.
    pub(super) fn newest(&self) -> Newest<T> {
        match &self.kept {
            _ if self.dead.is_some() => Newest::Ended,
            Some(kept) => Newest::Answer(kept.answer.clone()),
            None => Newest::None,
        }
    }

    /// The newest answer, for a request that need not be answered by a call: while it is kept for
    /// repeats, or if it would be the answer to a refresh.
    pub(super) fn kept(&self, ticket: Ticket, now: Now) -> Option<T> {
        let kept = self.kept.as_ref().filter(|_| !self.is_late(ticket))?;
        let wanted = Wanted {
            // It waits for no call.
            arrived: u64::MAX,
            ..self.wanted(ticket, &Operation::Refresh)
        };
        let keep = self.times.keep;
        let is_kept = kept.is_recent(keep, now) && !kept.is_revoked();
        (is_kept || kept.fits(wanted, keep, now)).then(|| kept.answer.clone())
    }

    /// The current token and how long it lives, if it took the place of the one presented.
    pub(super) fn successor(&self, ticket: Ticket, now: Now) -> Option<(RefreshToken, Duration)> {
        let alive = self.has_rotated(ticket) && self.dead.is_none();
        alive.then(|| (self.current.clone(), self.chain.rest(now)))
    }

    /// The digest of the token that is in force.
    pub(super) fn current_digest(&self) -> Digest {
        self.chain.current()
    }

    /// Returns `true` if the token that was presented has a successor, which its holder needs.
    pub(super) fn has_rotated(&self, ticket: Ticket) -> bool {
        ticket.presented != self.chain.current() && !self.is_late(ticket)
    }

    /// Returns `true` while a call is under way.
    pub(super) fn is_claimed(&self) -> bool {
        self.claimed.is_some()
    }

    /// Notes that the caller of the call under way has stopped waiting for it.
    pub(super) fn note_overdue(&mut self) {
        if let Some(claimed) = &mut self.claimed {
            claimed.overdue = true;
        }
    }

    /// Returns `true` while a call is under way whose caller has stopped waiting: nobody else waits
    /// for it either.
    pub(super) fn is_overdue(&self) -> bool {
        self.claimed.as_ref().is_some_and(|call| call.overdue)
    }

    /// When the newest session ends, as far as that is kept.
    pub(super) fn session_end(&self) -> Option<SystemTime> {
        self.kept.as_ref().and_then(KeptAnswer::session_end)
    }

    /// How the family ended, if it has.
    pub(super) fn end(&self) -> Option<&FamilyEnd> {
        self.dead.as_ref()
    }

    fn die(&mut self, end: FamilyEnd) {
        self.kept = None;
        self.failed = None;
        self.dead = Some(end);
    }

    /// Why a request gets no session of this family, if it does not.
    fn refusal(&self, ticket: Ticket, now: Now) -> Option<Error> {
        if let Some(dead) = &self.dead {
            return Some(dead.refusal(ticket.arrived, self.times.keep, now));
        }
        self.is_late(ticket).then(Error::replaced)
    }

    /// Returns `true` if the newest answer is not for the holder of what was presented.
    fn is_late(&self, ticket: Ticket) -> bool {
        ticket.late || self.chain.is_withdrawn(ticket.presented)
    }

    fn wanted<'a>(&self, ticket: Ticket, operation: &'a Operation) -> Wanted<'a> {
        Wanted {
            operation,
            arrived: ticket.arrived,
            replaced: self.has_rotated(ticket),
            shows_session: ticket.shows_session,
        }
    }
}
