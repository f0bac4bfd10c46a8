//! Refused calls, as Descope's component reads them.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use tracing::Level;

use crate::{
    endpoint::{ResponseBody, json_response},
    error::{Error, ErrorKind, UpstreamVerdict},
    rejection::{REJECTION_HEADER, retry_after_header},
    telemetry::event_at,
};

/// Why a call is refused. Never with 503: the component would repeat the call, and its nonce works once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlowRefusal {
    NotFound,
    MethodNotAllowed,
    UnsupportedMediaType,
    BodyTooLarge,
    InvalidBody,
    /// A credential of another project.
    OtherProject,
    CrossSite,
    /// An execution that this browser did not start, or a start that somebody else's link asks for.
    ForeignFlow,
    OtherUser,
    NotASignIn,
    AnonymousSession,
    RateLimited(Duration),
    UpstreamInvalid,
    /// The answer brings a session that cannot be gone on with.
    SessionIncomplete,
    UpstreamUnavailable,
    /// Descope could not be reached, so that the call may be made again.
    Unreachable,
    KeysUnavailable,
    CookieTooLarge,
    UpstreamTimeout,
}

/// Why a call has no answer.
pub(super) struct Failed {
    pub(super) refusal: FlowRefusal,
    /// False where the same call again is another one.
    pub(super) was_sent: bool,
}

impl Failed {
    /// A refusal before anything was sent.
    pub(super) fn before(refusal: FlowRefusal) -> Self {
        Self {
            refusal,
            was_sent: false,
        }
    }

    /// The failure of the call itself, which is logged.
    pub(super) fn of_call(error: &Error) -> Self {
        // What was held back here was not sent, and is no failure of Descope's.
        let level = match error.kind() {
            ErrorKind::Throttled
            | ErrorKind::SharedStateUnavailable
            | ErrorKind::RefreshTokenReplaced => Level::DEBUG,
            _ => Level::WARN,
        };
        event_at!(level, %error, "descope did not answer a flow's call");
        let refusal = FlowRefusal::from(error);
        let may_come_again = matches!(
            refusal,
            FlowRefusal::RateLimited(_) | FlowRefusal::Unreachable
        );
        Self {
            refusal,
            was_sent: !may_come_again,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are Descope's")]
struct RefusalBody {
    error_code: &'static str,
    error_description: &'static str,
    error_message: &'static str,
}

impl FlowRefusal {
    pub(super) fn code(self) -> &'static str {
        self.row().1
    }

    #[rustfmt::skip]
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as Status;
        match self {
            Self::NotFound => (Status::NOT_FOUND,
                "not_found", "there is no such call"),
            Self::MethodNotAllowed => (Status::METHOD_NOT_ALLOWED,
                "method_not_allowed", "the method is not allowed"),
            Self::UnsupportedMediaType => (Status::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type", "the body must be of type application/json"),
            Self::BodyTooLarge => (Status::PAYLOAD_TOO_LARGE,
                "body_too_large", "the body is too large"),
            Self::InvalidBody => (Status::BAD_REQUEST,
                "invalid_body", "the body is not what this call takes"),
            Self::OtherProject => (Status::BAD_REQUEST,
                "other_project", "the project id is another one than this service's"),
            Self::CrossSite => (Status::FORBIDDEN,
                "cross_site", "the request comes from another site"),
            Self::ForeignFlow => (Status::FORBIDDEN,
                "foreign_flow", "this browser has not started this sign-in, please start again"),
            Self::OtherUser => (Status::FORBIDDEN,
                "other_user", "somebody else is signed in, please sign out first"),
            Self::NotASignIn => (Status::FORBIDDEN,
                "not_a_sign_in", "the flow ended without a sign-in"),
            Self::AnonymousSession => (Status::FORBIDDEN,
                "anonymous_session", "an anonymous session is no sign-in"),
            Self::RateLimited(_) => (Status::TOO_MANY_REQUESTS,
                "rate_limited", "too many requests, try again later"),
            Self::UpstreamInvalid => (Status::BAD_GATEWAY,
                "upstream_invalid", "the identity provider did not give a usable answer"),
            Self::SessionIncomplete => (Status::BAD_GATEWAY,
                "not_a_sign_in", "the flow ended without a refresh token"),
            Self::UpstreamUnavailable | Self::Unreachable => (Status::BAD_GATEWAY,
                "upstream_unavailable", "the identity provider cannot be asked at the moment"),
            Self::KeysUnavailable => (Status::BAD_GATEWAY,
                "keys_unavailable", "sessions cannot be verified at the moment, try again later"),
            Self::CookieTooLarge => (Status::BAD_GATEWAY,
                "cookie_too_large", "the session does not fit a cookie"),
            Self::UpstreamTimeout => (Status::GATEWAY_TIMEOUT,
                "upstream_timeout", "the identity provider did not answer in time"),
        }
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let (status, code, description) = self.row();
        let mut response = json_response(&RefusalBody {
            error_code: code,
            error_description: description,
            error_message: description,
        });
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(REJECTION_HEADER, HeaderValue::from_static(code));
        match self {
            Self::RateLimited(after) => {
                headers.insert(header::RETRY_AFTER, retry_after_header(after));
            }
            Self::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        response
    }
}

impl From<&Error> for FlowRefusal {
    fn from(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::UserMismatch => Self::OtherUser,
            ErrorKind::NotASignIn | ErrorKind::SessionEnded => Self::NotASignIn,
            ErrorKind::AnonymousSession => Self::AnonymousSession,
            ErrorKind::CookieTooLarge => Self::CookieTooLarge,
            ErrorKind::KeysUnavailable => Self::KeysUnavailable,
            ErrorKind::UpstreamTimeout => Self::UpstreamTimeout,
            ErrorKind::RateLimited | ErrorKind::Throttled => {
                let after = error.retry_after().unwrap_or(Duration::from_secs(10));
                Self::RateLimited(after)
            }
            // Nothing was sent: what comes next is a call of its own.
            ErrorKind::SharedStateUnavailable | ErrorKind::RefreshTokenReplaced => {
                Self::RateLimited(error.retry_after().unwrap_or(Duration::from_secs(1)))
            }
            _ if error.was_never_sent() => Self::Unreachable,
            _ if error.upstream_verdict() == UpstreamVerdict::Unavailable => {
                Self::UpstreamUnavailable
            }
            _ => Self::UpstreamInvalid,
        }
    }
}
