//! The calls to Descope, each in its turn and each to its end.

use std::future::Future;

use tokio::{runtime::Handle, sync::OwnedRwLockWriteGuard};
use tracing::Instrument;

use super::{
    call::{CallOutcome, Operation},
    family::FamilyStep,
    lease::FamilyLease,
};
use crate::{
    digest::Digest,
    error::{Error, ErrorKind},
    token::RefreshToken,
};

impl<T: Clone + Send + Sync + 'static> FamilyLease<T> {
    /// Exchanges the family's token for a new session: answers from what is kept, or, in its turn,
    /// calls `send` with the newest token of the family.
    ///
    /// The caller may be dropped at any time: while it waits, nothing is sent for it; a call that
    /// has begun runs to its end, and its answer is kept.
    ///
    /// # Errors
    ///
    /// The error of `send`, or that of a moment ago; [`Error::ends_session`] is true where the
    /// caller's cookies are to be removed. [`ErrorKind::NoRuntime`] outside of a tokio runtime.
    pub(crate) async fn exchange<F, Fut>(&self, operation: Operation, send: F) -> Result<T, Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<CallOutcome<T>, Error>> + Send + 'static,
    {
        let runtime = runtime()?;
        // First come, first served: tokio's lock is fair.
        let turn = self.arrival.turn.clone().write_owned().await;
        match self.decide(&operation) {
            Some(FamilyStep::Answer(answer)) => Ok(answer),
            Some(FamilyStep::Refuse(error)) => Err(error),
            Some(FamilyStep::Send { token }) => {
                let claim = Claim::new(self, operation, turn);
                // On a task of its own: a caller that goes away must not leave a token whose fate
                // nobody knows.
                let call = async move { claim.close(send(token).await) };
                runtime
                    .spawn(call.in_current_span())
                    .await
                    .unwrap_or_else(|_| Err(abandoned()))
            }
            // The turn is held, so no call is under way; and a family with a lease cannot be gone.
            Some(FamilyStep::Wait) | None => Err(abandoned()),
        }
    }

    /// Signs the holder of the token out: at once here, where every kept answer of its family is
    /// dropped and a call that is under way brings its caller nothing; then, in its turn, at
    /// Descope by `send`, with the newest token of the family.
    ///
    /// It runs to its end even if the caller goes away at once.
    ///
    /// # Errors
    ///
    /// The error of `send`; the family stays signed out here, and another try is sent again. The end
    /// of the session, if Descope has said that before. [`ErrorKind::NoRuntime`] outside of a
    /// tokio runtime.
    pub(crate) async fn sign_out<F, Fut>(&self, send: F) -> Result<(), Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let runtime = runtime()?;
        let lease = self.share();
        lease.end_here();
        let call = async move {
            let turn = lease.arrival.turn.clone().write_owned().await;
            match lease.decide(&Operation::SignOut) {
                Some(FamilyStep::Send { token }) => {
                    let mut claim = Claim::new(&lease, Operation::SignOut, turn);
                    let result = send(token).await;
                    claim.signed_out(&result);
                    result
                }
                Some(FamilyStep::Refuse(error)) => Err(error),
                Some(FamilyStep::Answer(_) | FamilyStep::Wait) | None => Err(abandoned()),
            }
        };
        runtime
            .spawn(call.in_current_span())
            .await
            .unwrap_or_else(|_| Err(abandoned()))
    }

    /// Makes a call with the newest token of the family that does not rotate it. Such calls run
    /// side by side, but not beside one that rotates: Descope would take a token that arrives late
    /// for a second use. For the same reason each runs to its end.
    ///
    /// # Errors
    ///
    /// The error of `ask`; the end of the session, if Descope has said that before.
    /// [`ErrorKind::NoRuntime`] outside of a tokio runtime.
    pub(crate) async fn read<F, Fut, R>(&self, ask: F) -> Result<R, Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, Error>> + Send + 'static,
        R: Send + 'static,
    {
        let runtime = runtime()?;
        let turn = self.arrival.turn.clone().read_owned().await;
        let now = self.queue.clock().now();
        let current = self.queue.table().current(&self.arrival, now);
        let token = current.unwrap_or_else(|| Err(abandoned()))?;
        let lease = self.share();
        let call = async move {
            let result = ask(token).await;
            let result = result.map_err(|error| {
                let now = lease.queue.clock().now();
                let mut table = lease.queue.table();
                table.learned(lease.arrival.family, error, now)
            });
            drop(turn);
            result
        };
        runtime
            .spawn(call.in_current_span())
            .await
            .unwrap_or_else(|_| Err(abandoned()))
    }

    fn decide(&self, operation: &Operation) -> Option<FamilyStep<T>> {
        let now = self.queue.clock().now();
        self.queue.table().next(&self.arrival, operation, now)
    }

    /// Signs the family out in this process, before anything is sent.
    pub(super) fn end_here(&self) {
        let now = self.queue.clock().now();
        if let Some(family) = self.queue.table().family(self.arrival.family) {
            family.sign_out(now);
        }
    }
}

/// A token that is on its way to Descope, or about to be sent: freed when dropped, whatever became
/// of the call.
struct Claim<T: Clone> {
    lease: FamilyLease<T>,
    operation: Operation,
    is_open: bool,
    /// No other call has its turn as long as this lives.
    _turn: OwnedRwLockWriteGuard<()>,
}

impl<T: Clone> Claim<T> {
    fn new(lease: &FamilyLease<T>, operation: Operation, turn: OwnedRwLockWriteGuard<()>) -> Self {
        Self {
            lease: lease.share(),
            operation,
            is_open: true,
            _turn: turn,
        }
    }

    /// Records how the call ended; the result is its caller's.
    fn close(mut self, result: Result<CallOutcome<T>, Error>) -> Result<T, Error> {
        self.settle(result)
    }

    fn settle(&mut self, result: Result<CallOutcome<T>, Error>) -> Result<T, Error> {
        self.is_open = false;
        let successor = result.as_ref().ok().and_then(|it| it.successor.as_ref());
        // It cannot fail: the token that was presented has a digest, too.
        let digest = successor.and_then(|token| Digest::of(token.expose()).ok());
        let FamilyLease { queue, arrival } = &self.lease;
        let now = queue.clock().now();
        let result = queue.table().done(arrival.family, now, result, digest);
        result.unwrap_or_else(|| Err(abandoned()))
    }

    /// Records how the call of a sign-out ended: whether Descope knows of it.
    fn signed_out(&mut self, result: &Result<(), Error>) {
        self.is_open = false;
        let revoked = match result {
            Ok(()) => true,
            Err(error) => error.upstream_verdict().is_over(),
        };
        let FamilyLease { queue, arrival } = &self.lease;
        let now = queue.clock().now();
        queue.table().signed_out(arrival.family, now, revoked);
    }
}

impl<T: Clone> Drop for Claim<T> {
    /// The call panicked, or the runtime is being shut down. Whether Descope has rotated the token
    /// is unknown.
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        if self.operation == Operation::SignOut {
            self.signed_out(&Err(abandoned()));
        } else {
            let _ = self.settle(Err(abandoned()));
        }
    }
}

fn runtime() -> Result<Handle, Error> {
    Handle::try_current().map_err(|_| Error::no_runtime())
}

fn abandoned() -> Error {
    Error::new(
        ErrorKind::UpstreamUnavailable,
        "the call to descope was given up; try again",
    )
}
