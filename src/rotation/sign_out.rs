//! Sign-outs: at once here, and at Descope as soon as it can be reached.

use std::{future::Future, time::Duration};

use tokio::sync::oneshot;
use tracing::Instrument;

use super::{
    answer::KeptSession,
    call::Operation,
    failure::{abandoned, timed_out},
    family::FamilyStep,
    lease::FamilyLease,
    send::Claim,
};
use crate::{error::Error, running::runtime, token::RefreshToken};

/// The pauses between the tries of a sign-out that Descope has not confirmed: at first, doubled
/// each time, and at most.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const RETRY_AFTER_AT_MOST: Duration = Duration::from_secs(600);

/// The end of one try.
enum Tried {
    /// Descope knows of the sign-out, or has said so before.
    Settled(Result<(), Error>),
    /// It may not know of it.
    Open(Error),
}

impl<T: KeptSession + Send + Sync + 'static> FamilyLease<T> {
    /// Signs the holder of the token out: at once here, where every kept answer of its family is
    /// dropped and a call that is under way brings its caller nothing; then, in its turn, at
    /// Descope by `send`, with the newest token of the family.
    ///
    /// It runs to its end even if the caller goes away at once, and is tried again in the
    /// background, as long as the token lives, until Descope confirms it.
    ///
    /// # Errors
    ///
    /// The error of the first try; the family stays signed out here. The end of the session, if
    /// Descope has said that before. [`ErrorKind::UpstreamTimeout`](crate::ErrorKind) past the
    /// deadline; [`ErrorKind::NoRuntime`](crate::ErrorKind) outside of a tokio runtime.
    pub(crate) async fn sign_out<F, Fut>(&self, send: F) -> Result<(), Error>
    where
        F: Fn(RefreshToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let lease = self.share();
        lease.end_here();
        let runtime = runtime()?;
        let (caller, first) = oneshot::channel();
        let running = self.queue.running();
        let call = async move {
            match lease.try_sign_out(&send).await {
                Tried::Settled(result) => drop(caller.send(result)),
                Tried::Open(error) => {
                    let retry_after = error.retry_after();
                    drop(caller.send(Err(error)));
                    lease.retry_sign_out(&send, retry_after).await;
                }
            }
            drop(running);
        };
        runtime.spawn(call.in_current_span());
        let clock = self.queue.clock();
        tokio::select! {
            biased;
            result = first => result.unwrap_or_else(|_| Err(abandoned())),
            // The call that it waits for is overdue: nobody waits for that one.
            () = self.arrival.turn.overdue(|| self.is_overdue()) => Err(timed_out()),
            () = clock.deadline(self.queue.timeout()) => Err(timed_out()),
        }
    }

    async fn try_sign_out<F, Fut>(&self, send: &F) -> Tried
    where
        F: Fn(RefreshToken) -> Fut,
        Fut: Future<Output = Result<(), Error>>,
    {
        let turn = self.arrival.turn.alone_at_last().await;
        match self.decide(&Operation::SignOut) {
            Some(FamilyStep::Send { token }) => {
                let claim = Claim::new(self, Operation::SignOut, turn);
                let result = send(token).await;
                let confirmed = claim.signed_out(&result);
                match result {
                    Err(error) if !confirmed => Tried::Open(error),
                    result => Tried::Settled(result),
                }
            }
            Some(FamilyStep::Refuse(error)) => Tried::Settled(Err(error)),
            Some(FamilyStep::Answer(_) | FamilyStep::Wait) | None => Tried::Open(abandoned()),
        }
    }

    /// Tries again until Descope confirms the sign-out, or it is pointless.
    async fn retry_sign_out<F, Fut>(&self, send: &F, mut asked: Option<Duration>)
    where
        F: Fn(RefreshToken) -> Fut,
        Fut: Future<Output = Result<(), Error>>,
    {
        let Some(_permit) = self.queue.retry_permit() else {
            tracing::warn!("too many sign-outs wait for descope: this one is not tried again");
            return;
        };
        let mut pause = RETRY_AFTER;
        loop {
            let wait = asked
                .unwrap_or_default()
                .max(pause)
                .min(RETRY_AFTER_AT_MOST);
            let draining = tokio::select! {
                () = self.queue.clock().sleep(wait) => false,
                () = self.queue.draining() => true,
            };
            if self.has_expired() {
                return;
            }
            match self.try_sign_out(send).await {
                Tried::Settled(_) => {
                    tracing::info!("a sign-out that had failed is confirmed by descope");
                    return;
                }
                Tried::Open(error) => {
                    asked = error.retry_after();
                    if draining {
                        tracing::error!(%error, "signed out here, and descope does not know it");
                        return;
                    }
                }
            }
            pause = pause.saturating_mul(2).min(RETRY_AFTER_AT_MOST);
        }
    }

    /// Returns `true` once the family's newest token has expired: there is nothing to sign out of.
    fn has_expired(&self) -> bool {
        let now = self.queue.clock().now();
        let table = self.queue.table();
        let family = table.family(self.arrival.family);
        family.is_none_or(|family| family.chain().is_expired(now))
    }

    /// Signs the family out in this process, before anything is sent.
    pub(super) fn end_here(&self) {
        let now = self.queue.clock().now();
        let mut table = self.queue.table();
        table.with_family(self.arrival.family, |family| family.sign_out(now));
    }
}
