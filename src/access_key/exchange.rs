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
    key::Ending,
    session::AccessKeySession,
    settings::{AccessKeys, ExchangeOptions, KeyShape},
    table::{Step, Table},
};
use crate::{
    clock::Clock,
    digest::Digest,
    error::{Error, ErrorKind},
    rejection::Rejection,
    telemetry,
    token::AccessKey,
};

/// How long to hold back after a 429 that does not say how long.
const STOP: Duration = Duration::from_secs(10);

/// How long to advise a client to wait where no better figure is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Exchanges the access keys that requests present, each once; see the [module](super)
/// documentation. Clones share everything.
#[derive(Clone)]
pub(crate) struct Exchanger {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    shape: KeyShape,
    /// What the browser SDK sends as a bearer token; it may well look like a key.
    project_id: String,
    options: ExchangeOptions,
    patience: Duration,
    /// Never held over an await nor over a caller's code.
    table: Mutex<Table<AccessKeySession, Landing>>,
}

/// How an exchange ended, once it has.
type Landing = watch::Receiver<Option<Result<AccessKeySession, Error>>>;

/// What an access key is good for.
pub(crate) enum Found {
    /// A session that was verified once; whether it still holds is the caller's question.
    Session(Cached),
    /// An exchange is under way.
    Wait(PendingExchange),
    Refused(Rejection),
}

/// A session at hand.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) session: AccessKeySession,
    digest: Digest,
    number: u64,
}

/// An exchange's result to come. Dropping it cancels nothing.
pub(crate) type PendingExchange =
    Pin<Box<dyn Future<Output = Result<AccessKeySession, Rejection>> + Send>>;

/// An exchange under way, ended in any case.
struct Flight {
    exchanger: Exchanger,
    digest: Digest,
    number: u64,
    landing: Option<watch::Sender<Option<Result<AccessKeySession, Error>>>>,
}

impl Exchanger {
    /// An exchanger for a project. After `patience` an exchange is taken for lost.
    ///
    /// # Errors
    ///
    /// For the first setting that is wrong.
    pub(crate) fn new(
        keys: &AccessKeys,
        project_id: &str,
        patience: Duration,
        clock: Clock,
    ) -> Result<Self, Error> {
        keys.check()?;
        Ok(Self {
            inner: Arc::new(Inner {
                clock,
                shape: keys.shape(),
                project_id: project_id.to_owned(),
                options: keys.options().clone(),
                patience,
                table: Mutex::new(Table::new(keys.policy(patience))),
            }),
        })
    }

    /// Whether a bearer token is to be taken for an access key.
    pub(crate) fn takes(&self, text: &str) -> bool {
        self.inner.shape.fits(text) && text != self.inner.project_id
    }

    /// What every key is exchanged for.
    pub(crate) fn options(&self) -> &ExchangeOptions {
        &self.inner.options
    }

    /// Looks a key up, and starts `exchange` on a task of its own if it is needed.
    pub(crate) fn look_up<F, Fut>(&self, key: &AccessKey, exchange: F) -> Found
    where
        F: FnOnce(AccessKey) -> Fut,
        Fut: Future<Output = Result<AccessKeySession, Error>> + Send + 'static,
    {
        let Ok(digest) = Digest::of(key.expose()) else {
            let rejection = Rejection::exchange_unavailable("no_sha256", RETRY_AFTER);
            return Found::Refused(rejection);
        };
        let runtime = Handle::try_current();
        let now = self.inner.clock.now();
        let mut landing = None;
        let wait = || {
            let (sender, receiver) = watch::channel(None);
            landing = Some(sender);
            receiver
        };
        let step = self.table().ask(digest, runtime.is_ok(), wait, &now);
        let start = |number| {
            let flight = Flight {
                exchanger: self.clone(),
                digest,
                number,
                landing,
            };
            // Without a runtime the table says so, and starts nothing.
            if let Ok(runtime) = runtime {
                let call = exchange(key.clone());
                let exchange = async move { flight.land(call.await) };
                runtime.spawn(exchange.in_current_span());
            }
        };
        match step {
            Step::Serve {
                session,
                number,
                exchange,
            } => {
                if let Some(number) = exchange {
                    start(number);
                }
                Found::Session(Cached {
                    session,
                    digest,
                    number,
                })
            }
            Step::Join(landing) => self.wait(landing),
            Step::Exchange(number, landing) => {
                start(number);
                self.wait(landing)
            }
            Step::Refuse => Found::Refused(refused()),
            Step::Unavailable {
                reason,
                retry_after,
            } => Found::Refused(Rejection::exchange_unavailable(
                reason,
                retry_after.max(RETRY_AFTER),
            )),
        }
    }

    /// A session at hand holds no longer, though its time is not over.
    pub(crate) fn invalidate(&self, cached: &Cached) {
        self.table().invalidate(cached.digest, cached.number);
    }

    /// The exchange has its own deadline, but the runtime it was started on may no longer be
    /// driven. So the wait has one as well.
    fn wait(&self, mut landing: Landing) -> Found {
        let patience = self.inner.patience;
        let landed = async move {
            let landed = landing.wait_for(Option::is_some).await;
            landed.ok().and_then(|result| result.clone())
        };
        Found::Wait(Box::pin(async move {
            let result = if Handle::try_current().is_ok() {
                tokio::time::timeout(patience, landed).await.ok().flatten()
            } else {
                landed.await
            };
            result
                .unwrap_or_else(|| Err(abandoned()))
                .map_err(|error| rejection(&error))
        }))
    }

    /// A panic while the table is held would be a fault of its own code: better go on than refuse
    /// all machines.
    fn table(&self) -> MutexGuard<'_, Table<AccessKeySession, Landing>> {
        self.inner
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    fn land(mut self, result: Result<AccessKeySession, Error>) {
        self.settle(result);
    }

    /// The table first: whoever is told may ask again at once.
    fn settle(&mut self, result: Result<AccessKeySession, Error>) {
        let Some(landing) = self.landing.take() else {
            return;
        };
        let now = self.exchanger.inner.clock.now();
        let ending = match &result {
            Ok(session) => {
                let life = session.expires_at().duration_since(now.date());
                Ending::Session(session.clone(), life.unwrap_or_default())
            }
            Err(error) if is_refusal(error) => Ending::Refused,
            Err(error) if error.kind() == ErrorKind::RateLimited => {
                Ending::RateLimited(error.retry_after().unwrap_or(STOP).max(RETRY_AFTER))
            }
            Err(_) => Ending::Failed,
        };
        tell(&result);
        self.exchanger
            .table()
            .end(self.digest, self.number, ending, &now);
        landing.send_replace(Some(result));
    }
}

impl Drop for Flight {
    /// The exchange panicked, or the runtime is going down.
    fn drop(&mut self) {
        self.settle(Err(abandoned()));
    }
}

impl fmt::Debug for Exchanger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanger").finish_non_exhaustive()
    }
}

fn tell(result: &Result<AccessKeySession, Error>) {
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
            match error.kind() {
                ErrorKind::RateLimited => "rate_limited",
                _ => "failed",
            }
        }
    };
    telemetry::access_key_exchanged(outcome);
}

/// Whether Descope said no, or would. The codes that end a user's session should not come here, but
/// are no outage either. A refusal without a code is some proxy's, and says nothing about the key.
fn is_refusal(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Refused => error.upstream_code().is_some(),
        ErrorKind::InvalidAccessKey | ErrorKind::SessionEnded | ErrorKind::RefreshTokenReused => {
            true
        }
        _ => false,
    }
}

fn refused() -> Rejection {
    Rejection::invalid("access_key_refused")
}

fn rejection(error: &Error) -> Rejection {
    if is_refusal(error) {
        return refused();
    }
    let (reason, default) = match error.kind() {
        ErrorKind::RateLimited => ("rate_limited", STOP),
        _ => ("exchange_failed", RETRY_AFTER),
    };
    let retry_after = error.retry_after().unwrap_or(default).max(RETRY_AFTER);
    Rejection::exchange_unavailable(reason, retry_after)
}

fn abandoned() -> Error {
    Error::new(
        ErrorKind::UpstreamUnavailable,
        "the call to descope was given up; try again",
    )
}
