//! Failures of the configuration and of calls to Descope.
//!
//! [`Error`] is about us and Descope; why a *request* was refused is a
//! [`Rejection`](crate::Rejection). Both are opaque, with a `#[non_exhaustive]` kind to match on,
//! so that detail can be added without breaking anybody. An error is cheap to clone, since one
//! failed call may have to be reported to many waiting requests.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

/// A failure of the configuration or of a call to Descope.
///
/// Never holds a token, a cookie or the text of Descope's answer.
#[derive(Clone)]
pub struct Error {
    inner: Arc<ErrorInner>,
}

#[derive(Clone)]
struct ErrorInner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    status: Option<u16>,
    code: Option<Box<str>>,
    retry_after: Option<Duration>,
    ends_session: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The sort of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is missing or wrong. The message names it.
    InvalidConfig,
    /// A text that was to become a [`TenantId`](crate::TenantId) is none.
    InvalidTenantId,
    /// A text that was to become a [`UserId`](crate::UserId) is none.
    InvalidUserId,
    /// A refresh token was refused here, before any call: forged, of another project, not a
    /// refresh token.
    InvalidRefreshToken,
    /// An access key was refused here, before any call: a text that can be none.
    InvalidAccessKey,
    /// The session is over: the refresh token has expired, or its user was signed out
    /// (E064001). Signing in again is the way on.
    SessionEnded,
    /// The refresh token was used before (E064006): another holder of it rotated it.
    RefreshTokenReused,
    /// Descope refused the call (400, 401, 403, 404 or 422), for example a tenant that the user
    /// is not a member of. [`Error::upstream_status`] has its status.
    Refused,
    /// Descope asked to slow down (429). [`Error::retry_after`] says for how long.
    RateLimited,
    /// Descope could not be reached, or answered with a failure of its own (5xx).
    UpstreamUnavailable,
    /// Descope's answer did not come within the deadline.
    UpstreamTimeout,
    /// Descope's answer is not what was asked for: unreadable, too large, redirected, or with
    /// tokens that do not verify or belong to another user or tenant.
    UpstreamInvalid,
    /// There are no keys to check signatures with.
    KeysUnavailable,
    /// A call needs a tokio runtime, and there is none on this thread.
    NoRuntime,
    /// The claims of a session do not fit the type asked for.
    InvalidClaims,
    /// A cookie would be larger than browsers keep (4096 bytes of name and value).
    CookieTooLarge,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            inner: Arc::new(ErrorInner {
                kind,
                message: message.into(),
                status: None,
                code: None,
                retry_after: None,
                ends_session: false,
                source: None,
            }),
        }
    }

    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidConfig, message)
    }

    /// A call to Descope outside of a tokio runtime.
    pub(crate) fn no_runtime() -> Self {
        Self::new(
            ErrorKind::NoRuntime,
            "a call to descope needs a tokio runtime: make it from within one (`#[tokio::main]` or \
             `Runtime::block_on`)",
        )
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.inner).source = Some(Arc::new(source));
        self
    }

    /// Puts the environment variable in front that the wrong value came from, if it did.
    pub(crate) fn in_variable(mut self, name: Option<&str>) -> Self {
        if let Some(name) = name {
            let inner = Arc::make_mut(&mut self.inner);
            inner.message = format!("{name}: {}", inner.message).into();
        }
        self
    }

    /// Adds the HTTP status of Descope's answer.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        Arc::make_mut(&mut self.inner).status = Some(status);
        self
    }

    /// Adds the `errorCode` of Descope's answer; the caller has checked that it looks like one.
    pub(crate) fn with_code(mut self, code: &str) -> Self {
        Arc::make_mut(&mut self.inner).code = Some(code.into());
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        Arc::make_mut(&mut self.inner).retry_after = after;
        self
    }

    /// Marks the failure as the session's end.
    pub(crate) fn with_session_ended(mut self) -> Self {
        Arc::make_mut(&mut self.inner).ends_session = true;
        self
    }

    /// The sort of failure.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The HTTP status of Descope's answer, where there was one and it was a refusal.
    pub fn upstream_status(&self) -> Option<u16> {
        self.inner.status
    }

    /// Descope's `errorCode`, for example `E064001`, where its answer had one.
    pub fn upstream_code(&self) -> Option<&str> {
        self.inner.code.as_deref()
    }

    /// How long to wait before the next try, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// Whether the refresh token is dead for good, so that a service should remove its cookies.
    ///
    /// Not the same as [`ErrorKind::RefreshTokenReused`]: the token of a browser that lost a race
    /// is answered so too, and removing cookies then would wipe the winner's.
    pub fn ends_session(&self) -> bool {
        self.inner.ends_session
    }

    /// Whether the same call may succeed a little later: nothing is lost, nobody is signed out.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.inner.kind,
            ErrorKind::RateLimited
                | ErrorKind::UpstreamUnavailable
                | ErrorKind::UpstreamTimeout
                | ErrorKind::KeysUnavailable
        )
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.inner.kind)
            .field("message", &self.inner.message);
        if let Some(status) = self.inner.status {
            debug.field("status", &status);
        }
        if let Some(code) = &self.inner.code {
            debug.field("code", code);
        }
        if let Some(source) = &self.inner.source {
            debug.field("source", source);
        }
        debug.finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        match (&self.inner.code, self.inner.status) {
            (Some(code), Some(status)) => write!(f, " ({code}, status {status})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(status)) => write!(f, " (status {status})"),
            (None, None) => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_descope_said_in_one_line() {
        let error = Error::new(ErrorKind::Refused, "descope refused the tenant")
            .with_status(403)
            .with_code("E012345");
        assert_eq!(
            error.to_string(),
            "descope refused the tenant (E012345, status 403)"
        );
        assert!(!error.is_transient());
        assert!(error.source().is_none());
    }
}
