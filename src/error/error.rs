//! The error type of this crate.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use super::kind::ErrorKind;

/// A failure of configuring this crate or of calling Descope.
///
/// Never holds a token, a cookie or the text of Descope's answer.
#[derive(Clone)]
pub struct Error {
    inner: Arc<ErrorInner>,
}

#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each told by the place that knows it"
)]
struct ErrorInner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    status: Option<u16>,
    code: Option<Box<str>>,
    retry_after: Option<Duration>,
    ends_session: bool,
    leaves_cookies: bool,
    successor_fits: bool,
    never_sent: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
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
                leaves_cookies: false,
                successor_fits: false,
                never_sent: false,
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

    /// A call that was not made because it would be one too many, and when to come again.
    pub(crate) fn throttled(why: &'static str, retry_after: Duration) -> Self {
        Self::new(ErrorKind::Throttled, why).with_retry_after(Some(retry_after))
    }

    /// The refusal of a token whose successor its holder has shown a while ago.
    pub(crate) fn replaced() -> Self {
        Self::new(
            ErrorKind::RefreshTokenReplaced,
            "the refresh token has been replaced, and its holder has shown the new one: repeat the \
             request with that",
        )
    }

    /// A call past its deadline.
    pub(crate) fn timed_out() -> Self {
        Self::new(ErrorKind::UpstreamTimeout, "descope did not answer in time")
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

    /// Says that a new refresh token that came with the failed answer is as good as any: only the
    /// session beside it cannot be used.
    pub(crate) fn with_fitting_successor(mut self) -> Self {
        Arc::make_mut(&mut self.inner).successor_fits = true;
        self
    }

    /// Returns `true` if a browser may be given the new refresh token of the failed answer.
    pub(crate) fn has_fitting_successor(&self) -> bool {
        self.inner.successor_fits
    }

    /// Says that the call never left this machine.
    pub(crate) fn never_sent(mut self) -> Self {
        Arc::make_mut(&mut self.inner).never_sent = true;
        self
    }

    /// Returns `true` if the call is known never to have left this machine.
    pub(crate) fn was_never_sent(&self) -> bool {
        self.inner.never_sent
    }

    /// Says that a response with this failure leaves the session's cookies alone: that of the
    /// sign-out removes them, and the browser may have been given others since.
    pub(crate) fn leaving_cookies(mut self) -> Self {
        Arc::make_mut(&mut self.inner).leaves_cookies = true;
        self
    }

    /// Returns `true` if a response with this failure is to remove the session's cookies.
    pub(crate) fn removes_cookies(&self) -> bool {
        self.inner.ends_session && !self.inner.leaves_cookies
    }

    /// Returns `true` if a response with this failure leaves the session's cookies alone.
    pub(crate) fn leaves_cookies(&self) -> bool {
        self.inner.leaves_cookies
    }

    /// Marks the failure as the session's end.
    pub(crate) fn with_session_ended(mut self) -> Self {
        Arc::make_mut(&mut self.inner).ends_session = true;
        self
    }

    /// The kind of failure.
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

    /// Returns `true` if the refresh token is of no use any more, so that a service should remove its
    /// cookies.
    ///
    /// That is Descope's word alone. A refresh token that has expired by this machine's clock is
    /// [`ErrorKind::SessionEnded`] too, but the clock may be ahead, and cookies have an end of
    /// their own. And [`ErrorKind::RefreshTokenReused`] is what the token of a browser that lost a
    /// race is answered with: removing cookies then would wipe the winner's.
    pub fn ends_session(&self) -> bool {
        self.inner.ends_session
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
        assert!(error.source().is_none());
    }
}
