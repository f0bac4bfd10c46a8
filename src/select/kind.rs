//! The sorts of refusal: statuses, codes and words.

use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::rejection::{RejectionKind, retry_after_header};

/// The sort of a [`Refusal`](super::refusal::Refusal): its status, its code and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    MethodNotAllowed,
    CrossSite,
    UnsupportedMediaType,
    InvalidBody,
    BodyTooLarge,
    MissingRefreshToken,
    ExpiredToken,
    InvalidToken,
    AmbiguousCredentials,
    /// Descope said no to this tenant, as a bad request or as a forbidden one.
    TenantRefused {
        forbidden: bool,
    },
    RateLimited,
    KeysUnavailable,
    UpstreamInvalid,
    UpstreamTimeout,
    CookieTooLarge,
    Internal,
}

impl Kind {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::InvalidBody
            | Self::AmbiguousCredentials
            | Self::TenantRefused { forbidden: false } => StatusCode::BAD_REQUEST,
            Self::MissingRefreshToken | Self::ExpiredToken | Self::InvalidToken => {
                StatusCode::UNAUTHORIZED
            }
            Self::CrossSite | Self::TenantRefused { forbidden: true } => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::UpstreamInvalid | Self::CookieTooLarge => StatusCode::BAD_GATEWAY,
            Self::KeysUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "method_not_allowed",
            Self::CrossSite => RejectionKind::CrossSite.code(),
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::InvalidBody => "invalid_body",
            Self::BodyTooLarge => "body_too_large",
            Self::MissingRefreshToken => "missing_refresh_token",
            Self::ExpiredToken => RejectionKind::ExpiredToken.code(),
            Self::InvalidToken => RejectionKind::InvalidToken.code(),
            Self::AmbiguousCredentials => RejectionKind::AmbiguousCredentials.code(),
            Self::TenantRefused { .. } => "tenant_refused",
            Self::RateLimited => "rate_limited",
            Self::KeysUnavailable => RejectionKind::KeysUnavailable.code(),
            Self::UpstreamInvalid => "upstream_invalid",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::CookieTooLarge => "cookie_too_large",
            Self::Internal => "internal_error",
        }
    }

    /// One sentence for the client; a fixed text that echoes nothing.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "only POST is allowed",
            Self::CrossSite => "the request comes from another site",
            Self::UnsupportedMediaType => "the body must be of type application/json",
            Self::InvalidBody => "the body must name one tenant",
            Self::BodyTooLarge => "the body is too large",
            Self::MissingRefreshToken => "no refresh token was presented",
            Self::ExpiredToken => "the session is over, sign in again",
            Self::InvalidToken => "the refresh token is invalid",
            Self::AmbiguousCredentials => "several credentials were presented",
            Self::TenantRefused { .. } => "the tenant was refused",
            Self::RateLimited => "too many requests, try again later",
            Self::KeysUnavailable => "sessions cannot be verified at the moment, try again later",
            Self::UpstreamInvalid => "the identity provider did not give a usable answer",
            Self::UpstreamTimeout => "the identity provider did not answer in time",
            Self::CookieTooLarge => "the session of this tenant does not fit a cookie",
            Self::Internal => "the tenant cannot be selected, the server's log says why",
        }
    }

    pub(super) fn retry_after(self, after: Duration) -> HeaderValue {
        match self {
            // Descope's own wish, which the client has checked: 0 is one.
            Self::RateLimited if after.is_zero() => HeaderValue::from_static("0"),
            _ => retry_after_header(after),
        }
    }
}
