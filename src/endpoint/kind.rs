//! The kinds of refusal, in one table.

use std::time::Duration;

use http::{HeaderValue, StatusCode};
use tracing::Level;

use crate::rejection::{RejectionKind, retry_after_header};

/// The advice where nobody knows when the next try may succeed.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The kind of a [`Refusal`](super::Refusal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    NotFound,
    /// With the one method that is allowed.
    MethodNotAllowed(&'static str),
    CrossSite,
    UnsupportedMediaType,
    InvalidBody,
    BodyTooLarge,
    MissingRefreshToken,
    ExpiredToken,
    InvalidToken,
    /// The refresh token has a successor that the browser has presented.
    ReplacedToken,
    AmbiguousCredentials,
    /// More cookies than are read.
    HeadersTooLarge,
    /// Descope refuses the tenant, as a bad request or as a forbidden one.
    TenantRefused {
        forbidden: bool,
    },
    RateLimited,
    KeysUnavailable,
    /// Descope cannot be reached, fails, or answers unclearly.
    UpstreamInvalid,
    UpstreamTimeout,
    /// The call may succeed a little later, whatever is in its way now.
    RenewalUnavailable,
    CookieTooLarge,
    /// A sign-in with a code that Descope refuses.
    CodeRefused,
    /// A sign-in without tokens, or without one of them.
    TokensMissing,
    /// Tokens that are no sign-in of a moment ago.
    NotASignIn,
    /// A sign-in for a tenant that its user is not a member of.
    TenantMismatch,
    /// The sign-in of an anonymous visitor.
    AnonymousSession,
    /// A sign-in may succeed a little later.
    Unavailable,
    /// A proxy's question with fields that no honest client's request makes.
    InvalidForwarded,
    /// A proxy's question that does not say which request it is about.
    Misconfigured,
    Internal,
}

// Calls and key fetches that failed have been logged where they did: once, however many requests
// share that.
/// A row of the table: status, level of the log event, code, and one sentence for the client.
struct Row(StatusCode, Level, &'static str, &'static str);

impl RefusalKind {
    pub(crate) fn status(self) -> StatusCode {
        self.row().0
    }

    pub(crate) fn code(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn level(self) -> Level {
        self.row().1
    }

    /// One sentence for the client: a fixed text that echoes nothing, in plain ASCII without quotes,
    /// since it goes into a challenge.
    pub(crate) fn description(self) -> &'static str {
        self.row().3
    }

    #[rustfmt::skip]
    fn row(self) -> Row {
        use StatusCode as Status;
        match self {
            Self::NotFound => Row(Status::NOT_FOUND, Level::DEBUG,
                "not_found", "there is no such call"),
            Self::MethodNotAllowed(_) => Row(Status::METHOD_NOT_ALLOWED, Level::DEBUG,
                "method_not_allowed", "the method is not allowed"),
            Self::CrossSite => Row(Status::FORBIDDEN, Level::DEBUG,
                RejectionKind::CrossSite.code(), "the request comes from another site; a client that is no browser sends its token as \
                 Authorization: Bearer"),
            Self::UnsupportedMediaType => Row(Status::UNSUPPORTED_MEDIA_TYPE, Level::DEBUG,
                "unsupported_media_type", "the body must be of type application/json"),
            Self::InvalidBody => Row(Status::BAD_REQUEST, Level::DEBUG,
                "invalid_body", "the body is not what this call takes"),
            Self::BodyTooLarge => Row(Status::PAYLOAD_TOO_LARGE, Level::DEBUG,
                "body_too_large", "the body is too large"),
            Self::MissingRefreshToken => Row(Status::UNAUTHORIZED, Level::DEBUG,
                "missing_refresh_token", "no refresh token was presented"),
            Self::ExpiredToken => Row(Status::UNAUTHORIZED, Level::DEBUG,
                RejectionKind::ExpiredToken.code(), "the session is over, sign in again"),
            Self::InvalidToken => Row(Status::UNAUTHORIZED, Level::DEBUG,
                RejectionKind::InvalidToken.code(), "the refresh token is invalid"),
            Self::ReplacedToken => Row(Status::UNAUTHORIZED, Level::DEBUG,
                RejectionKind::InvalidToken.code(), "the refresh token has been replaced"),
            Self::AmbiguousCredentials => Row(Status::BAD_REQUEST, Level::INFO,
                RejectionKind::AmbiguousCredentials.code(), "several credentials were presented"),
            Self::HeadersTooLarge => Row(Status::BAD_REQUEST, Level::INFO,
                RejectionKind::HeadersTooLarge.code(), "more than 64 KiB of cookies were sent, delete cookies of this site"),
            Self::TenantRefused { forbidden: false } => Row(Status::BAD_REQUEST, Level::INFO,
                "tenant_refused", "the tenant was refused"),
            Self::TenantRefused { forbidden: true } => Row(Status::FORBIDDEN, Level::INFO,
                "tenant_refused", "the tenant was refused"),
            Self::RateLimited => Row(Status::TOO_MANY_REQUESTS, Level::INFO,
                "rate_limited", "too many requests, try again later"),
            Self::KeysUnavailable => Row(Status::SERVICE_UNAVAILABLE, Level::DEBUG,
                RejectionKind::KeysUnavailable.code(),
                "sessions cannot be verified at the moment, try again later"),
            Self::UpstreamInvalid => Row(Status::BAD_GATEWAY, Level::DEBUG,
                "upstream_invalid", "the identity provider did not give a usable answer"),
            Self::UpstreamTimeout => Row(Status::GATEWAY_TIMEOUT, Level::DEBUG,
                "upstream_timeout", "the identity provider did not answer in time"),
            Self::RenewalUnavailable => Row(Status::SERVICE_UNAVAILABLE, Level::DEBUG,
                "renewal_unavailable", "the identity provider cannot be asked at the moment"),
            // No 503: the same call would end the same way, so no client should repeat it.
            Self::CookieTooLarge => Row(Status::BAD_GATEWAY, Level::WARN,
                "cookie_too_large", "the session does not fit a cookie"),
            Self::CodeRefused => Row(Status::FORBIDDEN, Level::DEBUG,
                "code_refused", "the code was refused, ask for a new one"),
            Self::TokensMissing => Row(Status::BAD_REQUEST, Level::WARN,
                "tokens_missing", "sessionJwt and refreshJwt are missing: set the project to hand out tokens in the \
                 response body (Descope console, Session Management, Token response method)"),
            Self::NotASignIn => Row(Status::FORBIDDEN, Level::DEBUG,
                "not_a_sign_in", "the tokens are not those of a sign-in of a moment ago, sign in again"),
            Self::TenantMismatch => Row(Status::FORBIDDEN, Level::DEBUG,
                "tenant_mismatch", "the user is not a member of the tenant"),
            Self::AnonymousSession => Row(Status::FORBIDDEN, Level::DEBUG,
                RejectionKind::AnonymousSession.code(), "an anonymous session is no sign-in"),
            Self::Unavailable => Row(Status::SERVICE_UNAVAILABLE, Level::DEBUG,
                "unavailable", "nobody can sign in at the moment, try again later"),
            Self::InvalidForwarded => Row(Status::BAD_REQUEST, Level::DEBUG,
                "invalid_forwarded", "the X-Forwarded fields do not say which request is meant"),
            Self::Misconfigured => Row(Status::INTERNAL_SERVER_ERROR, Level::ERROR,
                "misconfigured", "the proxy does not say which request is meant, the server's log says how it can"),
            Self::Internal => Row(Status::INTERNAL_SERVER_ERROR, Level::ERROR,
                "internal_error", "the call cannot be made, the server's log says why"),
        }
    }

    /// The value of `Retry-After`, given how long Descope or the key cache asks to wait. Every 503
    /// has one; of the others those that Descope itself may have put a figure to.
    pub(super) fn retry_after(self, asked: Option<Duration>) -> Option<HeaderValue> {
        match self {
            Self::KeysUnavailable | Self::RenewalUnavailable | Self::Unavailable => {
                Some(retry_after_header(asked.unwrap_or(RETRY_AFTER)))
            }
            // Zero is a figure of Descope's, and passed on as it is.
            Self::RateLimited if asked == Some(Duration::ZERO) => {
                Some(HeaderValue::from_static("0"))
            }
            Self::RateLimited | Self::UpstreamInvalid => asked.map(retry_after_header),
            _ => None,
        }
    }
}
