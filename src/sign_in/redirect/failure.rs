//! Why nobody was signed in.

use std::time::Duration;

use http::StatusCode;

use crate::{
    error::{Error, ErrorKind, UpstreamVerdict},
    rejection::{Rejection, RejectionKind},
};

/// When to come again, if nobody knows better.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A sign-in that failed, and when to come again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) retry_after: Option<Duration>,
    /// True if the end of the sign-in has been logged where it happened.
    pub(super) is_logged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    NoAttempt,
    AttemptExpired,
    InvalidRequest,
    CrossSite,
    IdpRefused,
    CodeRefused,
    TenantMismatch,
    NotASignIn,
    AnonymousSession,
    RateLimited,
    UpstreamInvalid,
    CookieTooLarge,
    Unavailable,
    Internal,
}

impl FailureKind {
    pub(super) fn code(self) -> &'static str {
        self.row().1
    }

    pub(super) fn status(self) -> StatusCode {
        self.row().0
    }

    /// One sentence for whoever is shown the failure without a page of the application's.
    pub(super) fn sentence(self) -> &'static str {
        self.row().2
    }

    #[rustfmt::skip]
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as Status;
        match self {
            Self::NoAttempt => (Status::BAD_REQUEST,
                "no_attempt", "This browser has not begun to sign in. Please begin again."),
            Self::AttemptExpired => (Status::BAD_REQUEST,
                "attempt_expired", "That took too long. Please begin again."),
            Self::InvalidRequest => (Status::BAD_REQUEST,
                "invalid_request", "This address is not one to sign in with. Please begin again."),
            Self::CrossSite => (Status::FORBIDDEN,
                "cross_site", "Another site has asked for this. Please begin here."),
            Self::IdpRefused => (Status::FORBIDDEN,
                "idp_refused", "The identity provider has not signed you in."),
            Self::CodeRefused => (Status::FORBIDDEN,
                "code_refused", "The sign-in was refused. Please begin again."),
            Self::TenantMismatch => (Status::FORBIDDEN,
                "tenant_mismatch", "You are not a member of this organisation."),
            Self::NotASignIn => (Status::FORBIDDEN,
                "not_a_sign_in", "That was no sign-in. Please begin again."),
            Self::AnonymousSession => (Status::FORBIDDEN,
                "anonymous_session", "Nobody has signed in. Please begin again."),
            Self::RateLimited => (Status::TOO_MANY_REQUESTS,
                "rate_limited", "Too many people sign in at once. Please try again in a moment."),
            Self::UpstreamInvalid => (Status::BAD_GATEWAY,
                "upstream_invalid", "The identity provider did not give a usable answer."),
            Self::CookieTooLarge => (Status::BAD_GATEWAY,
                "cookie_too_large", "The session does not fit a cookie."),
            Self::Unavailable => (Status::SERVICE_UNAVAILABLE,
                "unavailable", "Nobody can sign in at the moment. Please try again later."),
            Self::Internal => (Status::INTERNAL_SERVER_ERROR,
                "internal_error", "Something is wrong on our side."),
        }
    }
}

impl Failure {
    pub(super) fn limited(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..FailureKind::RateLimited.into()
        }
    }

    /// The failure of a sign-in that has been logged where it ended.
    pub(super) fn logged(error: &Error) -> Self {
        Self {
            is_logged: true,
            ..error.into()
        }
    }
}

impl From<FailureKind> for Failure {
    fn from(kind: FailureKind) -> Self {
        Self {
            kind,
            retry_after: (kind == FailureKind::Unavailable).then_some(RETRY_AFTER),
            is_logged: false,
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::TenantMismatch => FailureKind::TenantMismatch,
            // A session that was ended while it began.
            ErrorKind::NotASignIn | ErrorKind::SessionEnded => FailureKind::NotASignIn,
            ErrorKind::AnonymousSession => FailureKind::AnonymousSession,
            ErrorKind::CookieTooLarge => FailureKind::CookieTooLarge,
            ErrorKind::RateLimited => FailureKind::RateLimited,
            ErrorKind::UpstreamInvalid => FailureKind::UpstreamInvalid,
            ErrorKind::Refused if error.upstream_verdict() != UpstreamVerdict::Unavailable => {
                FailureKind::CodeRefused
            }
            _ if error.is_transient() => FailureKind::Unavailable,
            _ => FailureKind::Internal,
        };
        let failure = Self::from(kind);
        let waits = matches!(kind, FailureKind::Unavailable | FailureKind::RateLimited);
        Self {
            retry_after: error
                .retry_after()
                .filter(|_| waits)
                .or(failure.retry_after),
            ..failure
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        match rejection.kind() {
            RejectionKind::CrossSite => FailureKind::CrossSite.into(),
            _ => FailureKind::InvalidRequest.into(),
        }
    }
}
