//! Refusals as the tenant switch answers them.

use crate::endpoint::{Refusal, RefusalKind};

/// The refusal with the sentence for the client.
pub(super) fn described(refusal: Refusal) -> Refusal {
    let description = description(refusal.kind());
    refusal.described(description)
}

/// The sentence for the client: where the tenant switch has more to say than other calls, its own.
fn description(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::MethodNotAllowed(_) => "only POST is allowed",
        RefusalKind::InvalidBody => "the body must name one tenant",
        RefusalKind::CookieTooLarge => "the session of this tenant does not fit a cookie",
        RefusalKind::Internal => "the tenant cannot be selected, the server's log says why",
        kind => kind.description(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderValue, Response, header};

    use super::*;
    use crate::{
        descope::RefreshRefusal,
        endpoint::ResponseBody,
        error::{Error, ErrorKind},
    };

    fn into_response(refusal: Refusal) -> Response<ResponseBody> {
        described(refusal).into_response()
    }

    fn of(error: Error) -> (u16, &'static str) {
        let refusal = Refusal::from(error);
        (refusal.kind().status().as_u16(), refusal.code())
    }

    #[test]
    fn challenges_are_those_of_rfc_6750() {
        let challenge = |kind: RefusalKind| {
            let response = into_response(Refusal::new(kind));
            let field = response.headers().get(header::WWW_AUTHENTICATE)?;
            Some(field.to_str().unwrap().to_owned())
        };
        for (kind, expected) in [
            (RefusalKind::MissingRefreshToken, Some("Bearer")),
            (
                RefusalKind::ExpiredToken,
                Some(
                    r#"Bearer error="invalid_token", error_description="the session is over, sign in again""#,
                ),
            ),
            (
                RefusalKind::InvalidToken,
                Some(
                    r#"Bearer error="invalid_token", error_description="the refresh token is invalid""#,
                ),
            ),
            (
                RefusalKind::AmbiguousCredentials,
                Some(
                    r#"Bearer error="invalid_request", error_description="several credentials were presented""#,
                ),
            ),
            (RefusalKind::InvalidBody, None),
            (RefusalKind::CrossSite, None),
            (RefusalKind::TenantRefused { forbidden: true }, None),
            (RefusalKind::UpstreamInvalid, None),
        ] {
            assert_eq!(challenge(kind).as_deref(), expected, "{kind:?}");
        }
    }

    #[test]
    fn descope_s_refusals_are_mapped() {
        let stranger = |status| Error::new(ErrorKind::Refused, "refused").with_status(status);
        let refused = |status| stranger(status).with_code("E011001");
        assert_eq!(of(refused(400)), (400, "tenant_refused"));
        assert_eq!(of(refused(404)), (400, "tenant_refused"));
        assert_eq!(of(refused(422)), (400, "tenant_refused"));
        assert_eq!(of(refused(401)), (401, "invalid_token"));
        assert_eq!(of(refused(403)), (403, "tenant_refused"));
        for status in [400, 401, 403, 404, 422] {
            assert_eq!(of(stranger(status)), (502, "upstream_invalid"), "{status}");
            let token_refused = stranger(status).with_code("E061005");
            assert_eq!(of(token_refused), (401, "invalid_token"), "{status}");
        }
        for (kind, expected) in [
            (ErrorKind::SessionEnded, (401, "expired_token")),
            (ErrorKind::RefreshTokenReused, (401, "invalid_token")),
            (ErrorKind::InvalidRefreshToken, (401, "invalid_token")),
            (ErrorKind::RateLimited, (429, "rate_limited")),
            (ErrorKind::UpstreamInvalid, (502, "upstream_invalid")),
            (ErrorKind::UpstreamUnavailable, (502, "upstream_invalid")),
            (ErrorKind::CookieTooLarge, (502, "cookie_too_large")),
            (ErrorKind::KeysUnavailable, (503, "keys_unavailable")),
            (ErrorKind::Throttled, (503, "renewal_unavailable")),
            (
                ErrorKind::SharedStateUnavailable,
                (503, "renewal_unavailable"),
            ),
            (ErrorKind::UpstreamTimeout, (504, "upstream_timeout")),
            (ErrorKind::NoRuntime, (500, "internal_error")),
        ] {
            assert_eq!(of(Error::new(kind, "x")), expected, "{kind:?}");
        }
    }

    #[test]
    fn only_descopes_word_that_a_session_is_over_removes_cookies() {
        assert!(
            Refusal::from(Error::new(ErrorKind::SessionEnded, "x").with_session_ended())
                .ends_session()
        );
        for refusal in [
            RefreshRefusal::Missing.into(),
            RefreshRefusal::Expired.into(),
            RefreshRefusal::Invalid("unknown_kid").into(),
            RefreshRefusal::Ambiguous.into(),
            Error::new(ErrorKind::Refused, "x").with_status(401).into(),
            Error::new(ErrorKind::RefreshTokenReused, "x").into(),
            Error::new(ErrorKind::UpstreamInvalid, "x").into(),
            Refusal::new(RefusalKind::CookieTooLarge),
        ] {
            assert!(!refusal.ends_session(), "{refusal:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_speaks_to_oauth_clients_and_to_descope_s_sdks() {
        let error = Error::new(ErrorKind::Refused, "upstream said <b>no</b>")
            .with_status(403)
            .with_code("E012345");
        let response = into_response(Refusal::from(error));
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
            RefusalKind::MissingRefreshToken,
            RefusalKind::ExpiredToken,
            RefusalKind::InvalidToken,
            RefusalKind::AmbiguousCredentials,
        ] {
            let response = into_response(Refusal::new(kind));
            let challenge = response.headers()["www-authenticate"].to_str().unwrap();
            if kind == RefusalKind::MissingRefreshToken {
                assert_eq!(challenge, "Bearer");
            } else {
                assert!(challenge.contains(description(kind)), "{challenge}");
            }
        }
    }

    #[test]
    fn retry_after_is_passed_on_and_405_names_the_method() {
        let limited = |after| {
            let error = Error::new(ErrorKind::RateLimited, "x").with_retry_after(after);
            into_response(Refusal::from(error))
        };
        let after = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(limited(after(17)).headers()["retry-after"], "17");
        assert_eq!(limited(after(0)).headers()["retry-after"], "0");
        assert!(!limited(None).headers().contains_key("retry-after"));
        let keys = into_response(Error::new(ErrorKind::KeysUnavailable, "x").into());
        assert_eq!(keys.headers()["retry-after"], "10");
        let method = into_response(Refusal::new(RefusalKind::MethodNotAllowed("POST")));
        assert_eq!(
            (method.status().as_u16(), &method.headers()["allow"]),
            (405, &HeaderValue::from_static("POST"))
        );
    }
}
