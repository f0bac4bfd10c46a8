use std::{
    fmt,
    future::Future,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use reqwest::{Client, Request, Url};
use zeroize::Zeroizing;

use super::{
    credential,
    endpoint::{Endpoint, EndpointUrls},
    failure,
    fault::CallFault,
    limit::ConnectionLimit,
    reply::Reply,
    settings::ClientSettings,
};
use crate::{
    client::transport::{self, BodyFault},
    clock::Clock,
    error::Error,
    limiter::OnceAMinute,
    metrics,
    running::runtime,
    token::RefreshToken,
};

/// The largest answer that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// When a call that got no connection may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Makes the calls of one project. Clones share everything.
#[derive(Clone)]
pub(crate) struct DescopeClient {
    http: Client,
    pub(super) inner: Arc<ClientInner>,
}

pub(super) struct ClientInner {
    urls: EndpointUrls,
    pub(super) settings: ClientSettings,
    pub(super) limit: ConnectionLimit,
    /// Limits the warning that calls wait for a connection in vain.
    limit_warning: OnceAMinute,
    /// The `nextRefreshSeconds` of Descope's newest session; 0 where there is none.
    pub(super) next_refresh: AtomicU64,
}

/// An answer of Descope's that is passed on.
pub(crate) struct PassedReply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// When the time of a call is over.
struct Deadline {
    /// On the monotonic clock of the handle.
    clock: Duration,
    /// In real time, which differs from that where a test moves the clock.
    real: Instant,
}

impl Deadline {
    fn left(&self, clock: &Clock) -> Duration {
        let real = self.real.saturating_duration_since(Instant::now());
        self.clock.saturating_sub(clock.now().mono).min(real)
    }
}

impl DescopeClient {
    /// A client for calls below `base`, whose path ends in `/`.
    pub(crate) fn new(http: Client, base: Url, settings: ClientSettings) -> Self {
        Self {
            http,
            inner: Arc::new(ClientInner {
                urls: EndpointUrls::new(base),
                limit: ConnectionLimit::new(settings.max_connections),
                settings,
                limit_warning: OnceAMinute::default(),
                next_refresh: AtomicU64::default(),
            }),
        }
    }

    /// Makes a call with a refresh token; an empty `body` is none.
    ///
    /// The request is sent once. It is repeated once, after [`ClientSettings::retry_delay`], if it
    /// never left this machine (no connection), or if Descope answered 503 and a repetition is
    /// safe: the call rotates nothing, or the project does not rotate its refresh tokens. A
    /// rotated-out token that is sent again ends its session.
    ///
    /// # Errors
    ///
    /// The error that [`failure`] gives to a refusal; [`ErrorKind::Throttled`] without a connection to
    /// send it on, as [`send`](Self::send) says; [`ErrorKind::UpstreamTimeout`] past the
    /// deadline, which is a longer one for a call that rotates the token; [`ErrorKind::UpstreamUnavailable`] without a connection or where it breaks. If the
    /// body of a successful response breaks off, is not complete in time or is over 1 MiB, that is
    /// the error of [`Reply::body`].
    pub(super) async fn call(
        &self,
        endpoint: Endpoint,
        refresh: &RefreshToken,
        body: Bytes,
    ) -> Result<Reply, Error> {
        self.call_from(endpoint, refresh, None, body).await
    }

    /// As [`call`](Self::call), with headers that tell Descope of the browser's device.
    pub(super) async fn call_from(
        &self,
        endpoint: Endpoint,
        refresh: &RefreshToken,
        devices: Option<&HeaderMap>,
        body: Bytes,
    ) -> Result<Reply, Error> {
        let settings = &self.inner.settings;
        let headers = || -> Result<HeaderMap, Error> {
            let mut headers = credential::headers(settings, refresh)?;
            headers.extend(devices.cloned().unwrap_or_default());
            Ok(headers)
        };
        let may_repeat = !(endpoint.rotates && settings.rotation);
        self.send(endpoint, &[], headers, body, may_repeat).await
    }

    /// Makes a call with this query and these headers, which are made for each attempt, once there is a
    /// connection for it. With `may_repeat` it is also repeated after a 503.
    ///
    /// Nobody waits for a connection longer than for an answer: [`ErrorKind::Throttled`] past
    /// [`ClientSettings::timeout`], and then nothing was sent.
    pub(super) async fn send(
        &self,
        endpoint: Endpoint,
        query: &[(&str, &str)],
        headers: impl Fn() -> Result<HeaderMap, Error>,
        body: Bytes,
        may_repeat: bool,
    ) -> Result<Reply, Error> {
        let request = || -> Result<Request, Error> {
            let mut url = self.inner.urls.of(endpoint)?.clone();
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            let mut request = Request::new(endpoint.method.clone(), url);
            *request.headers_mut() = headers()?;
            if !body.is_empty() {
                *request.body_mut() = Some(body.clone().into());
            }
            Ok(request)
        };
        // One that cannot be made waits for no connection.
        let first = request()?;
        runtime()?;
        let settings = &self.inner.settings;
        let limit = if endpoint.rotates {
            settings.listen
        } else {
            settings.timeout
        };
        let started = Instant::now();
        let mono = settings.clock.now().mono;
        let deadline = |limit| Deadline {
            clock: mono.saturating_add(limit),
            real: started + limit,
        };
        let rotates = endpoint.rotates || endpoint.signs_in;
        let permit = self.inner.limit.permit(rotates);
        let patience = deadline(settings.timeout);
        let permit = self.until(&patience, permit).await.flatten();
        // A process that stood still meanwhile uses none: others may have taken its call over.
        let Some(permit) = permit.filter(|_| !patience.left(&settings.clock).is_zero()) else {
            let error = self.without_connection();
            metrics::upstream_call(endpoint.name, Some(&error), started.elapsed());
            return Err(error);
        };
        let deadline = deadline(limit);
        let attempts = async {
            match self.attempt(first, &deadline).await {
                Err(fault) if fault.is_repeatable(may_repeat) => {
                    tokio::time::sleep(settings.retry_delay).await;
                    Ok(self.attempt(request()?, &deadline).await?)
                }
                outcome => Ok(outcome?),
            }
        };
        let result = match self.until(&deadline, attempts).await {
            Some(result) => result,
            None => Err(Error::timed_out()),
        };
        metrics::upstream_call(endpoint.name, result.as_ref().err(), started.elapsed());
        // The connection gets back to the idle ones in a task of its own; whoever comes next would
        // open another one.
        tokio::task::yield_now().await;
        drop(permit);
        result
    }

    /// Makes a call whose answer is for somebody else to read, whatever its status. Once, and within
    /// `timeout`; nothing repeats it. It takes none of the connections that other calls share: whoever
    /// makes such calls bounds their number.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) but for refusals, which are answers here.
    pub(super) async fn pass_on(
        &self,
        endpoint: Endpoint,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
    ) -> Result<PassedReply, Error> {
        let mut request = Request::new(
            endpoint.method.clone(),
            self.inner.urls.of(endpoint)?.clone(),
        );
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());
        self.once(endpoint.name, request, timeout).await
    }

    /// Fetches what is no call of the API, with no header of anybody's.
    ///
    /// # Errors
    ///
    /// As [`pass_on`](Self::pass_on).
    pub(super) async fn fetch(&self, url: Url, timeout: Duration) -> Result<PassedReply, Error> {
        let request = Request::new(http::Method::GET, url);
        self.once("flow_page", request, timeout).await
    }

    async fn once(
        &self,
        name: &'static str,
        request: Request,
        timeout: Duration,
    ) -> Result<PassedReply, Error> {
        runtime()?;
        let started = Instant::now();
        let deadline = Deadline {
            clock: self.inner.settings.clock.now().mono.saturating_add(timeout),
            real: started + timeout,
        };
        let exchange = async {
            let sent = self.http.execute(request).await;
            let response = sent.map_err(CallFault::sending)?;
            let status = response.status();
            let headers = response.headers().clone();
            let body = transport::read_limited(response, MAX_BODY).await;
            let body = body.map(Zeroizing::new).map_err(CallFault::from)?;
            Ok::<_, CallFault>(PassedReply {
                status,
                headers,
                body,
            })
        };
        let result = match self.until(&deadline, exchange).await {
            Some(reply) => reply.map_err(Error::from),
            None => Err(Error::timed_out()),
        };
        let refusal = result.as_ref().ok().filter(|it| !it.status.is_success());
        let refusal = refusal.map(|reply| {
            failure::refused(reply.status, &reply.headers, &reply.body, SystemTime::now())
        });
        let error = result.as_ref().err().or(refusal.as_ref());
        metrics::upstream_call(name, error, started.elapsed());
        result
    }

    /// The base URL.
    pub(super) fn base(&self) -> &Url {
        self.inner.urls.base()
    }

    /// The failure of a call that got no connection in time.
    fn without_connection(&self) -> Error {
        let settings = &self.inner.settings;
        if self.inner.limit_warning.is_due(&settings.clock.now()) {
            tracing::warn!(
                max_connections = settings.max_connections,
                "calls to descope were not made: all connections were in use for as long as a call \
                 may take; descope is slow, or max_connections is too low"
            );
        }
        let why = "no call was made: all connections to descope were in use";
        Error::throttled(why, RETRY_AFTER)
    }

    /// Waits for something until the deadline of a call has passed.
    async fn until<T>(&self, deadline: &Deadline, work: impl Future<Output = T>) -> Option<T> {
        let clock = &self.inner.settings.clock;
        tokio::select! {
            biased;
            done = work => Some(done),
            () = clock.deadline(deadline.left(clock)) => None,
        }
    }

    async fn attempt(&self, request: Request, deadline: &Deadline) -> Result<Reply, CallFault> {
        let sent = self.http.execute(request).await;
        let response = sent.map_err(CallFault::sending)?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = transport::read_limited(response, MAX_BODY);
        if status.is_success() {
            // The head alone may hold the new refresh token, so a fault of the body is no failure of
            // the call.
            let body = match self.until(deadline, body).await {
                Some(body) => body
                    .map(Zeroizing::new)
                    .map_err(|fault| CallFault::from(fault).into()),
                None => Err(Error::timed_out()),
            };
            return Ok(Reply { headers, body });
        }
        // The body of a refusal has a code, but the status decides without one, too.
        let body = body.await.map(Zeroizing::new);
        let text = body.as_ref().map_or(&[][..], |body| body.as_slice());
        let error = failure::refused(status, &headers, text, SystemTime::now());
        let error = match body {
            Err(BodyFault::Encoded(coding)) => error.with_source(coding),
            _ => error,
        };
        Err(CallFault::Status(status, error))
    }
}

impl fmt::Debug for DescopeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DescopeClient")
            .field("base", &self.inner.urls.base().as_str())
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
