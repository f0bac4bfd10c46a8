//! The exchanges of codes, one for each attempt.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use tracing::Instrument;

use crate::{
    clock::{Clock, Now},
    error::{Error, ErrorKind},
    running::runtime,
    sign_in::SignedIn,
};

/// How long the end of an exchange is given again, to a browser that comes back a second time.
const SHARED_FOR: Duration = Duration::from_secs(60);

/// How many are remembered.
const MAX_ATTEMPTS: usize = 1_000;

type Outcome = Result<SignedIn, Error>;

/// A sign-in to come.
pub(super) type SignInTask = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The exchanges that are under way, or ended a moment ago, by what only the attempt's browser has.
pub(super) struct Attempts {
    clock: Clock,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    attempts: HashMap<String, Attempt>,
    /// How many have begun.
    begun: u64,
}

struct Attempt {
    /// Tells it from a later one of the same name.
    number: u64,
    began: Now,
    /// `None` while it is under way.
    outcome: watch::Receiver<Option<Outcome>>,
}

impl Attempts {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            known: Arc::default(),
        }
    }

    /// The end of an attempt's exchange, which `begin` begins if nobody has: on a task of its own, since
    /// a code works once, whoever hangs up meanwhile.
    ///
    /// # Errors
    ///
    /// That of the exchange; `E` of `begin` where it does not begin.
    pub(super) async fn exchange<E>(
        &self,
        attempt: &str,
        begin: impl FnOnce() -> Result<SignInTask, E>,
    ) -> Result<Outcome, E> {
        let found = self.known().shared(attempt, &self.clock.now());
        let mut outcome = match found {
            Some(outcome) => outcome,
            None => match self.begin(attempt, begin()?) {
                Ok(outcome) => outcome,
                Err(error) => return Ok(Err(error)),
            },
        };
        let ended = outcome.wait_for(Option::is_some).await;
        let ended = ended.ok().and_then(|outcome| outcome.clone());
        Ok(ended.unwrap_or_else(|| {
            // The runtime is being shut down, or the task has panicked.
            let why = "the sign-in was given up: try again";
            Err(Error::new(ErrorKind::UpstreamUnavailable, why))
        }))
    }

    fn begin(
        &self,
        attempt: &str,
        sign_in: SignInTask,
    ) -> Result<watch::Receiver<Option<Outcome>>, Error> {
        let runtime = runtime()?;
        let (ended, outcome) = watch::channel(None);
        let now = self.clock.now();
        let mut known = self.known();
        // Of two that come at once one begins it.
        if let Some(outcome) = known.shared(attempt, &now) {
            return Ok(outcome);
        }
        known.make_room(&now);
        let number = known.begun;
        known.begun += 1;
        known.attempts.insert(
            attempt.to_owned(),
            Attempt {
                number,
                began: now,
                outcome: outcome.clone(),
            },
        );
        drop(known);
        let (clock, known) = (self.clock.clone(), Arc::clone(&self.known));
        let attempt = attempt.to_owned();
        // The request's span ends with the sign-in, not when that is forgotten.
        let sign_in = sign_in.in_current_span();
        let task = async move {
            ended.send_replace(Some(sign_in.await));
            drop(ended);
            // The session is not held in memory for longer than it may be asked for again.
            clock.sleep(SHARED_FOR).await;
            let known = &mut lock(&known).attempts;
            if known.get(&attempt).is_some_and(|it| it.number == number) {
                known.remove(&attempt);
            }
        };
        runtime.spawn(task);
        Ok(outcome)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Known {
    fn shared(&self, attempt: &str, now: &Now) -> Option<watch::Receiver<Option<Outcome>>> {
        let attempt = self.attempts.get(attempt).filter(|it| it.is_shared(now))?;
        Some(attempt.outcome.clone())
    }

    fn make_room(&mut self, now: &Now) {
        let attempts = &mut self.attempts;
        attempts.retain(|_, attempt| attempt.is_shared(now));
        if attempts.len() >= MAX_ATTEMPTS {
            let oldest = attempts.iter().min_by_key(|(_, attempt)| attempt.number);
            if let Some(oldest) = oldest.map(|(attempt, _)| attempt.clone()) {
                attempts.remove(&oldest);
            }
        }
    }
}

impl Attempt {
    fn is_shared(&self, now: &Now) -> bool {
        now.since(&self.began) < SHARED_FOR
    }
}
