//! The pure state machine that decides what is done next with the refresh tokens of one session.
//!
//! A *family* is the chain of tokens that rotation makes of one: predecessors, each rotated, and the
//! *current* one. As far as this process knows: what another replica rotated is not in it.

use std::time::{Duration, SystemTime};

use super::call::{CallOutcome, Operation};
use crate::{
    clock::Now,
    digest::Digest,
    error::{Error, ErrorKind},
    ids::TenantId,
    token::RefreshToken,
};

/// How long a token is not sent again after a failure that leaves open whether Descope rotated it.
pub(super) const RESEND_AFTER: Duration = Duration::from_secs(1);

/// How long, after the keep time, it is remembered that a session ended. Forgetting costs one call
/// to Descope, which then says so again.
const REMEMBER_END: Duration = Duration::from_secs(3_600);

/// How long an early renewal is left alone once one was tried: the token is good without it.
const EARLY_INTERVAL: Duration = Duration::from_secs(60);

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

/// A request's place in time: the token presented, and how many calls had ended by then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) presented: Digest,
    arrived: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Family<T> {
    keep: Duration,
    current: RefreshToken,
    current_digest: Digest,
    /// Calls that have ended.
    ended: u64,
    /// The operation that a token is on its way for, or about to be sent for.
    claimed: Option<Operation>,
    /// Set once no token of this family will bring a session again.
    dead: Option<FamilyEnd>,
    /// The newest answer.
    kept: Option<KeptAnswer<T>>,
    /// The newest call, if it failed.
    failed: Option<FailedCall>,
    /// When the current token was last given up early, unless that brought a new session.
    early: Option<Now>,
    /// When the current token came, if nobody but this process has it.
    undelivered: Option<Now>,
}

#[derive(Clone, Debug)]
struct KeptAnswer<T> {
    answer: T,
    tenant: Option<TenantId>,
    expires_at: Option<SystemTime>,
    /// Which call brought it, counted from 1.
    call: u64,
    at: Now,
}

#[derive(Clone, Debug)]
struct FailedCall {
    op: Operation,
    error: Error,
    call: u64,
    at: Now,
}

#[derive(Clone, Debug)]
struct FamilyEnd {
    error: Error,
    /// True once Descope knows it, too.
    revoked: bool,
    call: u64,
    at: Now,
}

impl<T: Clone> Family<T> {
    /// A family of which one token is known.
    pub(super) fn new(keep: Duration, token: RefreshToken, digest: Digest) -> Self {
        Self {
            keep,
            current: token,
            current_digest: digest,
            ended: 0,
            claimed: None,
            dead: None,
            kept: None,
            failed: None,
            early: None,
            undelivered: None,
        }
    }

    /// Notes the arrival of a request that presents `presented`: the current token, or a predecessor
    /// whose keep time has not passed.
    pub(super) fn arrive(&self, presented: Digest) -> Ticket {
        Ticket {
            presented,
            arrived: self.ended,
        }
    }

    /// Decides about a request whose turn has come.
    pub(super) fn next(&mut self, ticket: Ticket, op: &Operation, now: Now) -> FamilyStep<T> {
        if let Some(dead) = &self.dead
            && (*op != Operation::SignOut || dead.revoked)
        {
            return FamilyStep::Refuse(dead.refusal(ticket, self.keep, now));
        }
        if self.claimed.is_some() {
            return FamilyStep::Wait;
        }
        if *op != Operation::SignOut {
            if let Some(answer) = self.ready(ticket, op, now) {
                return FamilyStep::Answer(answer);
            }
            if let Some(error) = self.standing_failure(ticket, op, now) {
                return FamilyStep::Refuse(error);
            }
        }
        self.claimed = Some(op.clone());
        FamilyStep::Send {
            token: self.current.clone(),
        }
    }

    /// Notes how the call ended. The result is what its caller gets: not always what came.
    ///
    /// A successor is named together with its digest.
    pub(super) fn done(
        &mut self,
        now: Now,
        result: Result<CallOutcome<T>, Error>,
        successor_digest: Option<Digest>,
    ) -> Result<T, Error> {
        self.ended += 1;
        let claimed = self.claimed.take();
        let (result, tenant, expires_at) = match result {
            Ok(outcome) => {
                if let (Some(token), Some(digest)) = (outcome.successor, successor_digest) {
                    self.current = token;
                    self.current_digest = digest;
                    if outcome.answer.is_err() {
                        // The kept answer names a token that has been rotated by now.
                        self.kept = None;
                        self.undelivered = Some(now);
                    }
                }
                (outcome.answer, outcome.tenant, outcome.expires_at)
            }
            Err(error) => (Err(error), None, None),
        };
        if let Some(dead) = &self.dead {
            // Signed out while the call was under way: its tokens must not sign in again.
            return Err(dead.error.clone());
        }
        let Some(op) = claimed else {
            return result;
        };
        match result {
            Ok(answer) => {
                self.kept = Some(KeptAnswer {
                    answer: answer.clone(),
                    tenant,
                    expires_at,
                    call: self.ended,
                    at: now,
                });
                self.failed = None;
                self.early = None;
                self.undelivered = None;
                Ok(answer)
            }
            Err(error) => {
                let error = self.learned(error, now);
                if self.dead.is_none() {
                    self.failed = Some(FailedCall {
                        op,
                        error: error.clone(),
                        call: self.ended,
                        at: now,
                    });
                }
                Err(error)
            }
        }
    }

    /// The token for a call that only reads.
    pub(super) fn current(&self, ticket: Ticket, now: Now) -> Result<RefreshToken, Error> {
        match &self.dead {
            Some(dead) => Err(dead.refusal(ticket, self.keep, now)),
            None => Ok(self.current.clone()),
        }
    }

    /// Notes what Descope said about a token of this family, if that was its end. The result is
    /// what the caller gets.
    pub(super) fn learned(&mut self, error: Error, now: Now) -> Error {
        let error = match error.kind() {
            ErrorKind::SessionEnded => error.with_session_ended(),
            ErrorKind::RefreshTokenReused => error,
            _ => return error,
        };
        if self.dead.is_none() {
            self.die(error.clone(), true, now);
        }
        error
    }

    /// Notes how the call of a [`Operation::SignOut`] ended.
    pub(super) fn signed_out(&mut self, now: Now, revoked: bool) {
        self.ended += 1;
        self.claimed = None;
        self.sign_out(now);
        if let Some(dead) = &mut self.dead {
            dead.revoked |= revoked;
        }
    }

    /// Notes that the user signed out: no kept answer, no further call, and what is under way
    /// brings its caller nothing.
    pub(super) fn sign_out(&mut self, now: Now) {
        if self.dead.is_none() {
            let error = Error::new(ErrorKind::SessionEnded, "the user signed out");
            self.die(error.with_session_ended(), false, now);
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

    /// The newest answer, while it is kept.
    pub(super) fn kept(&self, now: Now) -> Option<T> {
        let kept = self.kept.as_ref()?;
        (now.since(&kept.at) < self.keep).then(|| kept.answer.clone())
    }

    /// Returns `true` if the token that was presented is a predecessor.
    pub(super) fn has_rotated(&self, ticket: Ticket) -> bool {
        ticket.presented != self.current_digest
    }

    /// Returns `true` if nobody but this process has the current token: the call that brought it brought
    /// nothing to tell a browser.
    pub(super) fn is_undelivered(&self) -> bool {
        self.undelivered.is_some()
    }

    /// Returns `true`, and notes it, if the current token may be exchanged although its session is
    /// still good, so that one call at most is made for it. An undelivered token need not wait: the
    /// browser's own has been rotated, and this one is not kept for long.
    pub(super) fn try_early(&mut self, now: Now) -> bool {
        let rests = !self.is_undelivered()
            && self
                .early
                .is_some_and(|tried| now.since(&tried) < EARLY_INTERVAL);
        let free = !rests && self.claimed.is_none() && self.dead.is_none();
        if free {
            self.early = Some(now);
        }
        free
    }

    /// Returns `true` while a call is under way.
    pub(super) fn is_claimed(&self) -> bool {
        self.claimed.is_some()
    }

    /// Returns `true` if no token of this family will be sent again.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    /// Returns `true` if forgetting the family would change no later decision.
    pub(super) fn is_stale(&self, now: Now) -> bool {
        let over = |at: &Now, span: Duration| now.since(at) >= span;
        if self.claimed.is_some() {
            return false;
        }
        if let Some(dead) = &self.dead {
            return over(&dead.at, self.keep.saturating_add(REMEMBER_END));
        }
        self.kept
            .as_ref()
            .is_none_or(|kept| over(&kept.at, self.keep))
            && self
                .failed
                .as_ref()
                .is_none_or(|failed| over(&failed.at, RESEND_AFTER))
            && self
                .undelivered
                .as_ref()
                .is_none_or(|at| over(at, self.keep))
            && self
                .early
                .as_ref()
                .is_none_or(|at| over(at, EARLY_INTERVAL))
    }

    fn die(&mut self, error: Error, revoked: bool, now: Now) {
        self.kept = None;
        self.failed = None;
        self.undelivered = None;
        self.dead = Some(FamilyEnd {
            error,
            revoked,
            call: self.ended,
            at: now,
        });
    }

    /// The kept answer, if it answers this request: it came while the request waited, or the request
    /// presents a token that the answer replaced; and its session has not ended since.
    fn ready(&self, ticket: Ticket, op: &Operation, now: Now) -> Option<T> {
        let kept = self.kept.as_ref()?;
        if kept.expires_at.is_some_and(|end| end <= now.date()) {
            return None;
        }
        let waited = kept.call > ticket.arrived;
        let replaced = self.has_rotated(ticket);
        let fits = match op {
            Operation::Refresh => true,
            Operation::Select(tenant) => kept.tenant.as_ref() == Some(tenant),
            Operation::SignOut => false,
        };
        ((waited || replaced) && fits).then(|| kept.answer.clone())
    }

    /// The last failure, if it answers this request: it was about an equal one and came while this
    /// one waited, or it leaves open whether the token was rotated and is less than a second old.
    fn standing_failure(&self, ticket: Ticket, op: &Operation, now: Now) -> Option<Error> {
        let failed = self.failed.as_ref()?;
        let rest = RESEND_AFTER.saturating_sub(now.since(&failed.at));
        if leaves_rotation_open(&failed.error) && !rest.is_zero() {
            let after = failed.error.retry_after().unwrap_or_default().max(rest);
            return Some(failed.error.clone().with_retry_after(Some(after)));
        }
        (failed.call > ticket.arrived && failed.op == *op).then(|| failed.error.clone())
    }
}

impl FamilyEnd {
    /// The error for a request whose family has ended. Cookies are removed at once only if the
    /// session is over; else only where the token is still presented after the keep time, since
    /// until then the cookies of another replica's answer may be on their way to the browser.
    fn refusal(&self, ticket: Ticket, keep: Duration, now: Now) -> Error {
        let error = self.error.clone();
        let anew = ticket.arrived >= self.call;
        if anew && now.since(&self.at) >= keep {
            error.with_session_ended()
        } else {
            error
        }
    }
}

/// Returns `true` if after this failure nobody knows whether Descope rotated the token.
fn leaves_rotation_open(error: &Error) -> bool {
    error.is_transient() || error.kind() == ErrorKind::UpstreamInvalid
}
