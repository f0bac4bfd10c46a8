use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::OwnedRwLockWriteGuard};
use tracing::Instrument;

use super::{
    call::{Operation, Outcome},
    digest::Digest,
    family::Step,
    recent::RecentRotations,
    table::{Arrival, FamilyId, Table},
};
use crate::{
    clock::Clock,
    error::{Error, ErrorKind},
    ids::UserId,
    token::RefreshToken,
};

/// How many sessions are remembered at most.
const MAX_FAMILIES: usize = 10_000;

/// The queue of all that spends refresh tokens, with its kept answers; see the
/// [module](super) documentation. Clones share everything.
pub(crate) struct RotationQueue<T> {
    pub(super) inner: Arc<Inner<T>>,
}

pub(super) struct Inner<T> {
    pub(super) clock: Clock,
    keep: Duration,
    recent: RecentRotations,
    /// Never held over an await nor over a caller's code.
    table: Mutex<Table<T>>,
}

/// A wish in the queue: leaves when dropped, be it answered or given up.
pub(super) struct Place<T: Clone> {
    pub(super) queue: RotationQueue<T>,
    pub(super) arrival: Arrival,
}

/// A token that is up, or about to be: freed when dropped, whatever became of the call.
struct Claim<T: Clone> {
    queue: RotationQueue<T>,
    family: FamilyId,
    op: Operation,
    open: bool,
    /// Nobody else's turn as long as this lives.
    _turn: OwnedRwLockWriteGuard<()>,
}

impl<T: Clone + Send + Sync + 'static> RotationQueue<T> {
    /// A queue that keeps each answer for `keep`.
    pub(crate) fn new(keep: Duration, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                keep,
                recent: RecentRotations::new(),
                table: Mutex::new(Table::new(keep, MAX_FAMILIES)),
            }),
        }
    }

    /// Spends a refresh token: answers from what is kept, or, when its turn has come, calls `send`
    /// with the newest token of the family.
    ///
    /// The caller may be dropped at any time: while it waits, nothing goes up for it; a call that
    /// has begun runs to its end, and its answer is kept.
    ///
    /// # Errors
    ///
    /// What `send` says, or said a moment ago; [`Error::ends_session`] is true where the caller's
    /// cookies are to be removed. [`ErrorKind::NoRuntime`] outside of a tokio runtime.
    pub(crate) async fn spend<F, Fut>(
        &self,
        token: &RefreshToken,
        op: Operation,
        send: F,
    ) -> Result<T, Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Outcome<T>, Error>> + Send + 'static,
    {
        let runtime = runtime()?;
        let place = self.arrive(token)?;
        // First come, first served: tokio's lock is fair.
        let turn = place.arrival.turn.clone().write_owned().await;
        let now = self.inner.clock.now();
        let step = self.table().next(&place.arrival, &op, now);
        match step {
            Some(Step::Answer(answer)) => Ok(answer),
            Some(Step::Refuse(error)) => Err(error),
            Some(Step::Send { token }) => {
                let claim = place.claim(op, turn);
                let call = async move { claim.close(send(token).await) };
                runtime
                    .spawn(call.in_current_span())
                    .await
                    .unwrap_or_else(|_| Err(abandoned()))
            }
            // The turn is held, so no call is under way; and the family cannot have gone.
            Some(Step::Wait) | None => Err(abandoned()),
        }
    }

    /// Signs the holder of a refresh token out: at once here, where every kept answer of its
    /// family is dropped and what is under way brings its caller nothing; then, when its turn has
    /// come, at Descope by `send`, with the newest token of the family.
    ///
    /// It runs to its end even if the caller goes away at once.
    ///
    /// # Errors
    ///
    /// What `send` says; the family stays forgotten here, and another try goes up again. What
    /// Descope said before, if that was the session's end. [`ErrorKind::NoRuntime`] outside of a
    /// tokio runtime.
    pub(crate) async fn sign_out<F, Fut>(&self, token: &RefreshToken, send: F) -> Result<(), Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let runtime = runtime()?;
        let place = self.arrive(token)?;
        self.forget(token)?;
        let call = async move {
            let turn = place.arrival.turn.clone().write_owned().await;
            let now = place.queue.inner.clock.now();
            let step = place
                .queue
                .table()
                .next(&place.arrival, &Operation::SignOut, now);
            match step {
                Some(Step::Send { token }) => {
                    let mut claim = place.claim(Operation::SignOut, turn);
                    let result = send(token).await;
                    claim.signed_out(&result);
                    result
                }
                Some(Step::Refuse(error)) => Err(error),
                Some(Step::Answer(_) | Step::Wait) | None => Err(abandoned()),
            }
        };
        runtime
            .spawn(call.in_current_span())
            .await
            .unwrap_or_else(|_| Err(abandoned()))
    }

    /// Asks something with the newest token of a family that spends nothing. Such calls run side
    /// by side, but not beside one that spends the token: Descope would take what arrives late for
    /// a second use. For the same reason each runs to its end.
    ///
    /// # Errors
    ///
    /// What `ask` says; what Descope said before, if that was the session's end.
    /// [`ErrorKind::NoRuntime`] outside of a tokio runtime.
    pub(crate) async fn show<F, Fut, R>(&self, token: &RefreshToken, ask: F) -> Result<R, Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, Error>> + Send + 'static,
        R: Send + 'static,
    {
        let runtime = runtime()?;
        let place = self.arrive(token)?;
        let turn = place.arrival.turn.clone().read_owned().await;
        let now = self.inner.clock.now();
        let current = self.table().current(&place.arrival, now);
        let token = current.unwrap_or_else(|| Err(abandoned()))?;
        let call = async move {
            let result = ask(token).await;
            let result = result.map_err(|error| {
                let now = place.queue.inner.clock.now();
                place
                    .queue
                    .table()
                    .learned(place.arrival.family, error, now)
            });
            drop(turn);
            result
        };
        runtime
            .spawn(call.in_current_span())
            .await
            .unwrap_or_else(|_| Err(abandoned()))
    }

    /// Notes that the holder of a refresh token has signed out: every kept answer of its family is
    /// dropped, and neither this token nor its relatives will sign in again here.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    pub(super) fn forget(&self, token: &RefreshToken) -> Result<(), Error> {
        let digest = Digest::of(token)?;
        let now = self.inner.clock.now();
        self.table().forget(token, digest, now);
        Ok(())
    }

    /// As [`sign_out`](Self::sign_out), without Descope and for a token that nobody has verified:
    /// one that is not known here is left alone.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    pub(crate) fn forget_known(&self, token: &RefreshToken) -> Result<(), Error> {
        let digest = Digest::of(token)?;
        let now = self.inner.clock.now();
        self.table().forget_known(digest, now);
        Ok(())
    }

    /// Notes that a token of this user is being replaced.
    pub(crate) fn note_replaced(&self, user: &UserId) {
        self.inner.recent.note(user, self.inner.clock.now());
    }

    /// Whether [`is_replaced`](Self::is_replaced) is worth asking about a token of this user.
    pub(crate) fn may_have_replaced(&self, user: &UserId) -> bool {
        let Inner {
            clock,
            keep,
            recent,
            ..
        } = &*self.inner;
        recent.may_have(user, *keep, clock.now())
    }

    /// Whether a token has been replaced within the keep time, and its successor is in force:
    /// whoever presents it anew has not got the answer yet, or has lost it.
    pub(crate) fn is_replaced(&self, token: &RefreshToken) -> bool {
        // It fails without a crypto backend only, and then nothing is known either.
        Digest::of(token).is_ok_and(|digest| {
            let now = self.inner.clock.now();
            self.table().is_replaced(digest, now)
        })
    }

    pub(super) fn arrive(&self, token: &RefreshToken) -> Result<Place<T>, Error> {
        let digest = Digest::of(token)?;
        let now = self.inner.clock.now();
        let arrival = self.table().arrive(token, digest, now);
        Ok(Place {
            queue: self.clone(),
            arrival,
        })
    }
}

impl<T> RotationQueue<T> {
    /// A panic while the table is held would be a fault of its own code, between two of whose
    /// steps it is consistent: better go on than sign everybody out.
    pub(super) fn table(&self) -> MutexGuard<'_, Table<T>> {
        self.inner
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for RotationQueue<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<T> fmt::Debug for RotationQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotationQueue").finish_non_exhaustive()
    }
}

impl<T: Clone> Place<T> {
    fn claim(&self, op: Operation, turn: OwnedRwLockWriteGuard<()>) -> Claim<T> {
        Claim {
            queue: self.queue.clone(),
            family: self.arrival.family,
            op,
            open: true,
            _turn: turn,
        }
    }
}

impl<T: Clone> Drop for Place<T> {
    fn drop(&mut self) {
        self.queue.table().leave(self.arrival.family);
    }
}

impl<T: Clone> Claim<T> {
    /// Says how the call ended.
    fn close(mut self, result: Result<Outcome<T>, Error>) -> Result<T, Error> {
        self.settle(result)
    }

    fn settle(&mut self, result: Result<Outcome<T>, Error>) -> Result<T, Error> {
        self.open = false;
        let successor = result.as_ref().ok().and_then(|it| it.successor.as_ref());
        // It cannot fail: the token that was presented has a digest, too.
        let digest = successor.and_then(|token| Digest::of(token).ok());
        let now = self.queue.inner.clock.now();
        let result = self.queue.table().done(self.family, now, result, digest);
        result.unwrap_or_else(|| Err(abandoned()))
    }

    /// Says how the call of a sign-out ended: whether Descope knows.
    fn signed_out(&mut self, result: &Result<(), Error>) {
        self.open = false;
        let now = self.queue.inner.clock.now();
        let revoked = match result {
            Ok(()) => true,
            Err(error) => matches!(
                error.kind(),
                ErrorKind::SessionEnded | ErrorKind::RefreshTokenReused
            ),
        };
        self.queue.table().signed_out(self.family, now, revoked);
    }
}

impl<T: Clone> Drop for Claim<T> {
    /// The call panicked, or the runtime is going down. Whether the token was spent is unknown.
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        if self.op == Operation::SignOut {
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
