use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode};
use reqwest::{Client, Url};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    answer::{RawAnswer, Reply},
    credential, failure,
    settings::ClientSettings,
};
use crate::{
    error::{Error, ErrorKind},
    http_client::{self, BodyFault},
    ids::TenantId,
    token::RefreshToken,
};

/// The largest answer that is read.
const MAX_BODY: usize = 1024 * 1024;

/// How long to wait before a request goes out again, as Descope's SDKs do.
const RETRY_DELAY: Duration = Duration::from_millis(100);

const SELECT_TENANT: &str = "v1/auth/tenant/select";

/// Makes the calls of one project. Clones share everything.
#[derive(Clone)]
pub(crate) struct DescopeClient {
    http: Client,
    inner: Arc<Inner>,
}

struct Inner {
    base: Url,
    settings: ClientSettings,
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

#[derive(Serialize)]
struct SelectBody<'a> {
    tenant: &'a TenantId,
}

impl DescopeClient {
    /// A client for calls below `base`, whose path ends in `/`.
    pub(crate) fn new(http: Client, base: Url, settings: ClientSettings) -> Self {
        Self {
            http,
            inner: Arc::new(Inner { base, settings }),
        }
    }

    /// `POST /v1/auth/tenant/select`: makes a tenant the current one.
    ///
    /// # Errors
    ///
    /// See [`post`](Self::post); and [`ErrorKind::UpstreamInvalid`] for an answer that is no JSON
    /// object.
    pub(crate) async fn select_tenant(
        &self,
        refresh: &RefreshToken,
        tenant: &TenantId,
    ) -> Result<RawAnswer, Error> {
        let body = serde_json::to_vec(&SelectBody { tenant }).map_err(|error| {
            Error::new(
                ErrorKind::InvalidTenantId,
                "the tenant id cannot be written",
            )
            .with_source(error)
        })?;
        let reply = self.post(SELECT_TENANT, refresh, body).await?;
        let settings = &self.inner.settings;
        RawAnswer::read(&reply, &settings.session_names, &settings.refresh_names)
    }

    /// Spends a refresh token on a call.
    ///
    /// The request goes out once. Once more, 100 ms later, where the first never left (no
    /// connection), or where Descope answered 503 and the project does not rotate its refresh
    /// tokens: a rotated token that goes up twice ends its session.
    ///
    /// # Errors
    ///
    /// What [`failure`] makes of a refusal; [`ErrorKind::UpstreamTimeout`] past the deadline;
    /// [`ErrorKind::UpstreamUnavailable`] without a connection or where it breaks;
    /// [`ErrorKind::UpstreamInvalid`] for an answer over 1 MiB.
    async fn post(
        &self,
        path: &str,
        refresh: &RefreshToken,
        body: Vec<u8>,
    ) -> Result<Reply, Error> {
        let settings = &self.inner.settings;
        let url = self.inner.base.join(path).map_err(|error| {
            Error::config("base_url cannot be continued with a path").with_source(error)
        })?;
        let headers = credential::headers(settings, refresh)?;
        let attempts = async {
            match self.attempt(&url, &headers, &body).await {
                Err(fault) if self.may_repeat(&fault) => {
                    tokio::time::sleep(RETRY_DELAY).await;
                    self.attempt(&url, &headers, &body).await
                }
                outcome => outcome,
            }
        };
        tokio::time::timeout(settings.timeout, attempts)
            .await
            .map_err(|_| failure::timed_out())?
            .map_err(Error::from)
    }

    async fn attempt(&self, url: &Url, headers: &HeaderMap, body: &[u8]) -> Result<Reply, Fault> {
        let response = self
            .http
            .post(url.clone())
            .headers(headers.clone())
            .body(body.to_vec())
            .send()
            .await
            .map_err(Fault::sending)?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = http_client::read_limited(response, MAX_BODY)
            .await
            .map(Zeroizing::new);
        if status.is_success() {
            let body = body?;
            return Ok(Reply { headers, body });
        }
        // What a refusal says is worth having, but its status decides without it, too.
        let body = body.unwrap_or_default();
        let error = failure::refused(status, &headers, &body, SystemTime::now());
        Err(Fault::Status(status, error))
    }

    fn may_repeat(&self, fault: &Fault) -> bool {
        match fault {
            Fault::NotSent(_) => true,
            Fault::Status(status, error) => {
                !self.inner.settings.rotation
                    && *status == StatusCode::SERVICE_UNAVAILABLE
                    && error.kind() == ErrorKind::UpstreamUnavailable
            }
            Fault::Network(_) | Fault::TooLarge => false,
        }
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
