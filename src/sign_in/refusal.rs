use http::StatusCode;

use crate::{
    endpoint::{Refusal, RefusalKind},
    error::{Error, ErrorKind, UpstreamVerdict},
    rejection::{Rejection, RejectionKind},
};

/// Why somebody was not signed in, as a response: for handlers that end with `?`.
///
/// It is made of the [`Error`] of an [`Adopt`](super::Adopt) and of the [`Rejection`] of
/// [`check_same_origin`](crate::Descope::check_same_origin), and is answered as JSON, with the code in
/// `error` and in the header `x-descope-rejection`. No cookie is written or removed: whoever was signed in
/// stays so.
///
/// | status | code |
/// |---|---|
/// | 400 | `invalid_body`: a text that can be no code, or no address; `headers_too_large`, `ambiguous_credentials`, where the cookies are judged |
/// | 401 | `missing_refresh_token`, `invalid_token`, `expired_token` |
/// | 403 | `cross_site`, `code_refused`, `not_a_sign_in`, `anonymous_session` |
/// | 500 | `internal_error`: the log says more |
/// | 502 | `upstream_invalid`, `cookie_too_large` |
/// | 503 | `keys_unavailable`, `unavailable`, with `Retry-After` |
#[derive(Clone, Debug)]
pub struct SignInRefusal(Refusal);

impl SignInRefusal {
    /// The stable code, for example `code_refused`.
    pub fn code(&self) -> &'static str {
        self.0.code()
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub(crate) fn into_refusal(self) -> Refusal {
        self.0
    }
}

impl From<Error> for SignInRefusal {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::InvalidRefreshToken
            | ErrorKind::InvalidSessionToken
            | ErrorKind::RefreshTokenReused
            | ErrorKind::RefreshTokenReplaced => RefusalKind::InvalidToken,
            ErrorKind::SessionEnded => RefusalKind::ExpiredToken,
            ErrorKind::NotASignIn | ErrorKind::UserMismatch => RefusalKind::NotASignIn,
            ErrorKind::TenantMismatch => RefusalKind::TenantMismatch,
            ErrorKind::AnonymousSession => RefusalKind::AnonymousSession,
            ErrorKind::CookieTooLarge => RefusalKind::CookieTooLarge,
            ErrorKind::KeysUnavailable => RefusalKind::KeysUnavailable,
            ErrorKind::UpstreamInvalid => RefusalKind::UpstreamInvalid,
            ErrorKind::Refused => match error.upstream_verdict() {
                UpstreamVerdict::NotUpstream => RefusalKind::InvalidBody,
                UpstreamVerdict::Unavailable => RefusalKind::Unavailable,
                _ => RefusalKind::CodeRefused,
            },
            _ if error.is_transient() => RefusalKind::Unavailable,
            _ => RefusalKind::Internal,
        };
        // The cookies that the browser has are not those that the failure is about.
        Self(Refusal::of_error(&error, kind))
    }
}

impl From<Rejection> for SignInRefusal {
    fn from(rejection: Rejection) -> Self {
        let kind = match rejection.kind() {
            RejectionKind::CrossSite => RefusalKind::CrossSite,
            RejectionKind::KeysUnavailable => RefusalKind::KeysUnavailable,
            RejectionKind::HeadersTooLarge => RefusalKind::HeadersTooLarge,
            RejectionKind::AmbiguousCredentials => RefusalKind::AmbiguousCredentials,
            RejectionKind::ExpiredToken => RefusalKind::ExpiredToken,
            RejectionKind::MissingToken => RefusalKind::MissingRefreshToken,
            _ => RefusalKind::InvalidToken,
        };
        let refusal = Refusal::because(kind, rejection.reason());
        Self(match rejection.retry_after() {
            Some(after) => refusal.retry_after(after),
            None => refusal,
        })
    }
}
