//! What to do next with the refresh tokens of one session: a pure state machine.
//!
//! A *family* is the chain of tokens that rotation makes of one: predecessors, each spent, and the
//! *current* one. As far as this process knows: what another replica rotated is not in it.

use std::{mem, time::Duration};

use super::digest::Digest;
use crate::{
    clock::Now,
    error::{Error, ErrorKind},
    ids::TenantId,
    token::RefreshToken,
};

/// How long a token rests after a failure that leaves its fate open.
pub(super) const REST: Duration = Duration::from_secs(1);

/// How long, after the keep time, it is remembered that a token is dead. Forgetting costs one call
/// to Descope, which then says so again.
const DEAD_FOR: Duration = Duration::from_secs(3_600);

/// What a refresh token is spent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// A new session for the same tenant.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "renewal and the session routes come with it")
    )]
    Refresh,
    /// A new session for a tenant.
    Select(TenantId),
}

/// What a call brought.
#[derive(Clone, Debug)]
pub(crate) struct Outcome<T> {
    /// What the caller gets, and whoever repeats the call while it is kept.
    pub(crate) answer: T,
    /// The token that takes the place of the one sent; `None` if that one stays in force.
    pub(crate) successor: Option<RefreshToken>,
    /// The current tenant of the new session.
    pub(crate) tenant: Option<TenantId>,
}

/// What to do about one wish.
#[derive(Debug)]
pub(super) enum Step<T> {
    /// A call with this family is under way: ask again when it has ended.
    Wait,
    /// Answer with this; nothing goes up.
    Answer(T),
    /// Answer with this; nothing goes up.
    Refuse(Error),
    /// Send this token up, then say how it went ([`Family::done`]). It is claimed until then.
    Send { token: RefreshToken },
}

/// A wish's place in time: what was presented, and how many calls had ended by then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) presented: Digest,
    arrived: u64,
}

#[derive(Debug)]
pub(super) struct Family<T> {
    keep: Duration,
    current: RefreshToken,
    current_digest: Digest,
    /// Calls that have ended.
    ended: u64,
    phase: Phase,
    /// The newest answer.
    kept: Option<Kept<T>>,
    /// The newest call, if it failed.
    failed: Option<Failed>,
}

#[derive(Debug)]
enum Phase {
    Idle,
    /// A token is up, or about to be.
    Claimed(Op),
    /// No token of this family will go up again.
    Dead(Dead),
}

#[derive(Debug)]
struct Kept<T> {
    answer: T,
    tenant: Option<TenantId>,
    /// Which call brought it, counted from 1.
    call: u64,
    at: Now,
}

#[derive(Debug)]
struct Failed {
    op: Op,
    error: Error,
    call: u64,
    at: Now,
}

#[derive(Debug)]
struct Dead {
    error: Error,
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
            phase: Phase::Idle,
            kept: None,
            failed: None,
        }
    }

    /// Notes the arrival of a wish that presents `presented`: the current token, or a predecessor
    /// whose keep time has not passed.
    pub(super) fn arrive(&self, presented: Digest) -> Ticket {
        Ticket {
            presented,
            arrived: self.ended,
        }
    }

    /// Decides about a wish whose turn has come.
    pub(super) fn next(&mut self, ticket: Ticket, op: &Op, now: Now) -> Step<T> {
        match &self.phase {
            Phase::Idle => {}
            Phase::Claimed(_) => return Step::Wait,
            Phase::Dead(dead) => return Step::Refuse(dead.refusal(ticket, self.keep, now)),
        }
        if let Some(answer) = self.ready(ticket, op) {
            return Step::Answer(answer);
        }
        if let Some(error) = self.standing_failure(ticket, op, now) {
            return Step::Refuse(error);
        }
        self.phase = Phase::Claimed(op.clone());
        Step::Send {
            token: self.current.clone(),
        }
    }

    /// Notes how the call ended. The result is what its caller gets: not always what came.
    ///
    /// A successor is named together with its digest.
    pub(super) fn done(
        &mut self,
        now: Now,
        result: Result<Outcome<T>, Error>,
        successor_digest: Option<Digest>,
    ) -> Result<T, Error> {
        self.ended += 1;
        let op = match mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Claimed(op) => op,
            // Signed out while the call was under way: its tokens must not sign in again.
            Phase::Dead(dead) => {
                let error = dead.error.clone();
                self.phase = Phase::Dead(dead);
                return Err(error);
            }
            Phase::Idle => return result.map(|outcome| outcome.answer),
        };
        match result {
            Ok(outcome) => {
                if let (Some(token), Some(digest)) = (outcome.successor, successor_digest) {
                    self.current = token;
                    self.current_digest = digest;
                }
                self.kept = Some(Kept {
                    answer: outcome.answer.clone(),
                    tenant: outcome.tenant,
                    call: self.ended,
                    at: now,
                });
                self.failed = None;
                Ok(outcome.answer)
            }
            Err(error) => {
                let error = match error.kind() {
                    ErrorKind::SessionEnded => error.with_session_ended(),
                    _ => error,
                };
                match error.kind() {
                    ErrorKind::SessionEnded | ErrorKind::RefreshTokenReused => {
                        self.die(error.clone(), now);
                    }
                    _ => {
                        self.failed = Some(Failed {
                            op,
                            error: error.clone(),
                            call: self.ended,
                            at: now,
                        });
                    }
                }
                Err(error)
            }
        }
    }

    /// Notes that the user signed out: no kept answer, no further call, and what is under way
    /// brings its caller nothing.
    pub(super) fn forget(&mut self, now: Now) {
        let error = Error::new(ErrorKind::SessionEnded, "the user signed out");
        self.die(error.with_session_ended(), now);
    }

    /// Whether a call is under way.
    pub(super) fn is_claimed(&self) -> bool {
        matches!(self.phase, Phase::Claimed(_))
    }

    /// Whether no token of this family will go up again.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.phase, Phase::Dead(_))
    }

    /// Whether nothing here would change the answer to any wish.
    pub(super) fn is_stale(&self, now: Now) -> bool {
        let over = |at: &Now, span: Duration| now.since(at) >= span;
        match &self.phase {
            Phase::Claimed(_) => false,
            Phase::Dead(dead) => over(&dead.at, self.keep + DEAD_FOR),
            Phase::Idle => {
                self.kept
                    .as_ref()
                    .is_none_or(|kept| over(&kept.at, self.keep))
                    && self
                        .failed
                        .as_ref()
                        .is_none_or(|failed| over(&failed.at, REST))
            }
        }
    }

    fn die(&mut self, error: Error, now: Now) {
        self.kept = None;
        self.failed = None;
        self.phase = Phase::Dead(Dead {
            error,
            call: self.ended,
            at: now,
        });
    }

    /// The kept answer, if it answers this wish: it came while the wish waited, or the wish
    /// presents a token that the answer replaced.
    fn ready(&self, ticket: Ticket, op: &Op) -> Option<T> {
        let kept = self.kept.as_ref()?;
        let waited = kept.call > ticket.arrived;
        let replaced = ticket.presented != self.current_digest;
        let fits = match op {
            Op::Refresh => true,
            Op::Select(tenant) => kept.tenant.as_ref() == Some(tenant),
        };
        ((waited || replaced) && fits).then(|| kept.answer.clone())
    }

    /// The last failure, if it answers this wish: it was about an equal wish and came while this
    /// one waited, or it leaves open whether the token was spent and is less than a second old.
    fn standing_failure(&self, ticket: Ticket, op: &Op, now: Now) -> Option<Error> {
        let failed = self.failed.as_ref()?;
        let rest = REST.saturating_sub(now.since(&failed.at));
        if leaves_fate_open(&failed.error) && !rest.is_zero() {
            let after = failed.error.retry_after().unwrap_or_default().max(rest);
            return Some(failed.error.clone().with_retry_after(Some(after)));
        }
        (failed.call > ticket.arrived && failed.op == *op).then(|| failed.error.clone())
    }
}

impl Dead {
    /// A dead token's cookies are removed at once only if the session is over. Else only where the
    /// token is presented anew although the keep time has passed.
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

/// Whether, after this failure, Descope may or may not have spent the token.
fn leaves_fate_open(error: &Error) -> bool {
    error.is_transient() || error.kind() == ErrorKind::UpstreamInvalid
}
