//! What is answered when the tenant was selected: the body and the cookies.

use std::time::{Duration, SystemTime};

use http::{HeaderValue, Response, header};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{body::ResponseBody, settings::Show};
use crate::{
    cookie::{SessionCookies, Slot},
    error::Error,
    ids::TenantId,
    selection::TenantSelection,
    token::RefreshToken,
};

/// What Descope granted, all of it verified but `user`.
#[derive(Clone, Copy)]
pub(super) struct Granted<'a> {
    tenant: &'a TenantId,
    session_token: &'a str,
    /// Unix seconds.
    session_expires: i64,
    /// The new session's payload.
    claims: &'a str,
    user: Option<&'a Value>,
    /// `None`: the one that was presented stays in force.
    refresh_token: Option<&'a str>,
    session_age: Duration,
    refresh_age: Duration,
}

/// The answer's body. Members that are absent are left out: the browser SDK stops refreshing at a
/// token that is `null`.
#[derive(Serialize)]
struct Body<'a> {
    tenant: &'a TenantId,
    #[serde(rename = "sessionExpiration")]
    session_expiration: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a Value>,
    #[serde(rename = "sessionJwt", skip_serializing_if = "Option::is_none")]
    session_jwt: Option<&'a str>,
    #[serde(rename = "refreshJwt", skip_serializing_if = "Option::is_none")]
    refresh_jwt: Option<&'a str>,
}

impl<'a> Granted<'a> {
    pub(super) fn new(selection: &'a TenantSelection, now: SystemTime) -> Self {
        let session = selection.session();
        let refresh_end = selection
            .refresh_expires_at()
            .or_else(|| session.refresh_expires_at());
        Self {
            tenant: selection.tenant(),
            session_token: selection.session_token().expose(),
            session_expires: selection.session_expires_unix(),
            claims: selection.claims_json(),
            user: selection.user_json(),
            refresh_token: selection.refresh_token().map(RefreshToken::expose),
            session_age: session_age(session.expires_at(), refresh_end, now),
            refresh_age: refresh_age(selection.cookie_max_age(), refresh_end, now),
        }
    }

    pub(super) fn into_response(self, show: Show) -> Response<ResponseBody> {
        let body = Body {
            tenant: self.tenant,
            session_expiration: self.session_expires,
            claims: show
                .claims
                .then(|| serde_json::from_str(self.claims).ok())
                .flatten(),
            user: self.user.filter(|user| show.user && !user.is_null()),
            session_jwt: show.session_token.then_some(self.session_token),
            refresh_jwt: self.refresh_token.filter(|_| show.refresh_token),
        };
        // Nothing in it can fail to serialise: strings, a number, and JSON that was read before.
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(ResponseBody::new(json));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response
    }

    /// Appends the `Set-Cookie` lines of both tokens.
    ///
    /// # Errors
    ///
    /// A token that browsers would drop. If it is the session's, the browser's session cookie
    /// stays as it was, but a new refresh token that fits is still written: the one that it
    /// replaces may be spent, and without it the user would be signed out.
    pub(super) fn write(
        &self,
        cookies: &SessionCookies,
        insecure: bool,
        lines: &mut Vec<HeaderValue>,
    ) -> Result<(), Error> {
        let session = cookies.set_session(self.session_token, self.session_age, insecure);
        if let Some(token) = self.refresh_token {
            let refresh = cookies.set_refresh(token, self.refresh_age, insecure)?;
            lines.extend(cookies.evictions(Slot::Refresh, insecure));
            lines.push(refresh);
        }
        let session = session?;
        lines.extend(cookies.evictions(Slot::Session, insecure));
        lines.push(session);
        Ok(())
    }
}

/// The session cookie lives until the refresh token's end, far beyond its token, so that renewal
/// finds it.
fn session_age(
    session_end: SystemTime,
    refresh_end: Option<SystemTime>,
    now: SystemTime,
) -> Duration {
    let end = refresh_end.map_or(session_end, |end| end.max(session_end));
    end.duration_since(now).unwrap_or_default()
}

/// The refresh cookie lives as long as Descope says (`cookieMaxAge`), but no longer than its
/// token.
fn refresh_age(max_age: Option<i64>, end: Option<SystemTime>, now: SystemTime) -> Duration {
    let left = end.map_or(Duration::MAX, |end| {
        end.duration_since(now).unwrap_or_default()
    });
    max_age
        .and_then(|seconds| u64::try_from(seconds).ok())
        .filter(|seconds| *seconds > 0)
        .map_or(left, |seconds| left.min(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    const ALL: Show = Show {
        claims: true,
        user: true,
        session_token: true,
        refresh_token: true,
    };
    const HOUR: Duration = Duration::from_secs(3600);

    fn with<T>(test: impl FnOnce(Granted<'_>) -> T) -> T {
        let tenant = TenantId::new("T1").unwrap();
        let user = json!({"userId": "U1"});
        test(Granted {
            tenant: &tenant,
            session_token: "ses.si.on",
            session_expires: 1_767_226_200,
            claims: r#"{"dct":"T1","n":1.50}"#,
            user: Some(&user),
            refresh_token: Some("ref.re.sh"),
            session_age: HOUR,
            refresh_age: HOUR,
        })
    }

    async fn text(response: Response<ResponseBody>) -> String {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_answer_tells_the_session_and_no_token_unless_asked() {
        let show = Show {
            session_token: false,
            refresh_token: false,
            ..ALL
        };
        assert_eq!(
            text(with(|granted| granted.into_response(show))).await,
            r#"{"tenant":"T1","sessionExpiration":1767226200,"claims":{"dct":"T1","n":1.50},"user":{"userId":"U1"}}"#
        );
        let all: Value =
            serde_json::from_str(&text(with(|granted| granted.into_response(ALL))).await).unwrap();
        assert_eq!(all["sessionJwt"], "ses.si.on");
        assert_eq!(all["refreshJwt"], "ref.re.sh");
    }

    #[tokio::test]
    async fn what_is_absent_or_switched_off_is_left_out_and_never_null() {
        let none = Show {
            claims: false,
            user: false,
            session_token: false,
            refresh_token: false,
        };
        let minimal = r#"{"tenant":"T1","sessionExpiration":1767226200}"#;
        assert_eq!(
            text(with(|granted| granted.into_response(none))).await,
            minimal
        );
        let absent = with(|granted| {
            let granted = Granted {
                user: Some(&Value::Null),
                refresh_token: None,
                ..granted
            };
            granted.into_response(Show {
                claims: false,
                session_token: false,
                ..ALL
            })
        });
        assert_eq!(text(absent).await, minimal);
    }

    fn written(granted: Granted<'_>, cookies: &SessionCookies) -> (Vec<String>, bool) {
        let mut lines = Vec::new();
        let written = granted.write(cookies, false, &mut lines);
        let lines = lines.iter().map(|line| line.to_str().unwrap().to_owned());
        (lines.collect(), written.is_ok())
    }

    #[test]
    fn both_cookies_are_written_after_what_clears_their_former_scopes() {
        let cookies = SessionCookies::new().former_cookie_scope(Some("a.test"), "/");
        let (lines, ok) = with(|granted| written(granted, &cookies));
        assert!(ok);
        let starts = ["DSR=; ", "DSR=ref.re.sh; ", "DS=; ", "DS=ses.si.on; "];
        assert_eq!(lines.len(), starts.len());
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn without_a_new_refresh_token_its_cookie_is_left_alone_everywhere() {
        let cookies = SessionCookies::new().former_cookie_scope(Some("a.test"), "/");
        let (lines, ok) = with(|granted| {
            let granted = Granted {
                refresh_token: None,
                ..granted
            };
            written(granted, &cookies)
        });
        assert!(
            ok && lines.iter().all(|line| line.starts_with("DS=")),
            "{lines:?}"
        );
    }

    #[test]
    fn a_session_that_is_too_large_does_not_cost_the_new_refresh_token() {
        let large = format!("a.b.{}", "c".repeat(4096));
        let (lines, ok) = with(|granted| {
            let granted = Granted {
                session_token: &large,
                ..granted
            };
            written(granted, &SessionCookies::new())
        });
        assert!(!ok);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("DSR=ref.re.sh; "));
    }

    #[test]
    fn a_refresh_token_that_is_too_large_leaves_both_cookies() {
        let large = format!("a.b.{}", "c".repeat(4096));
        let (lines, ok) = with(|granted| {
            let granted = Granted {
                refresh_token: Some(&large),
                ..granted
            };
            written(granted, &SessionCookies::new())
        });
        assert!(!ok && lines.is_empty());
    }

    #[test]
    fn cookies_live_until_the_refresh_token_s_end() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (ten_minutes, weeks) = (now + HOUR / 6, now + HOUR * 500);
        assert_eq!(session_age(ten_minutes, Some(weeks), now), HOUR * 500);
        assert_eq!(session_age(ten_minutes, None, now), HOUR / 6);
        assert_eq!(session_age(ten_minutes, Some(now), now), HOUR / 6);
        assert_eq!(session_age(now - HOUR, None, now), Duration::ZERO);
        for (max_age, expected) in [
            (Some(60), Duration::from_secs(60)),
            (Some(i64::MAX), HOUR * 500),
            (Some(0), HOUR * 500),
            (Some(-1), HOUR * 500),
            (Some(i64::MIN), HOUR * 500),
            (None, HOUR * 500),
        ] {
            assert_eq!(refresh_age(max_age, Some(weeks), now), expected);
        }
        assert_eq!(refresh_age(None, None, now), Duration::MAX);
    }
}
