//! Calls with a refresh token where several replicas share their state: each token is claimed before it
//! is sent, by one of them, and all are told what came of it.

use std::{future::Future, time::Duration};

use super::{
    handle::Descope,
    present::{PresentedRefresh, VerifiedRefresh},
};
use crate::{
    answer::SessionAnswer,
    client::RawAnswer,
    error::{Error, ErrorKind},
    ids::TenantId,
    rotation::{CallOutcome, leaves_rotation_open},
    shared::{AnswerBytes, Answered, EndedBy, Ending, Goal, Replica, SendingClaim, Way},
    token::{REFRESH_TOKEN_LIFE, RefreshToken},
};

/// The exchange of a refresh token for a new session.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) goal: Goal,
    /// True if nobody waits for the successor with the token that is sent.
    pub(super) withdrawn: bool,
    /// True if it waits for no other replica's call: the session is good without it.
    pub(super) early: bool,
}

/// Of a token that stays in force the answer is kept for a while, and until then nobody asks again.
const WAITS_FOR_NEXT: &str =
    "no call was made: the session was revoked, and another replica has renewed it just before";

/// The outcome of a call, and the answer's bytes where it may have rotated the token.
pub(super) type JudgedAnswer = (
    Option<AnswerBytes>,
    Result<CallOutcome<SessionAnswer>, Error>,
);

impl Exchange {
    pub(super) fn wanted(&self) -> Option<TenantId> {
        match &self.goal {
            Goal::Select(tenant) => Some(tenant.clone()),
            _ => None,
        }
    }
}

impl Descope {
    /// Exchanges a token by `call`, or takes the answer of another replica that has done so.
    pub(super) async fn exchange_over_replicas<F, Fut>(
        &self,
        shared: &Replica,
        holder: VerifiedRefresh,
        token: RefreshToken,
        exchange: Exchange,
        call: F,
    ) -> Result<CallOutcome<SessionAnswer>, Error>
    where
        F: FnOnce(RefreshToken) -> Fut,
        Fut: Future<Output = Result<RawAnswer, Error>>,
    {
        let wanted = exchange.wanted();
        let patience = if exchange.early {
            Duration::ZERO
        } else {
            shared.times().lease()
        };
        let mut shown = token == holder.token;
        let mut next = token.clone();
        let way = loop {
            let way = shared.follow(&next, shown, exchange.goal.clone(), patience);
            let way = way.await.map_err(|error| match error.kind() {
                // It is renewed elsewhere, or will be: nothing has failed.
                ErrorKind::SharedStateUnavailable if exchange.early => Error::throttled(
                    "no call was made: another replica may be renewing this session",
                    Duration::from_secs(1),
                ),
                _ => error,
            })?;
            let Way::Answer { answer, sent } = way else {
                break way;
            };
            let hop = self.sent_token(holder.clone(), sent.clone()).await;
            let outcome = self.verify_answer(*answer, hop, wanted.clone()).await;
            if !outcome.as_ref().is_ok_and(is_revoked) {
                return outcome.map(|it| CallOutcome {
                    by_another: true,
                    ..with_token_in_force(it, &token, sent)
                });
            }
            // Its session is refused by now: Descope is asked once more.
            let Some(successor) = outcome.ok().and_then(|outcome| outcome.successor) else {
                return Err(Error::throttled(WAITS_FOR_NEXT, Duration::from_secs(1)));
            };
            (next, shown) = (successor, false);
        };
        let Way::Send(claim) = way else {
            return Err(nowhere());
        };
        let sent = claim.token().clone();
        let judge = |answer, token| async {
            let bytes = AnswerBytes::of(&answer);
            let hop = self.sent_token(holder, token).await;
            (Some(bytes), self.verify_answer(answer, hop, wanted).await)
        };
        let outcome = self.send_claimed(claim, exchange.withdrawn, call, judge);
        outcome
            .await
            .map(|outcome| with_token_in_force(outcome, &token, sent))
    }

    /// Makes a call that no other one's answer serves, and that may rotate the token: `judge` says what
    /// came of it. With `shown` it is the token that the request has presented.
    pub(super) async fn exchange_alone<R, F, Fut, J, Judged>(
        &self,
        token: RefreshToken,
        shown: bool,
        call: F,
        judge: J,
    ) -> Result<CallOutcome<SessionAnswer>, Error>
    where
        F: FnOnce(RefreshToken) -> Fut,
        Fut: Future<Output = Result<R, Error>>,
        J: FnOnce(R, RefreshToken) -> Judged,
        Judged: Future<Output = JudgedAnswer>,
    {
        let Some(shared) = self.claims() else {
            let answer = call(token.clone()).await?;
            return judge(answer, token).await.1;
        };
        let patience = shared.times().lease();
        let way = shared.follow(&token, shown, Goal::Send, patience);
        let Way::Send(claim) = way.await? else {
            return Err(nowhere());
        };
        let sent = claim.token().clone();
        let outcome = self.send_claimed(claim, false, call, judge).await;
        outcome.map(|outcome| with_token_in_force(outcome, &token, sent))
    }

    /// Sends a claimed token by `call`, and tells all replicas what `judge` makes of the answer: with its
    /// bytes where it may have rotated the token.
    async fn send_claimed<R, F, Fut, J, Judged>(
        &self,
        claim: SendingClaim,
        withdrawn: bool,
        call: F,
        judge: J,
    ) -> Result<CallOutcome<SessionAnswer>, Error>
    where
        F: FnOnce(RefreshToken) -> Fut,
        Fut: Future<Output = Result<R, Error>>,
        J: FnOnce(R, RefreshToken) -> Judged,
        Judged: Future<Output = JudgedAnswer>,
    {
        claim.check_clock()?;
        let sent = claim.token().clone();
        let answer = claim.listen(call(sent.clone())).await;
        let answer = answer.map_err(|error| failed(&claim, error))?;
        match judge(answer, sent).await {
            (Some(bytes), outcome) => self.tell(claim, bytes, outcome, withdrawn).await,
            (None, outcome) => {
                // The token has not been rotated: it is in force as before.
                claim.end(Ending::Free);
                outcome
            }
        }
    }

    /// Tells all replicas what came of a call that Descope answered.
    async fn tell(
        &self,
        claim: SendingClaim,
        bytes: AnswerBytes,
        outcome: Result<CallOutcome<SessionAnswer>, Error>,
        withdrawn: bool,
    ) -> Result<CallOutcome<SessionAnswer>, Error> {
        let outcome = outcome.map_err(|error| failed(&claim, error))?;
        if let (Err(error), None) = (&outcome.answer, &outcome.successor) {
            claim.fail(error, true);
            return Ok(outcome);
        }
        let now = self.now().date();
        let successor_life = outcome
            .successor_expires_at
            .map_or(REFRESH_TOKEN_LIFE, |end| {
                end.duration_since(now).unwrap_or_default()
            });
        let Some(plain) = bytes.with(outcome.tenant.as_ref(), outcome.expires_at) else {
            return Ok(outcome);
        };
        let answered = Answered {
            plain,
            successor: outcome.successor.as_ref(),
            successor_life,
            withdrawn,
        };
        claim.publish(answered).await?;
        Ok(outcome)
    }

    /// Ends a session by `call` with its newest token, and tells all replicas, whatever Descope says.
    pub(super) async fn sign_out_over_replicas<F, Fut>(
        &self,
        holder: VerifiedRefresh,
        token: RefreshToken,
        call: F,
    ) -> Result<(), Error>
    where
        F: FnOnce(RefreshToken) -> Fut,
        Fut: Future<Output = Result<(), Error>>,
    {
        let Some(shared) = self.claims() else {
            return call(token).await;
        };
        let patience = shared.times().lease();
        let shown = token == holder.token;
        let way = shared.follow(&token, shown, Goal::SignOut, patience);
        let Way::Send(claim) = way.await? else {
            return Err(nowhere());
        };
        let result = claim.listen(call(claim.token().clone())).await;
        let confirmed = match &result {
            Ok(()) => true,
            Err(error) => error.upstream_verdict().is_refusal(),
        };
        let life = if confirmed {
            shared.times().remember_sign_out()
        } else {
            // Descope may never hear of it: no replica lets it in again as long as the token lives.
            let sent = self.sent_token(holder, claim.token().clone()).await;
            let now = self.now().date();
            let left = sent.expires_at.and_then(|end| end.duration_since(now).ok());
            left.unwrap_or(REFRESH_TOKEN_LIFE)
        };
        claim.end(Ending::Dead(EndedBy::SignOut, life));
        if claim.is_unasked() {
            shared.sign_out_later(claim.token(), life);
        }
        result
    }

    /// The newest token, for a call that only reads.
    pub(super) async fn newest_token(&self, token: RefreshToken) -> Result<RefreshToken, Error> {
        let Some(shared) = self.claims() else {
            return Ok(token);
        };
        let patience = shared.times().call;
        match shared.follow(&token, false, Goal::Read, patience).await? {
            Way::Token(newest) => Ok(newest),
            _ => Err(nowhere()),
        }
    }

    /// Returns `true` if another replica has exchanged a token, or is about to: that Descope calls it used is
    /// no news then.
    pub(super) async fn is_exchanged(&self, token: &RefreshToken) -> bool {
        let Some(shared) = self.claims() else {
            return false;
        };
        match shared
            .follow(token, false, Goal::Read, Duration::ZERO)
            .await
        {
            Ok(Way::Token(newest)) => newest != *token,
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::SharedStateUnavailable,
        }
    }

    /// Tells all replicas that Descope has refused a token in a call that only reads, if it has.
    pub(super) fn note_read(&self, token: &RefreshToken, error: &Error) {
        let by = match error.kind() {
            ErrorKind::SessionEnded => EndedBy::Descope,
            ErrorKind::RefreshTokenReused => EndedBy::Reuse,
            _ => return,
        };
        if let Some(shared) = self.claims() {
            shared.note_end(token, by);
        }
    }

    /// The answer that is at hand, or a newer one that another replica has brought since.
    ///
    /// # Errors
    ///
    /// Why the session has ended since, or gone on without this request.
    pub(crate) async fn newest_at_hand(
        &self,
        presented: &PresentedRefresh,
        answer: SessionAnswer,
    ) -> Result<SessionAnswer, Error> {
        let Some(shared) = self.claims() else {
            return Ok(answer);
        };
        let Some(newest) = presented.family.unseen() else {
            return Ok(answer);
        };
        let way = shared.follow(&newest, false, Goal::AtHand, Duration::ZERO);
        match way.await {
            Ok(Way::Answer {
                answer: newer,
                sent,
            }) => {
                let hop = self.sent_token(presented.verified.clone(), sent).await;
                // One that does not verify is not at hand.
                if let Ok(outcome) = self.verify_answer(*newer, hop, None).await {
                    presented.family.adopt(&newest, &outcome);
                }
            }
            Ok(_) => return Ok(answer),
            Err(error) if error.kind() == ErrorKind::SharedStateUnavailable => return Ok(answer),
            Err(error) => return Err(presented.family.learned(&error)),
        }
        presented.newest_after(answer)
    }
}

/// Returns `true` if the session that another replica was given is refused by now.
fn is_revoked(outcome: &CallOutcome<SessionAnswer>) -> bool {
    let answer = outcome.answer.as_ref();
    answer.is_ok_and(|answer| answer.session().revoked_at().is_some())
}

/// The token that is in force after a call with a later token of the chain than the family here knew.
fn with_token_in_force(
    mut outcome: CallOutcome<SessionAnswer>,
    known: &RefreshToken,
    sent: RefreshToken,
) -> CallOutcome<SessionAnswer> {
    if outcome.successor.is_none() && sent != *known {
        if let Ok(answer) = &outcome.answer {
            outcome.successor_expires_at = answer.in_force().expires_at;
        }
        outcome.successor = Some(sent);
    }
    outcome
}

/// Tells all replicas that a call has failed.
fn failed(claim: &SendingClaim, error: Error) -> Error {
    claim.fail(&error, leaves_rotation_open(&error));
    error
}

/// A walk leads nowhere else for its purpose.
fn nowhere() -> Error {
    Error::new(
        ErrorKind::SharedStateUnavailable,
        "no call was made: the shared state contradicts itself",
    )
}
