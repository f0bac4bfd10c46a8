//! The error of a call that failed: Descope's `errorCode` decides first, then the status.
//!
//! Of Descope's text only the code is kept, and that only if it looks like one.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// The user was signed out.
const SIGNED_OUT: &str = "E064001";
/// The refresh token's family is dead: a rotated-out token of it was presented again.
const FAMILY_DEAD: &str = "E064006";
const RATE_LIMITED: &str = "E130429";

/// The longest `Retry-After` that is passed on.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

const MAX_CODE: usize = 16;

/// Returns the error for an answer with a status that is no success.
pub(super) fn refused(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Error {
    let code = error_code(body);
    let error = match code.as_deref() {
        Some(SIGNED_OUT) => user_signed_out(),
        Some(FAMILY_DEAD) => token_used_before(),
        Some(RATE_LIMITED) => rate_limited(),
        _ => by_status(status),
    };
    let error = error
        .with_status(status.as_u16())
        .with_retry_after(retry_after(headers, now));
    match code {
        Some(code) => error.with_code(&code),
        None => error,
    }
}

/// The answer to whoever comes with a session that was ended, as Descope gave it to another replica.
pub(crate) fn signed_out() -> Error {
    user_signed_out().with_code(SIGNED_OUT)
}

/// The answer to whoever comes with a token that was used before, likewise.
pub(crate) fn used_before() -> Error {
    token_used_before().with_code(FAMILY_DEAD)
}

fn user_signed_out() -> Error {
    Error::new(ErrorKind::SessionEnded, "the user was signed out").with_session_ended()
}

/// This does not end the browser's session: another request may have rotated the token, and its cookies
/// may be on their way.
fn token_used_before() -> Error {
    Error::new(
        ErrorKind::RefreshTokenReused,
        "the refresh token was used before",
    )
}

/// Returns the error for a call without an answer.
pub(super) fn network(error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::timed_out().with_source(error.without_url());
    }
    let message = if error.is_connect() {
        "descope cannot be reached"
    } else {
        "the connection to descope broke"
    };
    Error::new(ErrorKind::UpstreamUnavailable, message).with_source(error.without_url())
}

fn rate_limited() -> Error {
    Error::new(ErrorKind::RateLimited, "descope asks to slow down")
}

fn by_status(status: StatusCode) -> Error {
    match status.as_u16() {
        400 | 401 | 403 | 404 | 422 => Error::new(ErrorKind::Refused, "descope refused the call"),
        429 => rate_limited(),
        408 | 500..=599 => Error::new(ErrorKind::UpstreamUnavailable, "descope failed"),
        300..=399 => Error::new(
            ErrorKind::UpstreamInvalid,
            "descope's answer is a redirect, which is not followed",
        ),
        _ => Error::new(
            ErrorKind::UpstreamInvalid,
            "descope's answer has an unexpected status",
        ),
    }
}

/// Returns the `errorCode` of a refusal if it looks like one: `E` and digits, as all of Descope's,
/// in at most 16 characters of `A`-`Z` and `0`-`9`. It is shown to clients, so nothing else passes.
fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let code = body.get("errorCode")?.as_str()?;
    let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let rest = code.strip_prefix('E')?;
    let looks_like_one = code.len() <= MAX_CODE
        && rest.bytes().all(legal)
        && rest.bytes().filter(u8::is_ascii_digit).count() >= 3;
    looks_like_one.then(|| code.to_owned())
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date, which is turned into seconds
/// from `now` (0 if it has passed). More than a day, several fields, or anything else, counts as
/// absent.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut fields = headers.get_all(RETRY_AFTER).iter();
    let (Some(value), None) = (fields.next(), fields.next()) else {
        return None;
    };
    let value = value.to_str().ok()?.trim();
    let after = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().ok()?)
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        let left = date.duration_since(now).unwrap_or_default();
        let rounded_up = u64::from(left.subsec_nanos() > 0);
        Duration::from_secs(left.as_secs().saturating_add(rounded_up))
    };
    (after <= MAX_RETRY_AFTER).then_some(after)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn refusal(status: u16, body: &str) -> Error {
        refused(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn the_status_decides_where_there_is_no_code_that_matters() {
        for (statuses, kind) in [
            (&[400, 401, 403, 404, 422][..], ErrorKind::Refused),
            (&[429], ErrorKind::RateLimited),
            (
                &[408, 500, 502, 503, 504, 520, 530],
                ErrorKind::UpstreamUnavailable,
            ),
            (
                &[301, 302, 307, 308, 405, 410, 413, 418],
                ErrorKind::UpstreamInvalid,
            ),
        ] {
            for &status in statuses {
                for body in ["", "<html>no</html>", r#"{"errorCode":"E011003"}"#] {
                    let error = refusal(status, body);
                    assert_eq!(error.kind(), kind, "{status} {body}");
                    assert_eq!(error.upstream_status(), Some(status));
                    assert!(!error.ends_session());
                }
            }
        }
    }

    #[test]
    fn the_codes_that_matter_decide_whatever_the_status() {
        for status in [400, 401, 403, 404, 500, 503] {
            let error = refusal(status, r#"{"errorCode":"E064001","errorMessage":"x"}"#);
            assert_eq!(error.kind(), ErrorKind::SessionEnded);
            assert!(error.ends_session());

            let error = refusal(status, r#"{"errorCode":"E064006"}"#);
            assert_eq!(error.kind(), ErrorKind::RefreshTokenReused);
            assert!(!error.ends_session());

            let error = refusal(status, r#"{"errorCode":"E130429"}"#);
            assert_eq!(error.kind(), ErrorKind::RateLimited);
        }
    }

    #[test]
    fn only_what_looks_like_a_code_is_kept_and_no_text_at_all() {
        for (code, kept) in [
            ("E064001", true),
            ("E1234567890123AB", true),
            ("E1234567890123ABC", false),
            ("e064001", false),
            ("064001", false),
            ("ERROR", false),
            ("E06400 1", false),
            ("<script>alert(1)</script>", false),
            ("", false),
        ] {
            let body = serde_json::json!({"errorCode": code, "errorMessage": "secret text"});
            let error = refusal(403, &body.to_string());
            assert_eq!(error.upstream_code(), kept.then_some(code));
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
        for body in [r#"{"errorCode":7}"#, r#"["E064001"]"#, "E064001", "{"] {
            assert_eq!(refusal(403, body).upstream_code(), None);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_a_day() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 12:00:00 GMT").unwrap();
        for (value, expected) in [
            ("0", Some(0)),
            ("17", Some(17)),
            (" 17 ", Some(17)),
            ("86400", Some(86_400)),
            ("86401", None),
            ("99999999999999999999999", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("17, 18", None),
            ("", None),
            ("soon", None),
            ("Mon, 23 Nov 2026 12:00:30 GMT", Some(30)),
            ("Mon, 23 Nov 2026 11:00:00 GMT", Some(0)),
            ("Tue, 24 Nov 2026 12:00:00 GMT", Some(86_400)),
            ("Tue, 24 Nov 2026 12:00:01 GMT", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            let error = refused(StatusCode::TOO_MANY_REQUESTS, &headers, b"", now);
            assert_eq!(
                error.retry_after(),
                expected.map(Duration::from_secs),
                "{value:?}"
            );
        }
    }

    #[test]
    fn of_several_retry_after_fields_none_counts() {
        for second in ["18", "17", "soon"] {
            let mut headers = HeaderMap::new();
            headers.append(RETRY_AFTER, HeaderValue::from_static("17"));
            headers.append(RETRY_AFTER, HeaderValue::from_static(second));
            assert_eq!(retry_after(&headers, SystemTime::UNIX_EPOCH), None);
        }
    }
}
