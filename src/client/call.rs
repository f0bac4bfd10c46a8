use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, Method, StatusCode};
use reqwest::{Client, Url};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::{answer::Reply, credential, failure, settings::ClientSettings};
use crate::{
    client::transport::{self, BodyFault},
    error::{Error, ErrorKind},
    token::RefreshToken,
};

/// The largest answer that is read.
const MAX_BODY: usize = 1024 * 1024;

/// How long to wait before a request goes out again, as Descope's SDKs do.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Makes the calls of one project. Clones share everything.
#[derive(Clone)]
pub(crate) struct DescopeClient {
    http: Client,
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    base: Url,
    pub(super) settings: ClientSettings,
}

/// One of Descope's endpoints, below the base URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) method: &'static Method,
    pub(super) path: &'static str,
    /// Whether a call spends the refresh token, so that it must not go up twice.
    pub(super) spends: bool,
}

/// Why one attempt brought no success.
enum Fault {
    /// The request never left this machine.
    NotSent(reqwest::Error),
    /// It was sent, or may have been.
    Network(reqwest::Error),
    /// Descope answered so.
    Status(StatusCode, Error),
    /// The answer is too large.
    TooLarge,
}

impl DescopeClient {
    /// A client for calls below `base`, whose path ends in `/`.
    pub(crate) fn new(http: Client, base: Url, settings: ClientSettings) -> Self {
        Self {
            http,
            inner: Arc::new(Inner { base, settings }),
        }
    }

    /// Makes a call with a refresh token; an empty `body` is none.
    ///
    /// The request goes out once. Once more, 100 ms later, where the first never left (no
    /// connection), or where Descope answered 503 and a repetition is safe: the call spends
    /// nothing, or the project does not rotate its refresh tokens. A rotated token that goes up
    /// twice ends its session.
    ///
    /// # Errors
    ///
    /// What [`failure`] makes of a refusal; [`ErrorKind::UpstreamTimeout`] past the deadline;
    /// [`ErrorKind::UpstreamUnavailable`] without a connection or where it breaks. Where a success
    /// breaks, comes to no end in time or is over 1 MiB after its head, [`Reply::body`] says so.
    pub(super) async fn call(
        &self,
        endpoint: Endpoint,
        refresh: &RefreshToken,
        body: Vec<u8>,
    ) -> Result<Reply, Error> {
        let settings = &self.inner.settings;
        let headers = credential::headers(settings, refresh)?;
        let may_repeat = !(endpoint.spends && settings.rotation);
        self.send(endpoint, &headers, &body, may_repeat).await
    }

    /// Makes a call with these headers; `may_repeat`: also where Descope answered 503.
    pub(super) async fn send(
        &self,
        endpoint: Endpoint,
        headers: &HeaderMap,
        body: &[u8],
        may_repeat: bool,
    ) -> Result<Reply, Error> {
        let url = self.inner.base.join(endpoint.path).map_err(|error| {
            Error::config("base_url cannot be continued with a path").with_source(error)
        })?;
        let deadline = Instant::now() + self.inner.settings.timeout;
        let attempts = async {
            let attempt = || self.attempt(endpoint.method, &url, headers, body, deadline);
            match attempt().await {
                Err(fault) if fault.is_repeatable(may_repeat) => {
                    tokio::time::sleep(RETRY_DELAY).await;
                    attempt().await
                }
                outcome => outcome,
            }
        };
        timeout_at(deadline, attempts)
            .await
            .map_err(|_| failure::timed_out())?
            .map_err(Error::from)
    }

    async fn attempt(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Reply, Fault> {
        let mut request = self
            .http
            .request(method.clone(), url.clone())
            .headers(headers.clone());
        if !body.is_empty() {
            request = request.body(body.to_vec());
        }
        let response = request.send().await.map_err(Fault::sending)?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = transport::read_limited(response, MAX_BODY);
        if status.is_success() {
            // The head may hold all that is left of the session, whatever becomes of the rest.
            let body = match timeout_at(deadline, body).await {
                Ok(body) => body
                    .map(Zeroizing::new)
                    .map_err(|fault| Fault::from(fault).into()),
                Err(_) => Err(failure::timed_out()),
            };
            return Ok(Reply { headers, body });
        }
        // What a refusal says is worth having, but its status decides without it, too.
        let body = body.await.map(Zeroizing::new).unwrap_or_default();
        let error = failure::refused(status, &headers, &body, SystemTime::now());
        Err(Fault::Status(status, error))
    }
}

impl fmt::Debug for DescopeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DescopeClient")
            .field("base", &self.inner.base.as_str())
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

impl Fault {
    /// Whether the request may go out again: it never left, or, if `after_503`, Descope answered
    /// that it was not there.
    fn is_repeatable(&self, after_503: bool) -> bool {
        match self {
            Self::NotSent(_) => true,
            Self::Status(status, error) => {
                after_503
                    && *status == StatusCode::SERVICE_UNAVAILABLE
                    && error.kind() == ErrorKind::UpstreamUnavailable
            }
            Self::Network(_) | Self::TooLarge => false,
        }
    }

    /// A connection that was not to be had in time is no reason to try again: the time is gone.
    fn sending(error: reqwest::Error) -> Self {
        if error.is_connect() && !error.is_timeout() {
            Self::NotSent(error)
        } else {
            Self::Network(error)
        }
    }
}

impl From<BodyFault> for Fault {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::Broken(error) => Self::Network(error),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotSent(error) | Fault::Network(error) => failure::network(error),
            Fault::Status(_, error) => error,
            Fault::TooLarge => {
                Self::new(ErrorKind::UpstreamInvalid, "descope's answer is too large")
            }
        }
    }
}
