//! Following the records of a token: to an answer that another replica brought, or to the token that is
//! this replica's to send.

use std::time::Duration;

use super::{
    claim::SendingClaim,
    envelope::OpenedAnswer,
    hop::{Hop, ended},
    record::{Attempt, Claim, EndedBy, Ending, Purpose, StoredAnswer},
    replica::{Replica, later, unavailable},
    store::{StoreError, StoreErrorKind},
    walk::{Goal, Next, Opened, Refusal, Walk},
};
use crate::{client::RawAnswer, clock::Now, error::Error, telemetry, token::RefreshToken};

/// Where a walk has led.
pub(crate) enum Way {
    /// To a token that is to be sent.
    Send(SendingClaim),
    /// To the answer of a call that sent `sent`.
    Answer {
        answer: Box<RawAnswer>,
        sent: RefreshToken,
    },
    /// To the newest token.
    Token(RefreshToken),
    /// Nowhere: what is at hand is the newest answer.
    AtHand,
}

impl Replica {
    /// Follows a token. Waits for other replicas' calls for `patience` at most.
    ///
    /// With `shown` it is the token that the request has presented, so that whoever sent it has received
    /// what replaced its predecessor.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SharedStateUnavailable`] where nobody can say who may send the token, or past
    /// `patience`: nothing was sent. The end of the session, where another replica knows of it.
    /// [`ErrorKind::RefreshTokenReplaced`] for a request that is late.
    pub(crate) async fn follow(
        &self,
        token: &RefreshToken,
        shown: bool,
        goal: Goal,
        patience: Duration,
    ) -> Result<Way, Error> {
        let first = Hop::new(token)?;
        if self.last_tick().is_none() && goal != Goal::SignOut {
            // Until it is known since when the store remembers, a token without a record is nobody's.
            self.tick(None).await?;
        }
        let mut walker = Walker {
            replica: self,
            attempt: Attempt::new()?,
            shown,
            walk: Walk::new(goal, self.inner.times.keep),
            hop: first.clone(),
            hand: None,
            asked: self.now(),
        };
        let mut wait = self.wait(patience);
        let mut next = walker.walk.next();
        loop {
            next = match next {
                Next::Claim => match walker.claim().await {
                    Ok(next) => next,
                    Err(error) => return walker.without_store(&error),
                },
                Next::Look => match walker.look().await {
                    Ok(next) => next,
                    Err(error) => return walker.without_store(&error),
                },
                Next::AskAgain { age } => {
                    if !wait.pause(age).await {
                        return Err(later(Duration::from_secs(1)));
                    }
                    walker.walk.next()
                }
                Next::Open(stored) => walker.open(&stored)?,
                Next::Send => return Ok(walker.sending(Some(walker.attempt), false)),
                Next::SendUnclaimed => return Ok(walker.sending(None, false)),
                Next::Use => {
                    if walker.walk.hops() > 1 {
                        walker.shorten(&first);
                    }
                    return Ok(walker.used());
                }
                Next::Refuse(refusal) => return Err(refused(refusal)),
            };
        }
    }
}

impl Replica {
    /// Tells the store of a sign-out as soon as it can be asked: each record of the token's successors,
    /// and the newest, which is remembered for so long.
    pub(crate) fn sign_out_later(&self, token: &RefreshToken, life: Duration) {
        let (this, token) = (self.clone(), token.clone());
        self.repeat("sign_out", move || {
            let (this, token) = (this.clone(), token.clone());
            async move {
                let patience = this.inner.times.call;
                let way = this.follow(&token, false, Goal::SignOut, patience);
                if let Ok(Way::Send(claim)) = way.await {
                    if claim.is_unasked() {
                        return Err(StoreError::new(StoreErrorKind::Unreachable, "not yet"));
                    }
                    claim.end(Ending::Dead(EndedBy::SignOut, life));
                }
                Ok(())
            }
        });
    }
}

struct Walker<'a> {
    replica: &'a Replica,
    attempt: Attempt,
    /// True if the token that the walk began with was presented.
    shown: bool,
    walk: Walk,
    hop: Hop,
    /// The answer opened last, and the token that was sent for it.
    hand: Option<(OpenedAnswer, RefreshToken)>,
    /// When the last claim was asked for.
    asked: Now,
}

impl Walker<'_> {
    async fn claim(&mut self) -> Result<Next, StoreError> {
        let times = self.replica.inner.times;
        self.asked = self.replica.now();
        let claim = Claim {
            name: self.hop.name,
            attempt: self.attempt,
            purpose: match self.walk.goal() {
                Goal::SignOut => Purpose::SignOut,
                _ => Purpose::Exchange,
            },
            lease: times.lease(),
            quarantine: times.quarantine(),
        };
        let found = self.replica.claim(&claim).await?;
        // A token that the walk has come to may be in no browser yet.
        if self.shown && self.walk.hops() == 0 {
            self.replica.deliver_in_background(found.predecessor);
        }
        let next = self.walk.claimed(found.state);
        telemetry::shared_claim(outcome(&next));
        Ok(next)
    }

    async fn look(&mut self) -> Result<Next, StoreError> {
        let found = if *self.walk.goal() == Goal::Watch {
            self.replica.look_back(self.hop.name).await?
        } else {
            self.replica.look(self.hop.name).await?
        };
        let settling = self.replica.settling();
        if found.state.is_none() && *self.walk.goal() == Goal::Read && !settling.is_zero() {
            // The token may have been replaced before the store lost its memory.
            return Ok(Next::Refuse(Refusal::Lost { left: settling }));
        }
        Ok(self.walk.looked(found.state))
    }

    fn open(&mut self, stored: &StoredAnswer) -> Result<Next, Error> {
        let sent = self.hop.token.clone();
        let sealer = &self.replica.inner.sealer;
        let plain = sealer.open(sent.expose(), &self.hop.name.id, &stored.sealed);
        let opened = plain.and_then(|plain| OpenedAnswer::read(&plain));
        let Some(answer) = opened else {
            telemetry::shared_answer_unreadable();
            return Err(later(Duration::from_secs(1)));
        };
        let found: Opened = answer.opened(stored.age, self.replica.now());
        if let Some(successor) = answer.answer.refresh_token() {
            self.hop = Hop::new(successor)?;
        }
        self.hand = Some((answer, sent));
        Ok(self.walk.opened(&found))
    }

    fn sending(&self, attempt: Option<Attempt>, unasked: bool) -> Way {
        Way::Send(SendingClaim::new(
            self.replica.clone(),
            self.hop.clone(),
            attempt,
            self.asked,
            unasked,
        ))
    }

    fn used(&mut self) -> Way {
        match self.hand.take() {
            _ if *self.walk.goal() == Goal::Read => Way::Token(self.hop.token.clone()),
            Some((opened, sent)) => Way::Answer {
                answer: Box::new(opened.answer),
                sent,
            },
            None => Way::AtHand,
        }
    }

    /// The way on where the store does not answer: a session is ended all the same, and an answer in
    /// hand goes out. Nothing else does.
    fn without_store(&mut self, error: &StoreError) -> Result<Way, Error> {
        match (self.walk.goal(), self.walk.next()) {
            (Goal::SignOut, _) => Ok(self.sending(None, true)),
            (Goal::AtHand | Goal::Refresh { .. } | Goal::Select(_), Next::Look) => Ok(self.used()),
            _ => Err(unavailable(error)),
        }
    }

    /// Publishes the newest answer under the token that was presented, so that whoever presents that
    /// again has one step to go.
    fn shorten(&self, first: &Hop) {
        let Some((opened, _)) = &self.hand else {
            return;
        };
        // One without a new refresh token is kept for a moment only, and would stand here for as long as
        // the one that it replaces.
        if opened.answer.refresh_token().is_none() {
            return;
        }
        if let Some(plain) = opened.plain() {
            self.replica
                .publish_in_background(first, self.attempt, &plain, &opened.answer);
        }
    }
}

/// The name of a claim's outcome in counters.
fn outcome(next: &Next) -> &'static str {
    match next {
        Next::Send | Next::SendUnclaimed => "own",
        Next::AskAgain { .. } => "busy",
        Next::Open(_) => "answered",
        Next::Refuse(Refusal::Dead(_)) => "ended",
        Next::Refuse(Refusal::Late) => "late",
        Next::Refuse(Refusal::Rest { .. }) => "rest",
        Next::Refuse(Refusal::Lost { .. }) => "memory_lost",
        Next::Refuse(Refusal::TooLong) | Next::Claim | Next::Look | Next::Use => "other",
    }
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Dead(by) => ended(by),
        Refusal::Late => Error::replaced(),
        Refusal::Rest { left } | Refusal::Lost { left } => later(left),
        Refusal::TooLong => later(Duration::from_secs(1)),
    }
}
