use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::OwnedMutexGuard};
use tracing::Instrument;

use super::{
    digest::Digest,
    family::{Op, Outcome, Step},
    table::{Arrival, FamilyId, Table},
};
use crate::{
    clock::Clock,
    error::{Error, ErrorKind},
    token::RefreshToken,
};

/// How many sessions are remembered at most.
const MAX_FAMILIES: usize = 10_000;

/// The queue of all that spends refresh tokens, with its kept answers; see the
/// [module](super) documentation. Clones share everything.
pub(crate) struct SpendQueue<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    clock: Clock,
    /// Never held over an await nor over a caller's code.
    table: Mutex<Table<T>>,
}

/// A wish in the queue: leaves when dropped, be it answered or given up.
struct Place<'a, T: Clone> {
    queue: &'a SpendQueue<T>,
    arrival: Arrival,
}

/// A token that is up, or about to be: freed when dropped, whatever became of the call.
struct Claim<T: Clone> {
    queue: SpendQueue<T>,
    family: FamilyId,
    open: bool,
    /// Nobody else's turn as long as this lives.
    _turn: OwnedMutexGuard<()>,
}

impl<T: Clone + Send + Sync + 'static> SpendQueue<T> {
    /// A queue that keeps each answer for `keep`.
    pub(crate) fn new(keep: Duration, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
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
        op: Op,
        send: F,
    ) -> Result<T, Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Outcome<T>, Error>> + Send + 'static,
    {
        let runtime = Handle::try_current().map_err(|_| {
            Error::new(
                ErrorKind::NoRuntime,
                "a call to descope needs a tokio runtime",
            )
        })?;
        let digest = Digest::of(token)?;
        let now = self.inner.clock.now();
        let place = Place {
            queue: self,
            arrival: self.table().arrive(token, digest, now),
        };
        // First come, first served: tokio's mutex is fair.
        let turn = place.arrival.turn.clone().lock_owned().await;
        let now = self.inner.clock.now();
        let step = self.table().next(&place.arrival, &op, now);
        match step {
            Some(Step::Answer(answer)) => Ok(answer),
            Some(Step::Refuse(error)) => Err(error),
            Some(Step::Send { token }) => {
                let claim = Claim {
                    queue: self.clone(),
                    family: place.arrival.family,
                    open: true,
                    _turn: turn,
                };
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

    /// Notes that the holder of a refresh token has signed out: every kept answer of its family is
    /// dropped, and neither this token nor its relatives will sign in again here.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "logout comes with the session routes")
    )]
    pub(crate) fn forget(&self, token: &RefreshToken) -> Result<(), Error> {
        let digest = Digest::of(token)?;
        let now = self.inner.clock.now();
        self.table().forget(token, digest, now);
        Ok(())
    }
}

impl<T> SpendQueue<T> {
    /// A panic while the table is held would be a fault of its own code, between two of whose
    /// steps it is consistent: better go on than sign everybody out.
    fn table(&self) -> MutexGuard<'_, Table<T>> {
        self.inner
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for SpendQueue<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<T> fmt::Debug for SpendQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpendQueue").finish_non_exhaustive()
    }
}

impl<T: Clone> Drop for Place<'_, T> {
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
}

impl<T: Clone> Drop for Claim<T> {
    /// The call panicked, or the runtime is going down. Whether the token was spent is unknown.
    fn drop(&mut self) {
        if self.open {
            let _ = self.settle(Err(abandoned()));
        }
    }
}

fn abandoned() -> Error {
    Error::new(
        ErrorKind::UpstreamUnavailable,
        "the call to descope was given up",
    )
}
