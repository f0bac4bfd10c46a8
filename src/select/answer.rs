//! What is answered when a session was granted.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{body::ResponseBody, settings::AnswerFields};
use crate::{answer::SessionAnswer, ids::TenantId, token::RefreshToken};

/// The browser SDK sets no timer at all for a smaller figure.
const MIN_NEXT_REFRESH: i64 = 20;

/// What Descope granted, all of it verified but `user`.
#[derive(Clone, Copy)]
pub(crate) struct SessionBody<'a> {
    tenant: Option<&'a TenantId>,
    session_token: &'a str,
    /// Unix seconds.
    session_expires: i64,
    /// The new session's payload.
    claims: &'a str,
    user: Option<&'a Value>,
    /// `None`: the one that was presented stays in force.
    refresh_token: Option<&'a str>,
    next_refresh: Option<i64>,
}

/// The answer's body. Members that are absent are left out: the browser SDK stops refreshing at a
/// token that is `null`.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a TenantId>,
    #[serde(rename = "sessionExpiration")]
    session_expiration: i64,
    #[serde(rename = "nextRefreshSeconds", skip_serializing_if = "Option::is_none")]
    next_refresh: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a Value>,
    #[serde(rename = "sessionJwt", skip_serializing_if = "Option::is_none")]
    session_jwt: Option<&'a str>,
    #[serde(rename = "refreshJwt", skip_serializing_if = "Option::is_none")]
    refresh_jwt: Option<&'a str>,
}

impl<'a> SessionBody<'a> {
    pub(crate) fn new(answer: &'a SessionAnswer) -> Self {
        Self {
            tenant: answer.tenant(),
            session_token: answer.session_token().expose(),
            session_expires: answer.session_expires_unix(),
            claims: answer.claims_json(),
            user: answer.user_json(),
            refresh_token: answer.refresh_token().map(RefreshToken::expose),
            next_refresh: answer
                .next_refresh_seconds()
                .filter(|seconds| *seconds > MIN_NEXT_REFRESH),
        }
    }

    pub(crate) fn into_response(self, show: AnswerFields) -> Response<ResponseBody> {
        let body = Body {
            tenant: self.tenant,
            session_expiration: self.session_expires,
            next_refresh: self.next_refresh,
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
        json_response(json)
    }
}

/// 200 with JSON.
pub(crate) fn json_response(json: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::new(json));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    const ALL: AnswerFields = AnswerFields {
        claims: true,
        user: true,
        session_token: true,
        refresh_token: true,
    };

    fn with<T>(test: impl FnOnce(SessionBody<'_>) -> T) -> T {
        let tenant = TenantId::new("T1").unwrap();
        let user = json!({"userId": "U1"});
        test(SessionBody {
            tenant: Some(&tenant),
            session_token: "ses.si.on",
            session_expires: 1_767_226_200,
            claims: r#"{"dct":"T1","n":1.50}"#,
            user: Some(&user),
            refresh_token: Some("ref.re.sh"),
            next_refresh: None,
        })
    }

    async fn text(response: Response<ResponseBody>) -> String {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_answer_tells_the_session_and_no_token_unless_asked() {
        let show = AnswerFields {
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
        let none = AnswerFields {
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
            let granted = SessionBody {
                user: Some(&Value::Null),
                refresh_token: None,
                ..granted
            };
            granted.into_response(AnswerFields {
                claims: false,
                session_token: false,
                ..ALL
            })
        });
        assert_eq!(text(absent).await, minimal);
    }
}
