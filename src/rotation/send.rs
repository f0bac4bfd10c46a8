//! The calls that rotate a refresh token, each in its turn and each to its end.

use std::{future::Future, time::Duration};

use tokio::sync::{OwnedRwLockWriteGuard, oneshot};
use tracing::Instrument;

use super::{
    answer::KeptSession,
    call::{CallOutcome, FollowUp, Operation},
    failure::{self, abandoned},
    family::{Family, FamilyStep},
    lease::FamilyLease,
};
use crate::{
    error::{Error, ErrorKind},
    running::runtime,
    token::RefreshToken,
};

impl<T: KeptSession + Send + Sync + 'static> FamilyLease<T> {
    /// As [`exchange_and_follow`](Self::exchange_and_follow), with no call that follows.
    #[cfg(test)]
    pub(crate) async fn exchange<F, Fut>(&self, operation: Operation, send: F) -> Result<T, Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<CallOutcome<T>, Error>> + Send + 'static,
    {
        self.exchange_and_follow(operation, send, |_| None).await
    }

    /// Exchanges the family's token for a new session: answers from what is kept, or, in its turn,
    /// calls `send` with the newest token of the family. An answer that came so may be `followed` by
    /// another call in the same turn.
    ///
    /// The caller may be dropped at any time: while it waits, nothing is sent for it; a call that
    /// has begun runs to its end, and its answer is kept. The same happens where the answer comes
    /// after the caller's deadline, but then no call follows.
    ///
    /// # Errors
    ///
    /// The error of `send`, or that of a moment ago; [`Error::ends_session`] is true where the
    /// caller's cookies are to be removed. [`ErrorKind::UpstreamTimeout`] past the deadline, also
    /// of the call that is waited for; [`ErrorKind::Throttled`] beyond the limits on calls;
    /// [`ErrorKind::NoRuntime`] outside of a tokio runtime.
    pub(crate) async fn exchange_and_follow<F, Fut, N>(
        &self,
        operation: Operation,
        send: F,
        follow: N,
    ) -> Result<T, Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<CallOutcome<T>, Error>> + Send + 'static,
        N: FnOnce(&T) -> Option<FollowUp<T>> + Send + 'static,
    {
        let runtime = runtime()?;
        if let Some(step) = self.throttled(&operation) {
            return step;
        }
        // First come, first served: tokio's lock is fair.
        let turn = self.arrival.turn.alone(|| self.is_overdue()).await;
        let turn = turn.ok_or_else(failure::timed_out)?;
        let permit = self.queue.permit()?;
        match self.decide(&operation) {
            Some(FamilyStep::Answer(answer)) => Ok(answer),
            Some(FamilyStep::Refuse(error)) => Err(self.queue.limited(error)),
            Some(FamilyStep::Send { token }) => {
                let claim = Claim::new(self, operation, turn);
                let (caller, answer) = oneshot::channel();
                // On a task of its own: a caller that goes away must not leave a token whose fate
                // nobody knows. In a box, since the call is large and would be moved several times.
                let call = async move {
                    claim.run(Box::pin(send(token)), follow, caller).await;
                    drop(permit);
                };
                runtime.spawn(call.in_current_span());
                answer.await.unwrap_or_else(|_| Err(abandoned()))
            }
            // The turn is held, so no call is under way; and a family with a lease cannot be gone.
            Some(FamilyStep::Wait) | None => Err(abandoned()),
        }
    }

    /// While Descope asks to slow down, answers what needs no call, and refuses all else but one
    /// call a second, so that nobody queues.
    fn throttled(&self, operation: &Operation) -> Option<Result<T, Error>> {
        let now = self.queue.clock().now();
        let retry_after = self.queue.slowed_down(now)?;
        let table = self.queue.table();
        let family = table.family(self.arrival.family)?;
        let ready = match family.ready(self.arrival.ticket, operation, now) {
            Some(FamilyStep::Answer(answer)) => Some(Ok(answer)),
            Some(FamilyStep::Refuse(error)) => Some(Err(table.sparing(self.arrival.family, error))),
            _ => None,
        };
        drop(table);
        if ready.is_some() {
            return ready;
        }
        if self.queue.try_probe(now) {
            return None;
        }
        Some(Err(failure::slowed_down(retry_after)))
    }

    pub(super) fn decide(&self, operation: &Operation) -> Option<FamilyStep<T>> {
        let now = self.queue.clock().now();
        self.queue.table().next(&self.arrival, operation, now)
    }

    /// Returns `true` while the call under way is overdue.
    pub(super) fn is_overdue(&self) -> bool {
        let table = self.queue.table();
        let family = table.family(self.arrival.family);
        family.is_some_and(Family::is_overdue)
    }
}

/// A token that is on its way to Descope, or about to be sent: freed when dropped, whatever became
/// of the call.
pub(super) struct Claim<T: KeptSession> {
    lease: FamilyLease<T>,
    operation: Operation,
    is_open: bool,
    /// No other call has its turn as long as this lives.
    _turn: OwnedRwLockWriteGuard<()>,
}

impl<T: KeptSession> Claim<T> {
    pub(super) fn new(
        lease: &FamilyLease<T>,
        operation: Operation,
        turn: OwnedRwLockWriteGuard<()>,
    ) -> Self {
        Self {
            lease: lease.share(),
            operation,
            is_open: true,
            _turn: turn,
        }
    }

    /// Waits for a call, and tells its caller how it ended; or, once the caller's deadline has
    /// passed, that, and then records how the call ended all the same.
    async fn run<N>(
        mut self,
        call: impl Future<Output = Result<CallOutcome<T>, Error>>,
        follow: N,
        caller: oneshot::Sender<Result<T, Error>>,
    ) where
        N: FnOnce(&T) -> Option<FollowUp<T>>,
    {
        let queue = &self.lease.queue;
        let clock = queue.clock().clone();
        let timeout = queue.timeout();
        let started = clock.now();
        tokio::pin!(call);
        let in_time = tokio::select! {
            biased;
            result = &mut call => Some(result),
            () = clock.deadline(timeout) => None,
        };
        if let Some(result) = in_time {
            let is_quiet = matches!(self.operation, Operation::Flow(_));
            if let Some(error) = fault(&result).filter(|_| !is_quiet) {
                let requests = self.lease.arrival.turn.waiting() + 1;
                failure::log(self.operation.name(), error, requests);
            }
            let result = match self.settle(result) {
                Ok(first) => match follow(&first) {
                    Some(next) => {
                        let rest = timeout.saturating_sub(clock.now().since(&started));
                        return self.follow(next, first, rest, caller).await;
                    }
                    None => Ok(first),
                },
                Err(error) => Err(error),
            };
            return self.tell(result, caller);
        }
        let requests = self.note_overdue();
        let error = failure::timed_out();
        failure::log(self.operation.name(), &error, requests);
        let _ = caller.send(Err(error));
        // It ends by a deadline of its own, a longer one.
        let result = call.await;
        let late = result.is_ok();
        if self.settle(result).is_ok() && late {
            tracing::info!("descope's answer came after the deadline, and is kept");
        }
    }

    /// Makes the call that follows one with a good answer, which counts where this one fails, or takes
    /// longer than its caller waits.
    async fn follow(
        mut self,
        next: FollowUp<T>,
        first: T,
        rest: Duration,
        caller: oneshot::Sender<Result<T, Error>>,
    ) {
        let FamilyLease { queue, arrival } = &self.lease;
        let clock = queue.clock().clone();
        let now = clock.now();
        let step = queue
            .table()
            .next_in_turn(arrival.family, &next.operation, now);
        let token = match step {
            Some(FamilyStep::Send { token }) => token,
            Some(FamilyStep::Refuse(error)) if error.ends_session() => {
                return self.tell(Err(error), caller);
            }
            // Too many calls have been made.
            _ => return self.tell(Ok(first), caller),
        };
        self.operation = next.operation;
        self.is_open = true;
        let mut call = (next.send)(token);
        let in_time = tokio::select! {
            biased;
            result = &mut call => Some(result),
            () = clock.deadline(rest) => None,
        };
        if let Some(result) = in_time {
            let result = self.settle(result).or_else(|error| {
                let is_over = error.ends_session() || error.kind() == ErrorKind::RefreshTokenReused;
                if is_over { Err(error) } else { Ok(first) }
            });
            return self.tell(result, caller);
        }
        self.note_overdue();
        let _ = caller.send(Ok(first));
        let _ = self.settle(call.await);
    }

    /// Ends the turn, and tells the caller how its call ended.
    fn tell(self, result: Result<T, Error>, caller: oneshot::Sender<Result<T, Error>>) {
        // The turn ends before the caller goes on, whose next call must not find it taken.
        drop(self);
        // Nobody is there if the caller has gone away.
        let _ = caller.send(result);
    }

    /// Notes that the caller waits no longer, nor does anybody else. Returns how many did.
    fn note_overdue(&self) -> usize {
        let FamilyLease { queue, arrival } = &self.lease;
        queue
            .table()
            .with_family(arrival.family, Family::note_overdue);
        let requests = arrival.turn.waiting() + 1;
        arrival.turn.send_away();
        requests
    }

    /// Records how the call ended; the result is its caller's.
    fn settle(&mut self, result: Result<CallOutcome<T>, Error>) -> Result<T, Error> {
        self.is_open = false;
        let FamilyLease { queue, arrival } = &self.lease;
        let now = queue.clock().now();
        let outcome = result.as_ref().ok();
        if !outcome.is_some_and(|outcome| outcome.by_another) {
            queue.note_answered(result.as_ref().err(), now);
        }
        let digest = outcome.and_then(CallOutcome::successor_digest);
        let result = queue.change(|table| table.done(arrival.family, now, result, digest));
        result.unwrap_or_else(|| Err(abandoned()))
    }

    /// Records how the call of a sign-out ended. Returns `true` if Descope knows of it.
    pub(super) fn signed_out(mut self, result: &Result<(), Error>) -> bool {
        self.record_sign_out(result)
    }

    fn record_sign_out(&mut self, result: &Result<(), Error>) -> bool {
        self.is_open = false;
        let confirmed = match result {
            Ok(()) => true,
            // Where Descope itself refuses the token there is nothing left to sign out of.
            Err(error) => error.upstream_verdict().is_refusal(),
        };
        let FamilyLease { queue, arrival } = &self.lease;
        let now = queue.clock().now();
        queue.table().with_family(arrival.family, |family| {
            family.signed_out(now, confirmed);
        });
        confirmed
    }
}

impl<T: KeptSession> Drop for Claim<T> {
    /// The call panicked, or the runtime is being shut down. Whether Descope has rotated the token
    /// is unknown.
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        if self.operation == Operation::SignOut {
            self.record_sign_out(&Err(abandoned()));
        } else {
            let _ = self.settle(Err(abandoned()));
        }
    }
}

/// The fault of a call, also where all that came of it is a new refresh token.
fn fault<T>(result: &Result<CallOutcome<T>, Error>) -> Option<&Error> {
    match result {
        Ok(outcome) => outcome.answer.as_ref().err(),
        Err(error) => Some(error),
    }
}
