//! Successful responses.

use http::{HeaderMap, HeaderValue, Response, header};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::body::ResponseBody;
use crate::{answer::SessionAnswer, cookie, ids::TenantId, token::RefreshToken};

/// The browser SDK sets no timer at all for a smaller figure.
const MIN_NEXT_REFRESH: i64 = 20;

/// The members that an answer with a new session has beside the tenant and the expiration.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four members of the answer, each switched alone"
)]
pub(crate) struct AnswerFields {
    pub(crate) claims: bool,
    pub(crate) user: bool,
    pub(crate) session_token: bool,
    pub(crate) refresh_token: bool,
}

/// A new session for the body of an answer. All of it is verified but `user`.
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

/// The JSON of an answer. Members that are absent are left out, since the browser SDK stops
/// refreshing at a token that is `null`.
#[derive(Serialize)]
struct SuccessBody<'a> {
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

impl Default for AnswerFields {
    fn default() -> Self {
        Self {
            claims: true,
            user: true,
            session_token: false,
            refresh_token: false,
        }
    }
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

    pub(crate) fn into_response(self, fields: AnswerFields) -> Response<ResponseBody> {
        let body = SuccessBody {
            tenant: self.tenant,
            session_expiration: self.session_expires,
            next_refresh: self.next_refresh,
            claims: fields
                .claims
                .then(|| serde_json::from_str(self.claims).ok())
                .flatten(),
            user: self.user.filter(|user| fields.user && !user.is_null()),
            session_jwt: fields.session_token.then_some(self.session_token),
            refresh_jwt: self.refresh_token.filter(|_| fields.refresh_token),
        };
        json_response(&body)
    }
}

/// 200 with `value` as JSON.
pub(crate) fn json_response(value: &impl Serialize) -> Response<ResponseBody> {
    // Nothing that is answered can fail to serialise: strings, numbers, and JSON that was read
    // before.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(ResponseBody::new(json));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// Adds the headers that every response of the services has, and the cookies.
pub(crate) fn finish(
    mut response: Response<ResponseBody>,
    cookies: Vec<HeaderValue>,
) -> Response<ResponseBody> {
    let headers: &mut HeaderMap = response.headers_mut();
    // Beside what a refusal of the application's own form depends on.
    headers.append(
        header::VARY,
        HeaderValue::from_static("Authorization, Cookie"),
    );
    cookie::add_to_response(headers, cookies);
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
        let fields = AnswerFields {
            session_token: false,
            refresh_token: false,
            ..ALL
        };
        assert_eq!(
            text(with(|session| session.into_response(fields))).await,
            r#"{"tenant":"T1","sessionExpiration":1767226200,"claims":{"dct":"T1","n":1.50},"user":{"userId":"U1"}}"#
        );
        let all: Value =
            serde_json::from_str(&text(with(|session| session.into_response(ALL))).await).unwrap();
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
            text(with(|session| session.into_response(none))).await,
            minimal
        );
        let absent = with(|session| {
            let session = SessionBody {
                user: Some(&Value::Null),
                refresh_token: None,
                ..session
            };
            session.into_response(AnswerFields {
                claims: false,
                session_token: false,
                ..ALL
            })
        });
        assert_eq!(text(absent).await, minimal);
    }
}
