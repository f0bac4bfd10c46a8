//! Exchanging the access keys that requests present.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch};
use tracing::Instrument;

use super::{
    key::ExchangeOutcome,
    options::ExchangeOptions,
    session::AccessKeySession,
    settings::{AccessKeys, ExchangePolicy, KeyShape},
    table::{ExchangeStep, ExchangeTable},
};
use crate::{
    clock::{Clock, Now},
    digest::Digest,
    error::{Error, ErrorKind},
    rejection::Rejection,
    telemetry,
    token::AccessKey,
};

/// The pause after a 429 without `Retry-After`.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(10);

/// The shortest `Retry-After` for clients, and the one where Descope names none.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The longest `Retry-After` for clients after a 429 of Descope's: who is told to come in a quarter of
/// an hour is not there to be the one a minute that is tried.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Exchanges the access keys that requests present, each once; see the [module](super)
/// documentation. Clones share everything.
#[derive(Clone)]
pub(crate) struct Exchanger {
    inner: Arc<ExchangerInner>,
}

struct ExchangerInner {
    clock: Clock,
    shape: KeyShape,
    /// The browser SDK sends it as a bearer token, and it may have the shape of a key.
    project_id: String,
    options: ExchangeOptions,
    policy: ExchangePolicy,
    /// Never held over an await nor while a caller's code runs.
    table: Mutex<ExchangeTable<AccessKeySession, ResultReceiver>>,
}

/// Receives the result of an exchange once it has ended.
type ResultReceiver = watch::Receiver<Option<Result<AccessKeySession, Error>>>;

/// The result of looking an access key up.
pub(crate) enum SessionLookup {
    /// A session that was verified once; the caller verifies it again.
    Session(CachedSession),
    /// An exchange is under way.
    Wait(PendingExchange),
    /// No session.
    Refused(Rejection),
}

/// A session from the table, with the number of the exchange that it came from.
#[derive(Debug)]
pub(crate) struct CachedSession {
    pub(crate) session: AccessKeySession,
    digest: Digest,
    number: u64,
}

/// The result of an exchange that is under way. Dropping it cancels nothing.
pub(crate) type PendingExchange =
    Pin<Box<dyn Future<Output = Result<AccessKeySession, Rejection>> + Send>>;

/// An exchange that runs on a task of its own. The table learns its outcome in any case: dropping it
/// counts as a failure.
struct ExchangeTask {
    exchanger: Exchanger,
    digest: Digest,
    number: u64,
    /// When it was begun, on the monotonic clock.
    begun: Duration,
    result: Option<watch::Sender<Option<Result<AccessKeySession, Error>>>>,
}

impl Exchanger {
    /// Makes an exchanger for a project. After `lost_after` an exchange counts as lost.
    ///
    /// # Errors
    ///
    /// For the first setting that is wrong.
    pub(crate) fn new(
        keys: &AccessKeys,
        project_id: &str,
        lost_after: Duration,
        clock: Clock,
    ) -> Result<Self, Error> {
        keys.check()?;
        let policy = keys.policy(lost_after);
        let table = ExchangeTable::new(policy, keys.expected_digests()?);
        Ok(Self {
            inner: Arc::new(ExchangerInner {
                clock,
                shape: keys.shape(),
                project_id: project_id.to_owned(),
                options: keys.options().clone(),
                policy,
                table: Mutex::new(table),
            }),
        })
    }

    /// Returns `true` if a bearer token counts as an access key.
    pub(crate) fn takes(&self, credential: &[u8]) -> bool {
        self.inner.shape.fits(credential) && credential != self.inner.project_id.as_bytes()
    }

    /// How long a new session that lives for `life` is used before it is renewed.
    pub(crate) fn renew_at(&self, life: Duration) -> Duration {
        self.inner.policy.renew_at(life)
    }

    /// Returns the options of every exchange.
    pub(crate) fn options(&self) -> &ExchangeOptions {
        &self.inner.options
    }

    /// Looks a key up that it [takes](Self::takes), and runs `exchange` on a task of its own if it is
    /// needed.
    pub(crate) fn look_up<F, Fut>(&self, key: &[u8], now: &Now, exchange: F) -> SessionLookup
    where
        F: FnOnce(AccessKey) -> Fut,
        Fut: Future<Output = Result<AccessKeySession, Error>> + Send + 'static,
    {
        let Ok(digest) = Digest::of_bytes(key) else {
            let rejection = Rejection::exchange_unavailable("no_sha256", MIN_RETRY_AFTER);
            return SessionLookup::Refused(rejection);
        };
        // Asked only where an exchange is wanted: a session at hand needs no runtime.
        let has_runtime = || Handle::try_current().is_ok();
        let mut result = None;
        let wait = || {
            let (sender, receiver) = watch::channel(None);
            result = Some(sender);
            receiver
        };
        let step = self.table().present(digest, has_runtime, wait, now);
        let start = |number| {
            let task = ExchangeTask {
                exchanger: self.clone(),
                digest,
                number,
                begun: now.mono,
                result,
            };
            // Without a runtime the table starts nothing.
            if let Ok(runtime) = Handle::try_current() {
                // A key is ASCII, so nothing is lost here.
                let call = exchange(AccessKey::new(String::from_utf8_lossy(key)));
                let run = async move { task.finish(call.await) };
                runtime.spawn(run.in_current_span());
            }
        };
        match step {
            ExchangeStep::Serve {
                session,
                number,
                exchange,
            } => {
                if let Some(number) = exchange {
                    start(number);
                }
                SessionLookup::Session(CachedSession {
                    session,
                    digest,
                    number,
                })
            }
            ExchangeStep::Join(result) => self.wait(result),
            ExchangeStep::Exchange(number, result) => {
                start(number);
                self.wait(result)
            }
            ExchangeStep::Refuse => SessionLookup::Refused(refused()),
            ExchangeStep::Unavailable {
                reason,
                retry_after,
            } => SessionLookup::Refused(Rejection::exchange_unavailable(
                reason,
                retry_after.max(MIN_RETRY_AFTER),
            )),
        }
    }

    /// Drops a session that is no longer valid, though it has not expired.
    pub(crate) fn invalidate(&self, cached: &CachedSession) {
        self.table().invalidate(cached.digest, cached.number);
    }

    /// Waits for an exchange. The exchange has a deadline of its own, but the runtime that it was
    /// started on may no longer be driven: so the wait has one as well.
    fn wait(&self, mut result: ResultReceiver) -> SessionLookup {
        let lost_after = self.inner.policy.lost_after;
        let ended = async move {
            let ended = result.wait_for(Option::is_some).await;
            ended.ok().and_then(|result| result.clone())
        };
        SessionLookup::Wait(Box::pin(async move {
            let result = if Handle::try_current().is_ok() {
                tokio::time::timeout(lost_after, ended).await.ok().flatten()
            } else {
                ended.await
            };
            result
                .unwrap_or_else(|| Err(abandoned()))
                .map_err(|error| rejection(&error))
        }))
    }

    /// Locks the table. Only a fault of the table's own code could poison the lock; the table is
    /// used all the same, since refusing all machines would be worse.
    fn table(&self) -> MutexGuard<'_, ExchangeTable<AccessKeySession, ResultReceiver>> {
        self.inner
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExchangeTask {
    fn finish(mut self, result: Result<AccessKeySession, Error>) {
        let begun = self.begun;
        self.settle(result.map(|session| session.begun_at(begun)));
    }

    /// Tells the table, then those who wait: a request that gets the result may present the key
    /// again at once. A second call does nothing.
    fn settle(&mut self, mut result: Result<AccessKeySession, Error>) {
        let Some(sender) = self.result.take() else {
            return;
        };
        let now = self.exchanger.inner.clock.now();
        let outcome = match &result {
            Ok(session) => {
                let life = session.expires_at().duration_since(now.date());
                ExchangeOutcome::Session {
                    value: session.clone(),
                    user: session.session().user_id().clone(),
                    life: life.unwrap_or_default(),
                }
            }
            Err(error) if is_refusal(error) => ExchangeOutcome::Refused,
            Err(error) if is_rate_limit(error) => ExchangeOutcome::RateLimited(
                error
                    .retry_after()
                    .unwrap_or(RATE_LIMIT_PAUSE)
                    .max(MIN_RETRY_AFTER),
            ),
            Err(_) => ExchangeOutcome::Failed,
        };
        let is_accepted = self
            .exchanger
            .table()
            .finish(self.digest, self.number, outcome, &now);
        if !is_accepted {
            result = Err(Error::new(
                ErrorKind::UpstreamInvalid,
                "descope's answer is the session of another access key",
            ));
        }
        log_outcome(&result);
        sender.send_replace(Some(result));
    }
}

impl Drop for ExchangeTask {
    /// Ends an exchange that panicked, or whose runtime is shutting down.
    fn drop(&mut self) {
        self.settle(Err(abandoned()));
    }
}

impl fmt::Debug for Exchanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanger").finish_non_exhaustive()
    }
}

fn log_outcome(result: &Result<AccessKeySession, Error>) {
    let outcome = match result {
        Ok(session) => {
            tracing::debug!(
                user.id = session.key_id(),
                tenant.id = session
                    .session()
                    .current_tenant()
                    .map(tracing::field::display),
                "access key exchanged"
            );
            "ok"
        }
        Err(error) if is_refusal(error) => {
            tracing::debug!(reason = %error, "access key refused");
            "refused"
        }
        Err(error) => {
            tracing::warn!(reason = %error, "access key not exchanged");
            if is_rate_limit(error) {
                "rate_limited"
            } else {
                "failed"
            }
        }
    };
    telemetry::access_key_exchanged(outcome);
}

/// Returns `true` if Descope refused the key, or would. The codes that end a user's session are not
/// expected here, but are no outage either. A refusal without a code is a proxy's, and does not
/// concern the key.
fn is_refusal(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidAccessKey || error.upstream_verdict().is_refusal()
}

/// Returns `true` if Descope asks to slow down. A 429 without a code is a proxy's, and a failure as
/// its 503 would be: it says nothing about how many exchanges Descope takes.
fn is_rate_limit(error: &Error) -> bool {
    error.kind() == ErrorKind::RateLimited && error.upstream_code().is_some()
}

fn refused() -> Rejection {
    Rejection::invalid("access_key_refused")
}

fn rejection(error: &Error) -> Rejection {
    if is_refusal(error) {
        return refused();
    }
    let asked = error.retry_after();
    if is_rate_limit(error) {
        let after = asked.unwrap_or(RATE_LIMIT_PAUSE).min(LONGEST_WAIT);
        return Rejection::exchange_unavailable("rate_limited", after.max(MIN_RETRY_AFTER));
    }
    let after = asked.unwrap_or(MIN_RETRY_AFTER).max(MIN_RETRY_AFTER);
    Rejection::exchange_unavailable("exchange_failed", after)
}

fn abandoned() -> Error {
    Error::new(
        ErrorKind::UpstreamUnavailable,
        "the call to descope was given up; try again",
    )
}
