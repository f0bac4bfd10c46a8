//! Refused requests, and their responses.

use std::{borrow::Cow, time::Duration};

use http::{HeaderValue, Response, StatusCode, header, request};
use serde::Serialize;

use super::{body::ResponseBody, kind::RefusalKind, success::json_response};
use crate::{
    descope::{Descope, RefreshRefusal},
    error::{Error, ErrorKind, UpstreamVerdict},
    rejection::REJECTION_HEADER,
};

/// Why [`SelectTenant`](crate::SelectTenant) or [`SessionRoutes`](crate::SessionRoutes) refused a
/// request, for refusals of one's own form: see
/// [`SelectTenant::with_rejection_response`](crate::SelectTenant::with_rejection_response).
///
/// Free of secrets. The codes are those of the tables in [`select`](crate::select) and
/// [`routes`](crate::routes).
#[derive(Clone, Debug)]
pub struct Refusal {
    kind: RefusalKind,
    /// The sentence for the client, where the call has one of its own.
    description: Option<&'static str>,
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
            description: None,
            reason: reason.into(),
            upstream_code: None,
            retry_after: None,
            ends_session: false,
        }
    }

    /// The refusal of a request because of a failure that ends no session of its browser's.
    pub(crate) fn of_error(error: &Error, kind: RefusalKind) -> Self {
        Self {
            upstream_code: error.upstream_code().map(Into::into),
            retry_after: error.retry_after(),
            ..Self::because(kind, error.to_string())
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

    /// The same refusal with another sentence for the client.
    pub(crate) fn described(self, description: &'static str) -> Self {
        Self {
            description: Some(description),
            ..self
        }
    }

    pub(crate) fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// The stable code of the refusal, for example `missing_refresh_token`: in the default body, and
    /// in the header `x-descope-rejection` whoever makes the response.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The HTTP status of the refusal.
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// One sentence for the client; a fixed text that echoes nothing of the request.
    pub fn description(&self) -> &'static str {
        self.description.unwrap_or(self.kind.description())
    }

    /// A finer reason for logs. Do not match on it, and do not send it to clients: it helps
    /// attackers too.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Descope's own `errorCode`, for example `E011001`, if its answer is why.
    pub fn upstream_code(&self) -> Option<&str> {
        self.upstream_code.as_deref()
    }

    /// The refusal as a response with a body of one's own: status, challenge, code, and what else
    /// belongs to it (`Allow`, `Retry-After`). Set the body's `Content-Type`.
    pub fn to_response<B>(&self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(REJECTION_HEADER, HeaderValue::from_static(self.code()));
        if let Some(challenge) = self.challenge() {
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

    #[cfg(test)]
    pub(crate) fn ends_session(&self) -> bool {
        self.ends_session
    }

    /// The lines that remove the session's cookies. `None` unless the session is over and the
    /// browser has a refresh cookie of it.
    pub(crate) fn removals(
        &self,
        descope: &Descope,
        request: &request::Parts,
    ) -> Option<Vec<HeaderValue>> {
        let cookies = descope.cookies();
        let in_browser = descope.cookie_reader().has_refresh_cookie(&request.headers);
        (self.ends_session && in_browser)
            .then(|| cookies.removals(descope.cookie_attributes(request.into())))
    }

    /// Returns `true` if the refusal says that there is no session.
    pub(crate) fn is_no_session(&self) -> bool {
        self.kind.status() == StatusCode::UNAUTHORIZED
    }

    /// The refusal as JSON.
    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let code = self.code();
        let description = self.description();
        let body = RefusalBody {
            error: code,
            error_description: description,
            descope_code: self.upstream_code().unwrap_or(code),
            descope_description: description,
            descope_message: description,
        };
        let (head, body) = json_response(&body).into_parts();
        let mut response = self.to_response(body);
        response.headers_mut().extend(head.headers);
        response
    }

    /// The challenge (RFC 6750 section 3) of a refusal that is about the credential.
    fn challenge(&self) -> Option<HeaderValue> {
        let description = self.description();
        let error = match self.kind {
            RefusalKind::MissingRefreshToken => return Some(HeaderValue::from_static("Bearer")),
            RefusalKind::ExpiredToken | RefusalKind::InvalidToken | RefusalKind::ReplacedToken => {
                "invalid_token"
            }
            RefusalKind::AmbiguousCredentials | RefusalKind::HeadersTooLarge => "invalid_request",
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
            RefreshRefusal::TooLarge => Self::new(RefusalKind::HeadersTooLarge),
            RefreshRefusal::Unavailable { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(RefusalKind::KeysUnavailable)
            },
        }
    }
}

/// The refusal by which [`SelectTenant`](crate::SelectTenant) answers a failed call to Descope.
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
                ErrorKind::Throttled | ErrorKind::SharedStateUnavailable => {
                    RefusalKind::RenewalUnavailable
                }
                ErrorKind::InvalidTenantId => RefusalKind::InvalidBody,
                ErrorKind::KeysUnavailable => RefusalKind::KeysUnavailable,
                ErrorKind::CookieTooLarge => RefusalKind::CookieTooLarge,
                _ => RefusalKind::Internal,
            },
        };
        Self {
            ends_session: error.removes_cookies(),
            ..Self::of_error(&error, kind)
        }
    }
}
