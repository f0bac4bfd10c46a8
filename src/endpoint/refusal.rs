//! Refused requests, and their responses.

use std::{borrow::Cow, time::Duration};

use http::{HeaderValue, Response, StatusCode, header, request};
use serde::Serialize;

use super::{body::ResponseBody, kind::RefusalKind, success::json_response};
use crate::{
    cookie::SessionCookies,
    descope::RefreshRefusal,
    error::{Error, ErrorKind, UpstreamVerdict},
    rejection::REJECTION_HEADER,
};

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    kind: RefusalKind,
    /// For the log only.
    reason: Cow<'static, str>,
    /// Descope's own code.
    upstream_code: Option<Box<str>>,
    /// How long Descope or the key cache asks to wait.
    retry_after: Option<Duration>,
    /// True if the browser's cookies are of no use any more, by Descope's word.
    ends_session: bool,
}

/// The body of a refusal: RFC 6750's names for everybody, Descope's for its SDKs.
#[derive(Serialize)]
struct RefusalBody<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(rename = "errorCode")]
    descope_code: &'a str,
    #[serde(rename = "errorDescription")]
    descope_description: &'a str,
    #[serde(rename = "errorMessage")]
    descope_message: &'a str,
}

impl Refusal {
    /// A refusal whose finer reason is its own code.
    pub(crate) fn new(kind: RefusalKind) -> Self {
        Self::because(kind, kind.code())
    }

    pub(crate) fn because(kind: RefusalKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            upstream_code: None,
            retry_after: None,
            ends_session: false,
        }
    }

    /// The same refusal as another kind, for a service that answers otherwise.
    pub(crate) fn of_kind(self, kind: RefusalKind) -> Self {
        Self { kind, ..self }
    }

    /// The same refusal with advice on when to come again.
    pub(crate) fn retry_after(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }

    pub(crate) fn kind(&self) -> RefusalKind {
        self.kind
    }

    pub(crate) fn code(&self) -> &'static str {
        self.kind.code()
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    #[cfg(test)]
    pub(crate) fn ends_session(&self) -> bool {
        self.ends_session
    }

    /// The lines that remove the session's cookies. `None` unless the session is over and the
    /// browser has a refresh cookie of it.
    pub(crate) fn removals(
        &self,
        cookies: &SessionCookies,
        request: &request::Parts,
    ) -> Option<Vec<HeaderValue>> {
        let in_browser = cookies.has_refresh_cookie(&request.headers);
        (self.ends_session && in_browser)
            .then(|| cookies.removals(cookies.insecure_for(request.into())))
    }

    /// Returns `true` if the refusal says that there is no session.
    pub(crate) fn is_no_session(&self) -> bool {
        self.kind.status() == StatusCode::UNAUTHORIZED
    }

    /// The refusal as JSON with its status, code and challenge. `description` is the sentence for
    /// the client.
    pub(crate) fn into_response(self, description: &'static str) -> Response<ResponseBody> {
        let code = self.code();
        let body = RefusalBody {
            error: code,
            error_description: description,
            descope_code: self.upstream_code.as_deref().unwrap_or(code),
            descope_description: description,
            descope_message: description,
        };
        let mut response = json_response(&body);
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        headers.insert(REJECTION_HEADER, HeaderValue::from_static(code));
        if let Some(challenge) = self.challenge(description) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let RefusalKind::MethodNotAllowed(allowed) = self.kind {
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        if let Some(after) = self.kind.retry_after(self.retry_after) {
            headers.insert(header::RETRY_AFTER, after);
        }
        response
    }

    /// The challenge (RFC 6750 section 3) of a refusal that is about the credential.
    fn challenge(&self, description: &str) -> Option<HeaderValue> {
        let error = match self.kind {
            RefusalKind::MissingRefreshToken => return Some(HeaderValue::from_static("Bearer")),
            RefusalKind::ExpiredToken | RefusalKind::InvalidToken | RefusalKind::ReplacedToken => {
                "invalid_token"
            }
            RefusalKind::AmbiguousCredentials => "invalid_request",
            _ => return None,
        };
        let challenge = format!(r#"Bearer error="{error}", error_description="{description}""#);
        HeaderValue::try_from(challenge).ok()
    }
}

impl From<RefreshRefusal> for Refusal {
    fn from(refusal: RefreshRefusal) -> Self {
        match refusal {
            RefreshRefusal::Missing => Self::new(RefusalKind::MissingRefreshToken),
            RefreshRefusal::Expired => Self::new(RefusalKind::ExpiredToken),
            RefreshRefusal::Invalid(reason) => Self::because(RefusalKind::InvalidToken, reason),
            RefreshRefusal::Ambiguous => Self::new(RefusalKind::AmbiguousCredentials),
            RefreshRefusal::Unavailable { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(RefusalKind::KeysUnavailable)
            },
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let kind = match error.upstream_verdict() {
            UpstreamVerdict::Ended => RefusalKind::ExpiredToken,
            UpstreamVerdict::Reused | UpstreamVerdict::CredentialRefused => {
                RefusalKind::InvalidToken
            }
            UpstreamVerdict::Forbidden => RefusalKind::TenantRefused { forbidden: true },
            UpstreamVerdict::CallRefused => RefusalKind::TenantRefused { forbidden: false },
            UpstreamVerdict::RateLimited => RefusalKind::RateLimited,
            UpstreamVerdict::Unavailable | UpstreamVerdict::Unusable => {
                RefusalKind::UpstreamInvalid
            }
            UpstreamVerdict::TimedOut => RefusalKind::UpstreamTimeout,
            UpstreamVerdict::NotUpstream => match error.kind() {
                ErrorKind::InvalidRefreshToken => RefusalKind::InvalidToken,
                ErrorKind::RefreshTokenReplaced => RefusalKind::ReplacedToken,
                ErrorKind::Throttled => RefusalKind::RenewalUnavailable,
                ErrorKind::InvalidTenantId => RefusalKind::InvalidBody,
                ErrorKind::KeysUnavailable => RefusalKind::KeysUnavailable,
                ErrorKind::CookieTooLarge => RefusalKind::CookieTooLarge,
                _ => RefusalKind::Internal,
            },
        };
        Self {
            upstream_code: error.upstream_code().map(Into::into),
            retry_after: error.retry_after(),
            ends_session: error.removes_cookies(),
            ..Self::because(kind, error.to_string())
        }
    }
}
