//! A token that is this replica's to send, until it is known what came of it.

use std::{future::Future, time::Duration};

use super::{
    envelope::PlainAnswer,
    hop::{Hop, ended},
    record::{Attempt, Claim, EndedBy, Ending, Publication, Published, Purpose, RecordName},
    replica::{Replica, later},
};
use crate::{
    client::RawAnswer,
    clock::Now,
    error::{Error, ErrorKind},
    token::RefreshToken,
};

/// How often a claim is renewed while a call is listened to beyond its caller's deadline.
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// How soon that is tried again where it failed: the lease may end before the next time.
const RENEW_AGAIN: Duration = Duration::from_millis(500);

/// How long an answer is kept after which the same token stays in force.
const KEEP_WITHOUT_SUCCESSOR: Duration = Duration::from_secs(2);

/// A token that is to be sent to Descope. Dropped without a word of how that ended, it is given back only
/// by the end of its lease: the process may have sent it.
pub(crate) struct SendingClaim {
    replica: Replica,
    hop: Hop,
    /// `None` where it is only to be ended, and could not be claimed.
    attempt: Option<Attempt>,
    /// When the claim was asked for.
    asked: Now,
    /// True if the store could not be asked.
    unasked: bool,
}

/// The answer to a call, as it is published.
pub(crate) struct Answered<'a> {
    pub(crate) plain: PlainAnswer,
    pub(crate) successor: Option<&'a RefreshToken>,
    /// How long the successor lives.
    pub(crate) successor_life: Duration,
    /// True if nobody waits for the successor with the token that was sent.
    pub(crate) withdrawn: bool,
}

impl SendingClaim {
    pub(super) fn new(
        replica: Replica,
        hop: Hop,
        attempt: Option<Attempt>,
        asked: Now,
        unasked: bool,
    ) -> Self {
        Self {
            replica,
            hop,
            attempt,
            asked,
            unasked,
        }
    }

    pub(crate) fn token(&self) -> &RefreshToken {
        &self.hop.token
    }

    /// Looks at the clock before the token is sent: a process that was frozen, or is short of CPU, must
    /// not send it on a claim that has lapsed.
    ///
    /// # Errors
    ///
    /// It is too late. The claim is given back.
    pub(crate) fn check_clock(&self) -> Result<(), Error> {
        let late = self.replica.now().since(&self.asked);
        if self.attempt.is_none() || late < self.replica.inner.times.sendable() {
            return Ok(());
        }
        self.end(Ending::Free);
        tracing::warn!(
            late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
            "no call was made: this process stood still after it had claimed a refresh token"
        );
        Err(later(Duration::from_secs(1)))
    }

    /// Waits for the call, and renews the claim while it is listened to.
    pub(crate) async fn listen<R>(&self, call: impl Future<Output = R>) -> R {
        let started = self.replica.now();
        let mut call = std::pin::pin!(call);
        let mut wait = self.replica.inner.times.call;
        loop {
            tokio::select! {
                biased;
                result = &mut call => {
                    self.replica.note_took(self.replica.now().since(&started));
                    return result;
                }
                () = self.replica.inner.clock.deadline(wait) => {
                    wait = if self.renew().await {
                        RENEW_EVERY
                    } else {
                        RENEW_AGAIN
                    };
                }
            }
        }
    }

    /// Returns `false` if the store could not be asked.
    async fn renew(&self) -> bool {
        let Some(attempt) = self.attempt else {
            return true;
        };
        let times = self.replica.inner.times;
        let claim = Claim {
            name: self.hop.name,
            attempt,
            purpose: Purpose::Exchange,
            lease: times.lease(),
            quarantine: Duration::ZERO,
        };
        // If it goes on failing, the claim lapses, and the answer is published all the same.
        self.replica.claim(&claim).await.is_ok()
    }

    /// Publishes the answer.
    ///
    /// # Errors
    ///
    /// The user signed out while the call was under way: nobody gets its session.
    pub(crate) async fn publish(self, answered: Answered<'_>) -> Result<(), Error> {
        let Self {
            replica,
            hop,
            attempt,
            ..
        } = self;
        let Some(attempt) = attempt else {
            return Ok(());
        };
        let successor = answered.successor.map(Hop::new).transpose()?;
        let answer = replica.publication(&hop, &answered, successor.is_some())?;
        let named = (hop.name, attempt, answer, successor.map(|hop| hop.name));
        let now = replica.now();
        replica.known().note_answer(named.clone(), now);
        let (name, attempt, answer, successor) = named;
        let store = &replica.inner.store;
        if let Some(successor) = successor {
            let link = store.link(successor, name, answer.life);
            if replica.step("link", link).await.is_err() {
                replica.link_in_background(successor, name, answer.life);
            }
        }
        let step = store.publish(name, attempt, &answer);
        match replica.step("publish", step).await {
            Ok(Published::Own) => Ok(()),
            Ok(Published::Foreign) => {
                tracing::warn!(
                    "an answer of descope's was published although another replica had claimed its \
                     token: a claim lapsed, or the shared state lost its memory"
                );
                Ok(())
            }
            Ok(Published::SignedOut) => Err(ended(EndedBy::SignOut)),
            // Whoever waits for it here is not held up.
            Err(_) => {
                replica.publish_until_taken(name, attempt, answer);
                Ok(())
            }
        }
    }

    /// Ends the claim without an answer, in the background.
    pub(crate) fn end(&self, ending: Ending) {
        let attempt = match (self.attempt, ending) {
            (Some(attempt), _) => attempt,
            // An end is noted without a claim, too.
            (None, Ending::Dead(..)) => match Attempt::new() {
                Ok(attempt) => attempt,
                Err(_) => return,
            },
            (None, _) => return,
        };
        self.replica.end(self.hop.name, attempt, ending);
    }

    /// Returns `true` if the store could not be asked.
    pub(crate) fn is_unasked(&self) -> bool {
        self.unasked
    }

    /// Ends the claim after a call that failed.
    pub(crate) fn fail(&self, error: &Error, is_open: bool) {
        let remember = self.replica.inner.times.remember_end();
        self.end(match error.kind() {
            ErrorKind::SessionEnded => Ending::Dead(EndedBy::Descope, remember),
            ErrorKind::RefreshTokenReused => Ending::Dead(EndedBy::Reuse, remember),
            _ if is_open => Ending::Rest(Duration::from_secs(1)),
            _ => Ending::Free,
        });
    }
}

impl Replica {
    /// Gives a claim back that will not be used, and may not have been made.
    pub(super) fn give_back(&self, name: RecordName, attempt: Attempt) {
        self.end(name, attempt, Ending::Free);
    }

    /// Notes the end of a session that Descope has told of.
    pub(crate) fn note_end(&self, token: &RefreshToken, by: EndedBy) {
        if let (Ok(hop), Ok(attempt)) = (Hop::new(token), Attempt::new()) {
            let ending = Ending::Dead(by, self.inner.times.remember_end());
            self.end(hop.name, attempt, ending);
        }
    }

    fn end(&self, name: RecordName, attempt: Attempt, ending: Ending) {
        let now = self.now();
        self.known().note_end(name, attempt, ending, now);
        let this = self.clone();
        self.repeat("end", move || {
            let this = this.clone();
            async move {
                let step = this.inner.store.end(name, attempt, ending);
                this.step("end", step).await
            }
        });
    }

    fn publication(
        &self,
        hop: &Hop,
        answered: &Answered<'_>,
        has_successor: bool,
    ) -> Result<Publication, Error> {
        let times = self.inner.times;
        let seal = |plain: &[u8]| {
            let sealer = &self.inner.sealer;
            sealer.seal(hop.token.expose(), &hop.name.id, plain)
        };
        let undelivered = times.undelivered.unwrap_or(answered.successor_life);
        let life = if has_successor {
            let life = undelivered.min(answered.successor_life).max(times.keep);
            life.max(KEEP_WITHOUT_SUCCESSOR)
        } else {
            KEEP_WITHOUT_SUCCESSOR
        };
        Ok(Publication {
            whole: seal(&answered.plain.whole)?,
            tokens: seal(&answered.plain.tokens)?,
            keep: times.keep.max(KEEP_WITHOUT_SUCCESSOR),
            age: Duration::ZERO,
            life,
            delivered: answered.withdrawn,
        })
    }

    /// Publishes an answer that is known elsewhere under another token of its session.
    pub(super) fn publish_in_background(
        &self,
        hop: &Hop,
        attempt: Attempt,
        plain: &PlainAnswer,
        answer: &RawAnswer,
    ) {
        let answered = Answered {
            plain: plain.clone(),
            successor: answer.refresh_token(),
            // The record that is there knows how long it lives; this is for one that has just gone.
            successor_life: self.inner.times.keep,
            withdrawn: false,
        };
        if let Ok(publication) = self.publication(hop, &answered, true) {
            self.publish_until_taken(hop.name, attempt, publication);
        }
    }

    pub(super) fn publish_until_taken(
        &self,
        name: RecordName,
        attempt: Attempt,
        answer: Publication,
    ) {
        let this = self.clone();
        self.repeat("publish", move || {
            let (this, answer) = (this.clone(), answer.clone());
            async move {
                let step = this.inner.store.publish(name, attempt, &answer);
                this.step("publish", step).await.map(drop)
            }
        });
    }

    fn link_in_background(&self, name: RecordName, predecessor: RecordName, life: Duration) {
        let this = self.clone();
        self.repeat("link", move || {
            let this = this.clone();
            async move {
                let step = this.inner.store.link(name, predecessor, life);
                this.step("link", step).await
            }
        });
    }
}
