use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, request::Parts};

use super::{notices::Notices, sign_in_rules::SignInRules};
use crate::{
    access_key::Exchanger,
    answer::SessionAnswer,
    client::DescopeClient,
    clock::{Clock, Now},
    cookie::{CookieAttributes, CookieReader, RequestCookies, SessionCookies},
    error::Error,
    head::RequestHead,
    jwks::KeyStatus,
    jwt::check::TokenUse,
    limiter::TokenBucket,
    origin::{self, AllowedOrigins, WhenAbsent},
    rejection::{Rejection, RejectionKind},
    rotation::RotationQueue,
    running::Running,
    session::{Session, Visitor},
    shared::Replica,
    token::SessionToken,
    verifier::SessionCacheStatus,
    verifier::Verifier,
};

/// How long draining takes at most.
const DRAIN: Duration = Duration::from_secs(60);

/// A handle to one Descope project: it verifies sessions, caches keys and makes the calls.
///
/// Clones are cheap and share everything; make one per project and clone it into layers and
/// services. See [`Descope::builder`] for the settings.
///
/// # Runtimes
///
/// Keys are fetched and calls are made on the tokio runtime of whoever asks. Outside of one there is
/// an error. Keys can be had from any runtime; a fetch that was under way on one which is not driven
/// any more is given up two seconds after its deadline. **Calls belong to one runtime**: their
/// connections are kept, and the runtime that opened them drives them, so that a call of another
/// runtime may wait on them in vain, up to [`timeout`](crate::DescopeBuilder::timeout), while the
/// first one stands still. A program that calls `block_on` here and there makes its calls on one
/// runtime that is driven all the time (tokio's multi-threaded one), or makes a handle for each.
///
/// # Panics
///
/// A runtime needs its drivers for IO and time: `enable_all`, which `#[tokio::main]` calls. On one
/// without them tokio panics, with a message that names the remedy, in every method that waits: for
/// keys ([`verify`](Self::verify), [`warm_up`](Self::warm_up), the layer and the services), or for
/// Descope (all calls). tokio does not say beforehand what a runtime has.
///
/// # Example
///
/// ```
/// use tower_descope::Descope;
///
/// let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z").build()?;
/// assert_eq!(descope.project_id(), "P2aAc4T2V93bddihGEx2Ryhc8e5Z");
/// # Ok::<(), tower_descope::Error>(())
/// ```
#[derive(Clone)]
pub struct Descope {
    pub(super) inner: Arc<DescopeInner>,
}

pub(super) struct DescopeInner {
    pub(super) project_id: String,
    pub(super) cookies: SessionCookies,
    pub(super) cookie_reader: CookieReader,
    pub(super) origins: AllowedOrigins,
    pub(super) verifier: Verifier,
    pub(super) notices: Notices,
    pub(super) client: DescopeClient,
    pub(super) queue: RotationQueue<SessionAnswer>,
    /// The state that this replica shares with others, if it does.
    pub(super) shared: Option<Replica>,
    /// True if the project rotates its refresh tokens.
    pub(super) rotation: bool,
    /// Exchanges access keys for sessions, where these are accepted.
    pub(super) exchanger: Option<Exchanger>,
    pub(super) sign_in: SignInRules,
    /// The calls that anybody can cause without a session.
    pub(super) sign_in_calls: Mutex<TokenBucket>,
    /// How long a caller waits for a call.
    pub(super) timeout: Duration,
}

impl Descope {
    /// The project's id.
    pub fn project_id(&self) -> &str {
        &self.inner.project_id
    }

    /// Verifies a session token outside of any request: for websockets, queues, jobs.
    ///
    /// Needs a tokio runtime if keys have to be fetched. An anonymous visitor's token is refused
    /// ([`Session::is_anonymous`]).
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// The reason why the token is no session here and now.
    pub async fn verify(&self, session_token: &SessionToken) -> Result<Session, Rejection> {
        let verifier = &self.inner.verifier;
        let genuine = verifier
            .verify(session_token.expose(), TokenUse::Session)
            .await?;
        genuine.session()
    }

    /// As [`verify`](Self::verify), for services that also serve anonymous visitors.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// The reason why the token is no session here and now.
    pub async fn verify_visitor(&self, session_token: &SessionToken) -> Result<Visitor, Rejection> {
        let verifier = &self.inner.verifier;
        let genuine = verifier
            .verify(session_token.expose(), TokenUse::Session)
            .await?;
        genuine.session_or_anonymous().map(Visitor::new)
    }

    /// Checks that a page of this site, or of one of the
    /// [`origins`](crate::DescopeBuilder::origins), caused a request: for a form that signs somebody in or
    /// out, and for whatever else acts with this site's cookies outside of
    /// [`cookies_same_origin_only`](crate::TenantLayer::cookies_same_origin_only). Without the check another
    /// site can sign a visitor in as somebody else (login CSRF).
    ///
    /// A browser says which page it was in `Sec-Fetch-Site`, or at least in `Origin`; a request with neither
    /// is refused. Also for axum: `Parts` is an extractor there.
    ///
    /// ```
    /// use http::Request;
    /// use tower_descope::{Descope, RejectionKind};
    ///
    /// let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z").build()?;
    /// let post = |site: &str| {
    ///     let request = Request::post("/enter").header("sec-fetch-site", site).body(());
    ///     request.map(|request| request.into_parts().0)
    /// };
    /// assert!(descope.check_same_origin(&post("same-origin")?).is_ok());
    /// let refused = descope.check_same_origin(&post("cross-site")?).unwrap_err();
    /// assert_eq!(refused.kind(), RejectionKind::CrossSite);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RejectionKind::CrossSite`](crate::RejectionKind::CrossSite), 403, for a request of another site, or
    /// of no browser. A line of the log at info says why, with the remedy.
    pub fn check_same_origin(&self, request: &Parts) -> Result<(), Rejection> {
        self.check_acting(request.into())
            .map_err(|reason| Rejection::because(RejectionKind::CrossSite, reason))
    }

    /// Fetches the project's keys, so that the first request need not wait for them, and a
    /// mistyped project id shows at start. Fetches none while the keys at hand are fresh.
    ///
    /// With [`shared_state`](crate::DescopeBuilder::shared_state) it asks the store each time, too; with
    /// [`revocation`](crate::DescopeBuilder::revocation) beside that it reads the other replicas' marks, and
    /// waits for a moment where their log is new.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::KeysUnavailable`](crate::ErrorKind::KeysUnavailable) if there are no usable
    /// keys to be had; the message says where they were looked for, at which URL or from the
    /// [`jwks_source`](crate::DescopeBuilder::jwks_source), and why there were none.
    /// [`ErrorKind::SharedStateUnavailable`](crate::ErrorKind::SharedStateUnavailable) if the store
    /// cannot be asked; the keys are there then.
    /// [`ErrorKind::NoRuntime`](crate::ErrorKind::NoRuntime) outside of a tokio runtime.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.inner.verifier.keys.warm_up().await?;
        self.warm_up_shared().await
    }

    /// Waits until nothing of this handle's is under way: calls whose answer may bring a new refresh
    /// token, and sign-outs that Descope has not confirmed, which are sent once more now. For 60
    /// seconds at most.
    ///
    /// Call it after the server's graceful shutdown, before the process ends: an answer that nobody
    /// waits for any more may hold the only token of a session.
    ///
    /// ```
    /// # async fn shut_down(descope: tower_descope::Descope) {
    /// // axum::serve(listener, app).with_graceful_shutdown(signal).await?;
    /// descope.drain().await;
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    pub async fn drain(&self) {
        self.drain_within(DRAIN).await;
    }

    /// As [`drain`](Self::drain), for `limit` at most.
    ///
    /// # Panics
    ///
    /// As [`drain`](Self::drain).
    pub async fn drain_within(&self, limit: Duration) {
        let limit = limit.min(DRAIN);
        let started = self.now();
        let left = self.inner.queue.drain(limit).await;
        let rest = limit.saturating_sub(self.now().since(&started));
        self.drain_shared(rest).await;
        if left > 0 {
            tracing::error!(
                calls = left,
                "the process ends before descope has answered: sessions may be lost"
            );
        }
    }

    /// How the key cache is doing, for a health endpoint.
    pub fn key_status(&self) -> KeyStatus {
        self.inner.verifier.keys.status()
    }

    /// How full the cache of verified sessions is, for a health endpoint or to choose its bounds
    /// ([`DescopeBuilder::session_cache`](crate::DescopeBuilder::session_cache)).
    pub fn session_cache_status(&self) -> SessionCacheStatus {
        self.inner.verifier.sessions.status()
    }

    /// Counts a task in that [`drain`](Self::drain) waits for.
    pub(crate) fn running(&self) -> Running {
        self.inner.queue.running()
    }

    /// The limits of what strangers can have logged.
    pub(crate) fn notices(&self) -> &Notices {
        &self.inner.notices
    }

    /// The time of this project's clock.
    pub(crate) fn now(&self) -> Now {
        self.clock().now()
    }

    /// This project's clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.verifier.clock
    }

    /// How this project's cookies are named and scoped.
    pub(crate) fn cookies(&self) -> &SessionCookies {
        &self.inner.cookies
    }

    /// How cookies are written for the browser of a request.
    pub(crate) fn cookie_attributes(&self, head: RequestHead<'_>) -> CookieAttributes {
        let cookies = &self.inner.cookies;
        let reader = &self.inner.cookie_reader;
        CookieAttributes {
            insecure: cookies.insecure_for(head),
            persistent: cookies.is_persistent(|| reader.is_remembered(head.headers)),
        }
    }

    /// Takes one of the calls that anybody can cause without a session.
    ///
    /// # Errors
    ///
    /// How long to wait, where none is left.
    pub(crate) fn take_sign_in_call(&self) -> Result<(), Duration> {
        let now = self.now();
        let calls = self.inner.sign_in_calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).take(&now)
    }

    /// A bucket of half of those calls.
    pub(crate) fn half_of_sign_in_calls(&self) -> TokenBucket {
        self.inner.sign_in.budget.half().bucket()
    }

    /// Who makes the calls.
    pub(crate) fn client(&self) -> &DescopeClient {
        &self.inner.client
    }

    /// The cookies of a request, which are read once.
    pub(crate) fn cookies_of<'h>(&'h self, headers: &'h HeaderMap) -> RequestCookies<'h> {
        RequestCookies::new(&self.inner.cookie_reader, headers)
    }

    /// Who reads the cookies of requests.
    pub(crate) fn cookie_reader(&self) -> &CookieReader {
        &self.inner.cookie_reader
    }

    /// Checks that a request may act with this site's cookies. The error is the reason.
    pub(crate) fn check_origin(
        &self,
        head: RequestHead<'_>,
        absent: WhenAbsent,
    ) -> Result<(), &'static str> {
        origin::check(head, &self.inner.origins, absent)
    }

    /// As [`check_origin`](Self::check_origin) for a request that does act, so that one which does not
    /// say where it comes from is refused. A refusal is logged.
    pub(crate) fn check_acting(&self, head: RequestHead<'_>) -> Result<(), &'static str> {
        self.check_origin(head, WhenAbsent::Refuse)
            .inspect_err(|reason| origin::log_refusal(reason, head))
    }
}

#[cfg(feature = "__internals")]
impl Descope {
    /// The verifier, for kinds of tokens that no public call reaches without Descope.
    pub(crate) fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }
}

impl fmt::Debug for Descope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descope")
            .field("project_id", &self.inner.project_id)
            .finish_non_exhaustive()
    }
}
