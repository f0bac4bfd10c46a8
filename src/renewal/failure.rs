//! The meaning of a failed renewal for its request.

use std::{borrow::Cow, time::Duration};

use crate::{
    descope::RefreshRefusal,
    error::{Error, ErrorKind},
    rejection::{Rejection, RejectionKind},
};

/// When to try again if nobody knows better.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why there is no new session.
#[derive(Debug)]
pub(super) enum Failure {
    /// Not just now. Nothing is lost, and every cookie stays.
    Unavailable {
        retry_after: Duration,
        why: Cow<'static, str>,
    },
    /// The session is over by Descope's word: the refresh token is of no use any more, nor are its
    /// cookies.
    Ended(Cow<'static, str>),
    /// Not with what was presented; the request stands as it would without a refresh token.
    Refused(Cow<'static, str>),
    /// Not for an anonymous visitor.
    Anonymous,
}

impl Failure {
    /// A stable name for counters and logs.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Ended(_) => "ended",
            Self::Refused(_) | Self::Anonymous => "refused",
        }
    }

    pub(super) fn why(&self) -> &str {
        match self {
            Self::Unavailable { why, .. } | Self::Ended(why) | Self::Refused(why) => why,
            Self::Anonymous => RejectionKind::AnonymousSession.code(),
        }
    }

    /// The verdict on a request whose session could not be used for the reason `before`.
    pub(super) fn rejection(&self, before: Rejection) -> Rejection {
        match self {
            Self::Unavailable { retry_after, .. } => Rejection::renewal_unavailable(*retry_after),
            Self::Ended(_) | Self::Refused(_) => before,
            Self::Anonymous => Rejection::new(RejectionKind::AnonymousSession),
        }
    }

    fn unavailable(retry_after: Option<Duration>, why: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable {
            retry_after: retry_after.unwrap_or(RETRY_AFTER),
            why: why.into(),
        }
    }
}

impl From<RefreshRefusal> for Failure {
    fn from(refusal: RefreshRefusal) -> Self {
        match refusal {
            RefreshRefusal::Missing => Self::Refused("no_refresh_token".into()),
            RefreshRefusal::Expired => Self::Refused("refresh_token_expired".into()),
            RefreshRefusal::Invalid(reason) => Self::Refused(reason.into()),
            RefreshRefusal::Ambiguous => Self::Refused("ambiguous_refresh_tokens".into()),
            RefreshRefusal::TooLarge => Self::Refused("cookie_fields_too_long".into()),
            RefreshRefusal::Unavailable { retry_after } => {
                Self::unavailable(Some(retry_after), "keys_unavailable")
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let why = error.to_string();
        if error.removes_cookies() {
            return Self::Ended(why.into());
        }
        let refused_here = matches!(
            error.kind(),
            ErrorKind::InvalidRefreshToken
                | ErrorKind::RefreshTokenReplaced
                | ErrorKind::InvalidTenantId
        );
        // Whoever presented the token, a refusal by Descope is final for this request. All else is
        // transient or a fault of this side, for which nobody is signed out.
        if refused_here || error.upstream_verdict().is_refusal() {
            Self::Refused(why.into())
        } else {
            Self::unavailable(error.retry_after(), why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ErrorKind; 17] = [
        ErrorKind::InvalidConfig,
        ErrorKind::InvalidTenantId,
        ErrorKind::InvalidRefreshToken,
        ErrorKind::SessionEnded,
        ErrorKind::RefreshTokenReused,
        ErrorKind::RefreshTokenReplaced,
        ErrorKind::Throttled,
        ErrorKind::Refused,
        ErrorKind::RateLimited,
        ErrorKind::UpstreamUnavailable,
        ErrorKind::UpstreamTimeout,
        ErrorKind::UpstreamInvalid,
        ErrorKind::KeysUnavailable,
        ErrorKind::NoRuntime,
        ErrorKind::InvalidClaims,
        ErrorKind::InvalidUserId,
        ErrorKind::CookieTooLarge,
    ];

    #[test]
    fn what_may_pass_is_unavailable_and_only_an_ended_session_ends() {
        for kind in KINDS {
            let error = Error::new(kind, "x");
            let transient = error.is_transient() || kind == ErrorKind::UpstreamInvalid;
            let failure = Failure::from(error.clone());
            if transient {
                assert_eq!(failure.outcome(), "unavailable", "{kind:?}");
            }
            assert_ne!(failure.outcome(), "ended", "{kind:?}");
            let ended = Failure::from(error.with_session_ended());
            assert_eq!(ended.outcome(), "ended", "{kind:?}");
        }
    }

    #[test]
    fn a_wait_that_descope_asks_for_is_passed_on() {
        let wait = Some(Duration::from_secs(30));
        let error = Error::new(ErrorKind::RateLimited, "x").with_retry_after(wait);
        let expired = Rejection::new(RejectionKind::ExpiredToken);
        let rejection = Failure::from(error).rejection(expired);
        assert_eq!(rejection.kind(), RejectionKind::RenewalUnavailable);
        assert_eq!(rejection.retry_after(), wait);
    }

    #[test]
    fn a_refusal_is_descopes_only_with_its_code() {
        let expired = Rejection::new(RejectionKind::ExpiredToken);
        let refused = Error::new(ErrorKind::Refused, "x").with_status(403);
        let proxy = Failure::from(refused.clone()).rejection(expired.clone());
        assert_eq!(proxy.kind(), RejectionKind::RenewalUnavailable);
        let descope = Failure::from(refused.with_code("E011003"));
        assert_eq!(descope.rejection(expired.clone()), expired);
    }
}
