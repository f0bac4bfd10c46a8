//! Why a tenant was not selected, and how that is said.

use std::{borrow::Cow, time::Duration};

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::{answer::json_response, body::ResponseBody, kind::Kind, return_paths::ReturnPaths};
use crate::{
    descope::RefreshRefusal,
    error::{Error, ErrorKind},
    rejection::REJECTION_HEADER,
};

/// When to try again if nobody knows better.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why a tenant was not selected.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: Kind,
    /// For the log only.
    reason: Cow<'static, str>,
    /// Descope's own code.
    upstream_code: Option<Box<str>>,
    retry_after: Option<Duration>,
    /// Whether the browser's cookies are of no use any more.
    pub(super) ends_session: bool,
}

/// What a refusal tells a client: all of it fixed texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerProblem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) description: &'static str,
}

impl AnswerProblem {
    /// The challenge (RFC 6750 section 3) of a refusal that is about the credential.
    fn challenge(self) -> Option<HeaderValue> {
        let error = match (self.status, self.code) {
            (StatusCode::UNAUTHORIZED, "missing_refresh_token") => {
                return Some(HeaderValue::from_static("Bearer"));
            }
            (StatusCode::UNAUTHORIZED, _) => "invalid_token",
            (StatusCode::BAD_REQUEST, "ambiguous_credentials") => "invalid_request",
            _ => return None,
        };
        let description = self.description;
        // The descriptions are plain ASCII without quotes.
        HeaderValue::try_from(format!(
            r#"Bearer error="{error}", error_description="{description}""#
        ))
        .ok()
    }

    /// The refusal as JSON, with its status, its code and its challenge: RFC 6750's names for
    /// everybody, Descope's for its SDKs.
    pub(crate) fn into_response(self, upstream_code: Option<&str>) -> Response<ResponseBody> {
        let body = Body {
            error: self.code,
            error_description: self.description,
            descope_code: upstream_code.unwrap_or(self.code),
            descope_description: self.description,
            descope_message: self.description,
        };
        let mut response = json_response(serde_json::to_vec(&body).unwrap_or_default());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(REJECTION_HEADER, HeaderValue::from_static(self.code));
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[derive(Serialize)]
struct Body<'a> {
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
    pub(super) fn new(kind: Kind) -> Self {
        Self::because(kind, kind.code())
    }

    pub(super) fn because(kind: Kind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            upstream_code: None,
            retry_after: None,
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

    /// The refusal as JSON with its status.
    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let said = AnswerProblem {
            status: self.kind.status(),
            code: self.kind.code(),
            description: self.kind.description(),
        };
        let mut response = said.into_response(self.upstream_code.as_deref());
        let headers = response.headers_mut();
        if self.kind == Kind::MethodNotAllowed {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, self.kind.retry_after(after));
        }
        response
    }

    /// The refusal as a redirect, for a form.
    pub(super) fn into_redirect(self, returning: &ReturnPaths) -> Response<ResponseBody> {
        let mut response = redirect(&returning.failure(self.code()));
        response
            .headers_mut()
            .insert(REJECTION_HEADER, HeaderValue::from_static(self.kind.code()));
        response
    }
}

/// 303 to a path that was checked to be local.
pub(super) fn redirect(path: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // Checked paths are visible ASCII; if that were ever untrue, this stays on the site too.
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, path);
    response
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
                retry_after: Some(retry_after),
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
            ErrorKind::InvalidTenantId => Kind::InvalidBody,
            ErrorKind::Refused => match error.upstream_status() {
                Some(401) => Kind::InvalidToken,
                status => Kind::TenantRefused {
                    forbidden: status == Some(403),
                },
            },
            ErrorKind::RateLimited => Kind::RateLimited,
            ErrorKind::UpstreamUnavailable | ErrorKind::UpstreamInvalid => Kind::UpstreamInvalid,
            ErrorKind::UpstreamTimeout => Kind::UpstreamTimeout,
            ErrorKind::KeysUnavailable => Kind::KeysUnavailable,
            ErrorKind::CookieTooLarge => Kind::CookieTooLarge,
            ErrorKind::InvalidAccessKey
            | ErrorKind::InvalidConfig
            | ErrorKind::InvalidClaims
            | ErrorKind::InvalidUserId
            | ErrorKind::NoRuntime => Kind::Internal,
        };
        let retry_after = match kind {
            Kind::KeysUnavailable => Some(error.retry_after().unwrap_or(RETRY_AFTER)),
            Kind::RateLimited | Kind::UpstreamInvalid => error.retry_after(),
            _ => None,
        };
        Self {
            upstream_code: error.upstream_code().map(Into::into),
            retry_after,
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
    fn challenges_are_those_of_rfc_6750() {
        let challenge = |kind: Kind| {
            let response = Refusal::new(kind).into_response();
            let field = response.headers().get(header::WWW_AUTHENTICATE)?;
            Some(field.to_str().unwrap().to_owned())
        };
        for (kind, expected) in [
            (Kind::MissingRefreshToken, Some("Bearer")),
            (
                Kind::ExpiredToken,
                Some(
                    r#"Bearer error="invalid_token", error_description="the session is over, sign in again""#,
                ),
            ),
            (
                Kind::InvalidToken,
                Some(
                    r#"Bearer error="invalid_token", error_description="the refresh token is invalid""#,
                ),
            ),
            (
                Kind::AmbiguousCredentials,
                Some(
                    r#"Bearer error="invalid_request", error_description="several credentials were presented""#,
                ),
            ),
            (Kind::InvalidBody, None),
            (Kind::CrossSite, None),
            (Kind::TenantRefused { forbidden: true }, None),
            (Kind::UpstreamInvalid, None),
        ] {
            assert_eq!(challenge(kind).as_deref(), expected, "{kind:?}");
        }
    }

    #[test]
    fn descope_s_refusals_are_mapped() {
        let refused = |status| Error::new(ErrorKind::Refused, "refused").with_status(status);
        assert_eq!(of(refused(400)), (400, "tenant_refused"));
        assert_eq!(of(refused(404)), (400, "tenant_refused"));
        assert_eq!(of(refused(422)), (400, "tenant_refused"));
        assert_eq!(of(refused(401)), (401, "invalid_token"));
        assert_eq!(of(refused(403)), (403, "tenant_refused"));
        for (kind, expected) in [
            (ErrorKind::SessionEnded, (401, "expired_token")),
            (ErrorKind::RefreshTokenReused, (401, "invalid_token")),
            (ErrorKind::InvalidRefreshToken, (401, "invalid_token")),
            (ErrorKind::RateLimited, (429, "rate_limited")),
            (ErrorKind::UpstreamInvalid, (502, "upstream_invalid")),
            (ErrorKind::UpstreamUnavailable, (502, "upstream_invalid")),
            (ErrorKind::CookieTooLarge, (502, "cookie_too_large")),
            (ErrorKind::KeysUnavailable, (503, "keys_unavailable")),
            (ErrorKind::UpstreamTimeout, (504, "upstream_timeout")),
            (ErrorKind::NoRuntime, (500, "internal_error")),
        ] {
            assert_eq!(of(Error::new(kind, "x")), expected, "{kind:?}");
        }
    }

    #[test]
    fn only_what_ends_a_session_removes_cookies() {
        assert!(Refusal::from(RefreshRefusal::Ended).ends_session);
        assert!(
            Refusal::from(Error::new(ErrorKind::SessionEnded, "x").with_session_ended())
                .ends_session
        );
        for refusal in [
            RefreshRefusal::Missing.into(),
            RefreshRefusal::Invalid("unknown_kid").into(),
            RefreshRefusal::Ambiguous.into(),
            Error::new(ErrorKind::Refused, "x").with_status(401).into(),
            Error::new(ErrorKind::RefreshTokenReused, "x").into(),
            Error::new(ErrorKind::UpstreamInvalid, "x").into(),
            Refusal::new(Kind::CookieTooLarge),
        ] {
            assert!(!refusal.ends_session, "{refusal:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_speaks_to_oauth_clients_and_to_descope_s_sdks() {
        let error = Error::new(ErrorKind::Refused, "upstream said <b>no</b>")
            .with_status(403)
            .with_code("E012345");
        let response = Refusal::from(error).into_response();
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["x-descope-rejection"], "tenant_refused");
        assert!(!response.headers().contains_key("www-authenticate"));
        let body = http_body_util::BodyExt::collect(response.into_body()).await;
        let body: serde_json::Value = serde_json::from_slice(&body.unwrap().to_bytes()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "error": "tenant_refused",
                "error_description": "the tenant was refused",
                "errorCode": "E012345",
                "errorDescription": "the tenant was refused",
                "errorMessage": "the tenant was refused",
            })
        );
    }

    #[test]
    fn each_401_has_a_challenge_with_the_description() {
        for kind in [
            Kind::MissingRefreshToken,
            Kind::ExpiredToken,
            Kind::InvalidToken,
            Kind::AmbiguousCredentials,
        ] {
            let response = Refusal::new(kind).into_response();
            let challenge = response.headers()["www-authenticate"].to_str().unwrap();
            if kind == Kind::MissingRefreshToken {
                assert_eq!(challenge, "Bearer");
            } else {
                assert!(challenge.contains(kind.description()), "{challenge}");
            }
        }
    }

    #[test]
    fn retry_after_is_passed_on_and_405_names_the_method() {
        let limited = |after| {
            let error = Error::new(ErrorKind::RateLimited, "x").with_retry_after(after);
            Refusal::from(error).into_response()
        };
        let after = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(limited(after(17)).headers()["retry-after"], "17");
        assert_eq!(limited(after(0)).headers()["retry-after"], "0");
        assert!(!limited(None).headers().contains_key("retry-after"));
        let keys = Refusal::from(Error::new(ErrorKind::KeysUnavailable, "x")).into_response();
        assert_eq!(keys.headers()["retry-after"], "10");
        let method = Refusal::new(Kind::MethodNotAllowed).into_response();
        assert_eq!(
            (method.status().as_u16(), &method.headers()["allow"]),
            (405, &HeaderValue::from_static("POST"))
        );
    }

    #[test]
    fn a_form_is_sent_back_to_its_page_with_the_code() {
        let returning = ReturnPaths::new("/tenants").unwrap();
        let response = Refusal::new(Kind::InvalidBody).into_redirect(&returning);
        assert_eq!(response.status(), 303);
        assert_eq!(
            response.headers()["location"],
            "/tenants?select_error=invalid_body"
        );
        assert_eq!(response.headers()["x-descope-rejection"], "invalid_body");
    }
}
