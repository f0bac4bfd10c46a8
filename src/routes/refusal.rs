//! Why a call was refused, and how that is said.
//!
//! Descope's browser SDK takes every 4xx of a call about the session for "signed out". So 401
//! means that the session is gone, and whatever may be better a moment later is 503.

use std::{borrow::Cow, time::Duration};

use http::{Response, StatusCode, header};

use super::endpoint::Endpoint;
use crate::{
    descope::RefreshRefusal,
    error::{Error, ErrorKind},
    rejection::{RejectionKind, retry_after_header},
    select::{AnswerProblem, RETRY_AFTER, ResponseBody},
};

/// The sort of a [`Refusal`]: its status, its code and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NotFound,
    MethodNotAllowed(Endpoint),
    CrossSite,
    UnsupportedMediaType,
    InvalidBody,
    BodyTooLarge,
    MissingRefreshToken,
    ExpiredToken,
    InvalidToken,
    AmbiguousCredentials,
    KeysUnavailable,
    /// Descope cannot be reached, fails, is slow, asks to slow down, or answers unclearly.
    Unavailable,
    CookieTooLarge,
    Internal,
}

/// Why a call was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: Kind,
    /// For the log only.
    reason: Cow<'static, str>,
    /// Descope's own code.
    upstream_code: Option<Box<str>>,
    retry_after: Duration,
    /// Whether the browser's cookies are of no use any more.
    pub(super) ends_session: bool,
}

impl Kind {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidBody | Self::AmbiguousCredentials => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MissingRefreshToken | Self::ExpiredToken | Self::InvalidToken => {
                StatusCode::UNAUTHORIZED
            }
            Self::KeysUnavailable | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            // The same again would come out the same: no reason to ask the client to repeat it.
            Self::CookieTooLarge => StatusCode::BAD_GATEWAY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::CrossSite => RejectionKind::CrossSite.code(),
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::InvalidBody => "invalid_body",
            Self::BodyTooLarge => "body_too_large",
            Self::MissingRefreshToken => "missing_refresh_token",
            Self::ExpiredToken => RejectionKind::ExpiredToken.code(),
            Self::InvalidToken => RejectionKind::InvalidToken.code(),
            Self::AmbiguousCredentials => RejectionKind::AmbiguousCredentials.code(),
            Self::KeysUnavailable => RejectionKind::KeysUnavailable.code(),
            Self::Unavailable => "renewal_unavailable",
            Self::CookieTooLarge => "cookie_too_large",
            Self::Internal => "internal_error",
        }
    }

    /// One sentence for the client; a fixed text that echoes nothing.
    fn description(self) -> &'static str {
        match self {
            Self::NotFound => "there is no such call",
            Self::MethodNotAllowed(_) => "the method is not allowed",
            Self::CrossSite => "the request comes from another site",
            Self::UnsupportedMediaType => "the body must be of type application/json",
            Self::InvalidBody => "the body is not what this call takes",
            Self::BodyTooLarge => "the body is too large",
            Self::MissingRefreshToken => "no refresh token was presented",
            Self::ExpiredToken => "the session is over, sign in again",
            Self::InvalidToken => "the refresh token is invalid",
            Self::AmbiguousCredentials => "several credentials were presented",
            Self::KeysUnavailable => "sessions cannot be verified at the moment, try again later",
            Self::Unavailable => "the identity provider cannot be asked at the moment",
            Self::CookieTooLarge => "the session does not fit a cookie",
            Self::Internal => "the call cannot be made, the server's log says why",
        }
    }
}

impl Refusal {
    /// A refusal whose finer reason is its own code.
    pub(super) fn new(kind: Kind) -> Self {
        Self::because(kind, kind.code())
    }

    pub(super) fn because(kind: Kind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            upstream_code: None,
            retry_after: RETRY_AFTER,
            ends_session: false,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn code(&self) -> &'static str {
        self.kind.code()
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether it says that there is no session.
    pub(super) fn is_no_session(&self) -> bool {
        self.kind.status() == StatusCode::UNAUTHORIZED
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let said = AnswerProblem {
            status: self.kind.status(),
            code: self.kind.code(),
            description: self.kind.description(),
        };
        let mut response = said.into_response(self.upstream_code.as_deref());
        let headers = response.headers_mut();
        if let Kind::MethodNotAllowed(endpoint) = self.kind {
            headers.insert(header::ALLOW, endpoint.allow());
        }
        if self.kind.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, retry_after_header(self.retry_after));
        }
        response
    }
}

impl From<RefreshRefusal> for Refusal {
    fn from(refusal: RefreshRefusal) -> Self {
        match refusal {
            RefreshRefusal::Missing => Self::new(Kind::MissingRefreshToken),
            RefreshRefusal::Ended => Self {
                ends_session: true,
                ..Self::new(Kind::ExpiredToken)
            },
            RefreshRefusal::Invalid(reason) => Self::because(Kind::InvalidToken, reason),
            RefreshRefusal::Ambiguous => Self::new(Kind::AmbiguousCredentials),
            RefreshRefusal::Unavailable { retry_after } => Self {
                retry_after,
                ..Self::new(Kind::KeysUnavailable)
            },
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::SessionEnded => Kind::ExpiredToken,
            ErrorKind::InvalidRefreshToken | ErrorKind::RefreshTokenReused => Kind::InvalidToken,
            // Descope's own word about the token. Without a code it is some proxy's.
            ErrorKind::Refused
                if error.upstream_status() == Some(401) && error.upstream_code().is_some() =>
            {
                Kind::InvalidToken
            }
            ErrorKind::Refused
            | ErrorKind::RateLimited
            | ErrorKind::UpstreamUnavailable
            | ErrorKind::UpstreamInvalid
            | ErrorKind::UpstreamTimeout => Kind::Unavailable,
            ErrorKind::KeysUnavailable => Kind::KeysUnavailable,
            ErrorKind::CookieTooLarge => Kind::CookieTooLarge,
            ErrorKind::InvalidTenantId => Kind::InvalidBody,
            ErrorKind::InvalidAccessKey
            | ErrorKind::InvalidConfig
            | ErrorKind::InvalidClaims
            | ErrorKind::InvalidUserId
            | ErrorKind::NoRuntime => Kind::Internal,
        };
        Self {
            upstream_code: error.upstream_code().map(Into::into),
            retry_after: error.retry_after().unwrap_or(RETRY_AFTER),
            ends_session: error.ends_session(),
            ..Self::because(kind, error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: Error) -> (u16, &'static str) {
        let refusal = Refusal::from(error);
        (refusal.kind.status().as_u16(), refusal.code())
    }

    #[test]
    fn only_a_session_that_is_gone_is_a_401_and_what_may_get_better_a_503() {
        let refused = |status| Error::new(ErrorKind::Refused, "refused").with_status(status);
        let unavailable = (503, "renewal_unavailable");
        for status in [400, 401, 403, 404, 422] {
            assert_eq!(of(refused(status)), unavailable, "{status}");
        }
        for status in [400, 403, 404, 422] {
            assert_eq!(of(refused(status).with_code("E011001")), unavailable);
        }
        assert_eq!(
            of(refused(401).with_code("E061005")),
            (401, "invalid_token")
        );
        for (kind, expected) in [
            (ErrorKind::SessionEnded, (401, "expired_token")),
            (ErrorKind::RefreshTokenReused, (401, "invalid_token")),
            (ErrorKind::InvalidRefreshToken, (401, "invalid_token")),
            (ErrorKind::RateLimited, unavailable),
            (ErrorKind::UpstreamInvalid, unavailable),
            (ErrorKind::UpstreamUnavailable, unavailable),
            (ErrorKind::UpstreamTimeout, unavailable),
            (ErrorKind::KeysUnavailable, (503, "keys_unavailable")),
            (ErrorKind::CookieTooLarge, (502, "cookie_too_large")),
            (ErrorKind::NoRuntime, (500, "internal_error")),
        ] {
            assert_eq!(of(Error::new(kind, "x")), expected, "{kind:?}");
        }
    }

    #[test]
    fn every_503_says_when_to_come_again() {
        let after = |after| {
            let error = Error::new(ErrorKind::RateLimited, "x").with_retry_after(after);
            let response = Refusal::from(error).into_response();
            response.headers()["retry-after"]
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(after(None), "10");
        assert_eq!(after(Some(Duration::from_secs(17))), "17");
        assert_eq!(after(Some(Duration::from_millis(300))), "1");
        let keys = RefreshRefusal::Unavailable {
            retry_after: Duration::from_secs(3),
        };
        let keys = Refusal::from(keys).into_response();
        assert_eq!(keys.headers()["retry-after"], "3");
    }

    #[test]
    fn each_401_has_a_challenge_and_only_the_end_removes_cookies() {
        for kind in [
            Kind::MissingRefreshToken,
            Kind::ExpiredToken,
            Kind::InvalidToken,
        ] {
            let refusal = Refusal::new(kind);
            assert!(refusal.is_no_session() && !refusal.ends_session);
            let response = refusal.into_response();
            assert!(response.headers().contains_key("www-authenticate"));
        }
        assert!(Refusal::from(RefreshRefusal::Ended).ends_session);
        assert!(!Refusal::from(RefreshRefusal::Ambiguous).is_no_session());
    }
}
