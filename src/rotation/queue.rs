//! The queue itself: the table of families behind its lock, and what is noted in it.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    answer::KeptSession,
    chain::KeepTimes,
    pressure::{SlowDown, SlowDownNews},
    table::{Bounds, FamilyTable},
    users::{UndeliveredUsers, UserKey},
};
use crate::{
    clock::{Clock, Now},
    digest::Digest,
    error::{Error, ErrorKind},
    ids::UserId,
    limiter::OnceAMinute,
    running::{Running, RunningTasks},
    session::SignedToken,
    telemetry,
    token::RefreshToken,
};

/// How many calls are under way at once.
const MAX_CALLS: usize = 1_024;

/// How many sign-outs are tried again in the background.
const MAX_RETRIES: usize = 1_024;

/// The settings of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueSettings {
    pub(crate) times: KeepTimes,
    pub(crate) bounds: Bounds,
    /// How long a caller waits for its call.
    pub(crate) timeout: Duration,
    /// True where other replicas are to be told what was delivered.
    pub(crate) shared: bool,
}

/// The queue of all calls that use a refresh token, with the answers that are kept; see the
/// [module](super) documentation. Clones share everything.
pub(crate) struct RotationQueue<T> {
    shared: Arc<QueueShared<T>>,
}

struct QueueShared<T> {
    clock: Clock,
    timeout: Duration,
    undelivered: Arc<UndeliveredUsers>,
    /// Never held over an await nor over a caller's code.
    table: Mutex<FamilyTable<T>>,
    slow_down: Mutex<SlowDown>,
    calls: Arc<Semaphore>,
    retries: Arc<Semaphore>,
    running: RunningTasks,
    draining: watch::Sender<bool>,
    limit_warning: OnceAMinute,
}

/// A place among the calls that are under way.
pub(super) struct CallPermit {
    _permit: OwnedSemaphorePermit,
    _running: Running,
}

impl<T> RotationQueue<T> {
    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(super) fn timeout(&self) -> Duration {
        self.shared.timeout
    }

    /// Locks the table.
    pub(super) fn table(&self) -> MutexGuard<'_, FamilyTable<T>> {
        // The table's own code is consistent between any two of its steps, so a panic that poisoned
        // the lock is no reason to sign everybody out.
        self.shared
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Throttled`](crate::ErrorKind::Throttled) if too many are under way.
    pub(super) fn permit(&self) -> Result<CallPermit, Error> {
        let permit = self.shared.calls.clone().try_acquire_owned();
        let permit = permit.map_err(|_| {
            self.limited(Error::throttled(
                "no call was made: too many are under way",
                Duration::from_secs(1),
            ))
        })?;
        Ok(CallPermit {
            _permit: permit,
            _running: self.running(),
        })
    }

    /// Says so, once a minute, if it is the refusal of a call that would be one too many.
    pub(super) fn limited(&self, refusal: Error) -> Error {
        let is_limit = refusal.kind() == ErrorKind::Throttled;
        if is_limit && self.shared.limit_warning.is_due(&self.clock().now()) {
            tracing::warn!(reason = %refusal, "calls to descope are held back");
        }
        refusal
    }

    /// Takes a place for a sign-out that is tried again; `None` if there are too many.
    pub(super) fn retry_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.shared.retries.clone().try_acquire_owned().ok()
    }

    /// Counts a task in.
    pub(crate) fn running(&self) -> Running {
        self.shared.running.begin()
    }

    /// Completes once the queue is being drained.
    pub(super) async fn draining(&self) {
        let mut draining = self.shared.draining.subscribe();
        // It fails only without a sender, and `self` has one.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    /// Waits until nothing is under way, for `within` at most; sign-outs that Descope has not
    /// confirmed are sent once more, and their pauses are not waited for. Returns the number of
    /// tasks that were left.
    pub(crate) async fn drain(&self, within: Duration) -> usize {
        let running = &self.shared.running;
        self.shared.draining.send_replace(true);
        tokio::select! {
            biased;
            () = running.none_left() => {}
            () = self.clock().deadline(within) => {}
        }
        self.shared.draining.send_replace(false);
        running.count()
    }

    fn slow_down(&self) -> MutexGuard<'_, SlowDown> {
        let slow_down = self.shared.slow_down.lock();
        slow_down.unwrap_or_else(PoisonError::into_inner)
    }

    /// How long Descope is still to be left alone, if it asked for that.
    pub(super) fn slowed_down(&self, now: Now) -> Option<Duration> {
        self.slow_down().rest(now)
    }

    /// Returns `true` for the one call a second that is made all the same.
    pub(super) fn try_probe(&self, now: Now) -> bool {
        self.slow_down().try_probe(now)
    }

    /// Notes how a call ended, if Descope answered it.
    pub(super) fn note_answered(&self, error: Option<&Error>, now: Now) {
        self.slow_down().note(error, now);
    }

    /// The news of that for other replicas.
    pub(crate) fn slow_down_news(&self) -> Option<SlowDownNews> {
        self.slow_down().news()
    }

    /// Leaves Descope alone as long as all replicas do, once they have been `told` the news of this one.
    pub(crate) fn note_slow_down(&self, told: Option<SlowDownNews>, left: Option<Duration>) {
        let now = self.clock().now();
        self.slow_down().note_told(told, left, now);
    }

    /// The tokens whose successors have been presented since this was asked last, where that is to be
    /// told.
    pub(crate) fn take_delivered(&self) -> Vec<Digest> {
        let mut table = self.table();
        table
            .delivered
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Names a user in the table.
    pub(super) fn user_key(&self, user: &UserId) -> UserKey {
        self.shared.undelivered.key(user)
    }
}

impl<T: KeptSession> RotationQueue<T> {
    /// An empty queue.
    pub(crate) fn new(settings: QueueSettings, clock: Clock) -> Self {
        let QueueSettings {
            times,
            bounds,
            timeout,
            shared,
        } = settings;
        let undelivered = Arc::new(UndeliveredUsers::new(bounds.families));
        let mut table = FamilyTable::new(times, bounds, Arc::clone(&undelivered));
        table.delivered = shared.then(Vec::new);
        Self {
            shared: Arc::new(QueueShared {
                clock,
                timeout,
                undelivered,
                table: Mutex::new(table),
                slow_down: Mutex::new(SlowDown::new()),
                calls: Arc::new(Semaphore::new(MAX_CALLS)),
                retries: Arc::new(Semaphore::new(MAX_RETRIES)),
                running: RunningTasks::new(),
                draining: watch::Sender::new(false),
                limit_warning: OnceAMinute::default(),
            }),
        }
    }

    /// Changes the table, and says what had to give way for it.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut FamilyTable<T>) -> R) -> R {
        let mut table = self.table();
        let result = change(&mut table);
        let lost = std::mem::take(&mut table.lost);
        // Logging runs other people's code, which may come back here for the lock.
        drop(table);
        if lost > 0 {
            telemetry::families_lost(lost);
        }
        result
    }

    /// Signs out the family of a token, if it is known here.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    pub(crate) fn sign_out_known(&self, token: &RefreshToken) -> Result<(), Error> {
        let digest = Digest::of(token.expose())?;
        let now = self.clock().now();
        self.table().sign_out_known(digest, now);
        Ok(())
    }

    /// Signs out the family of a token that could not be verified, and remembers one that is not
    /// known.
    ///
    /// # Errors
    ///
    /// Without a crypto backend.
    pub(crate) fn sign_out_unverified(&self, token: &RefreshToken) -> Result<(), Error> {
        let digest = Digest::of(token.expose())?;
        let now = self.clock().now();
        self.table().sign_out_unverified(digest, now);
        Ok(())
    }

    /// Returns `false` if nothing is known about this user for which their requests need to be
    /// looked at: no refresh token that a browser lacks, no sign-out that Descope does not know of.
    #[inline]
    pub(crate) fn may_concern(&self, user: &UserId) -> bool {
        let undelivered = &self.shared.undelivered;
        // Most handles never have such a user, and then not even the hash is needed.
        !undelivered.is_unused() && {
            undelivered.may_have(undelivered.place(user))
                && self.table().concerns(undelivered.key(user))
        }
    }

    /// Notes that a request with a session showed this refresh token beside it. Returns `true` if
    /// the token was replaced and its successor is in force: whoever presents it has not received
    /// the answer yet, or has lost it.
    pub(crate) fn present(&self, token: Digest) -> bool {
        let now = self.clock().now();
        self.table().present(token, now)
    }

    /// Returns `true` if a token is the current one of a family of this user's which has nothing for
    /// the holder of a session that lives until `session_end`, and may not be exchanged early now. It
    /// has then been presented.
    pub(crate) fn rests(&self, token: Digest, user: &UserId, session_end: SystemTime) -> bool {
        let now = self.clock().now();
        let key = self.user_key(user);
        let slowed_down = self.slowed_down(now).is_some();
        let mut table = self.table();
        table.rests(token, key, session_end, slowed_down, now)
    }

    /// Returns a token as it was verified when it was presented, or came in an answer, if its family is
    /// known and remembers it. Its time, and the standing of its key, are the caller's to check.
    pub(crate) fn signed(&self, digest: Digest) -> Option<Arc<SignedToken>> {
        self.table().signed(digest)
    }

    /// Returns `true` if a token's family is known here: the token was genuine when it came.
    pub(crate) fn knows(&self, token: &str) -> bool {
        Digest::of(token).is_ok_and(|digest| self.table().knows(digest))
    }

    /// Returns `true` if a token was replaced and its successor is in force.
    pub(crate) fn is_replaced(&self, token: &RefreshToken) -> bool {
        Digest::of(token.expose()).is_ok_and(|digest| {
            let now = self.clock().now();
            self.table().is_replaced(digest, now)
        })
    }

    /// Notes that a user signs out everywhere: from now on no token that was issued before brings
    /// them a session here, until Descope confirms it. Returns the number of that; `None` where too many users
    /// do.
    pub(crate) fn sign_out_everywhere(&self, user: &UserId) -> Option<u64> {
        let key = self.user_key(user);
        let now = self.clock().now();
        let number = self.table().sign_out_everywhere(key, now);
        if number.is_none() {
            tracing::warn!("too many users wait for descope to sign them out everywhere");
        }
        number
    }

    /// Notes that Descope has confirmed it.
    pub(crate) fn signed_out_everywhere(&self, user: &UserId, number: u64) {
        let key = self.user_key(user);
        self.table().confirm_everywhere(key, number);
    }

    /// Notes that Descope refuses it for good. Others of the user's may yet be confirmed.
    pub(crate) fn give_up_everywhere(&self, user: &UserId, number: u64) {
        let key = self.user_key(user);
        self.table().end_everywhere(key, |other| other == number);
    }

    /// Returns `true` while it is to be sent to Descope.
    pub(crate) fn is_signing_out_everywhere(&self, user: &UserId, number: u64) -> bool {
        let key = self.user_key(user);
        self.table().is_pending_everywhere(key, number)
    }

    /// Notes a session of a user: one that was issued after they signed out everywhere is a new
    /// sign-in, which a late sign-out must not end.
    pub(crate) fn note_session(&self, user: &UserId, issued_at: Option<SystemTime>) {
        let key = self.user_key(user);
        let table = self.table();
        let is_new = table.is_signing_out_everywhere(key) && !table.is_signed_out(key, issued_at);
        drop(table);
        if is_new {
            self.end_everywhere(user);
        }
    }

    /// Notes that a user has signed in again before Descope has confirmed any sign-out everywhere.
    pub(crate) fn end_everywhere(&self, user: &UserId) {
        self.end_some_everywhere(user, u64::MAX);
    }

    /// Notes that a user has signed in again, at another replica, since this one and those before it.
    pub(crate) fn end_everywhere_up_to(&self, user: &UserId, number: u64) {
        if self.is_signing_out_everywhere(user, number) {
            self.end_some_everywhere(user, number);
        }
    }

    fn end_some_everywhere(&self, user: &UserId, up_to: u64) {
        let key = self.user_key(user);
        let mut table = self.table();
        let was_pending = table.is_signing_out_everywhere(key);
        table.end_everywhere(key, |number| number <= up_to);
        drop(table);
        if was_pending {
            tracing::error!(
                user.id = %user,
                "the user has signed in again before descope confirmed that they are signed out \
                 everywhere: their older sessions may go on elsewhere"
            );
        }
    }
}

impl<T> Clone for RotationQueue<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> fmt::Debug for RotationQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotationQueue").finish_non_exhaustive()
    }
}
