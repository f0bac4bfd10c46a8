//! The answers that open a session.

use std::fmt;

use serde_json::Value;

use super::reply::Reply;
use crate::{
    error::{Error, ErrorKind},
    json::{JsonMember, Members, UnparsedJson},
    token::{OpaqueToken, RefreshToken, SessionToken},
};

mod size;

/// Descope's answer to a call that opens a session (a `JWTResponse`), read but not verified.
///
/// Every field is optional. `null`, `""` and a value of the wrong type count as missing (an event at
/// debug level names the field): a field that is not needed must not cost a session whose token has
/// just been rotated. Unknown fields are ignored. Tokens are taken from the body, else from
/// `Set-Cookie`.
///
/// For the same reason an answer whose body cannot be read still counts if it has a refresh token in
/// `Set-Cookie`: it then holds that token, and `fault`.
#[derive(Default)]
pub(crate) struct RawAnswer {
    pub(crate) session_token: Option<SessionToken>,
    pub(crate) refresh_token: Option<RefreshToken>,
    pub(crate) cookie_domain: Option<String>,
    pub(crate) cookie_path: Option<String>,
    pub(crate) cookie_max_age: Option<i64>,
    pub(crate) cookie_expiration: Option<i64>,
    pub(crate) cookie_name: Option<String>,
    pub(crate) session_cookie_name: Option<String>,
    pub(crate) session_cookie_domain: Option<String>,
    /// The user's record: an object.
    pub(crate) user: Option<UnparsedJson>,
    pub(crate) first_seen: Option<bool>,
    pub(crate) idp_response: Option<UnparsedJson>,
    pub(crate) session_expiration: Option<i64>,
    pub(crate) external_token: Option<OpaqueToken>,
    pub(crate) tenant_sso_id: Option<String>,
    pub(crate) trusted_device_token: Option<OpaqueToken>,
    pub(crate) known_device_token: Option<OpaqueToken>,
    pub(crate) next_refresh_seconds: Option<i64>,
    /// The reason why there is nothing but a refresh token.
    pub(crate) fault: Option<Error>,
}

impl RawAnswer {
    /// Reads a successful response. Cookies are looked up under the names that the body gives them,
    /// else under the names given here, in this order.
    ///
    /// # Errors
    ///
    /// Without a refresh token in `Set-Cookie`: the fault of a body that could not be read;
    /// [`ErrorKind::UpstreamInvalid`] for one that is no JSON object (nested at most 127
    /// deep, which is `serde_json`'s own limit).
    pub(super) fn read(
        reply: &Reply,
        session_names: &[String],
        refresh_names: &[String],
    ) -> Result<Self, Error> {
        let members = match reply.body().and_then(object) {
            Ok(members) => members,
            Err(fault) => {
                let token = reply.cookie(refresh_names).ok_or_else(|| fault.clone())?;
                return Ok(Self {
                    refresh_token: Some(RefreshToken::new(token)),
                    fault: Some(fault),
                    ..Self::default()
                });
            }
        };
        let mut answer = Self::of_members(members);
        if answer.session_token.is_none() {
            let names = answer.session_cookie_name.iter().chain(session_names);
            answer.session_token = reply.cookie(names).map(SessionToken::new);
        }
        if answer.refresh_token.is_none() {
            let names = answer.cookie_name.iter().chain(refresh_names);
            answer.refresh_token = reply.cookie(names).map(RefreshToken::new);
        }
        Ok(answer)
    }

    /// Reads the members of a body.
    pub(super) fn of_members(members: Members<'_>) -> Self {
        let fields = Fields(members);
        Self {
            session_token: fields.text("sessionJwt").map(SessionToken::new),
            refresh_token: fields.text("refreshJwt").map(RefreshToken::new),
            cookie_domain: fields.text("cookieDomain"),
            cookie_path: fields.text("cookiePath"),
            cookie_max_age: fields.integer("cookieMaxAge"),
            cookie_expiration: fields.integer("cookieExpiration"),
            cookie_name: fields.text("cookieName"),
            session_cookie_name: fields.text("sessionCookieName"),
            session_cookie_domain: fields.text("sessionCookieDomain"),
            user: fields.of_type("user", |it| it.is_object().then(|| it.to_unparsed())),
            first_seen: fields.of_type("firstSeen", |it| it.scalar()?.as_bool()),
            idp_response: fields.of_type("idpResponse", |it| Some(it.to_unparsed())),
            session_expiration: fields.integer("sessionExpiration"),
            external_token: fields.text("externalToken").map(OpaqueToken::new),
            tenant_sso_id: fields.text("tenantSSOID"),
            trusted_device_token: fields.text("trustedDeviceJwt").map(OpaqueToken::new),
            known_device_token: fields.text("knownDeviceJwt").map(OpaqueToken::new),
            next_refresh_seconds: fields.integer("nextRefreshSeconds"),
            fault: None,
        }
    }

    /// Calls [`read`](Self::read) with the parts of an answer.
    #[cfg(feature = "__internals")]
    pub(crate) fn of(
        headers: http::HeaderMap,
        body: &[u8],
        names: [&str; 2],
    ) -> Result<Self, Error> {
        let body = Ok(zeroize::Zeroizing::new(body.to_vec()));
        let [session, refresh] = names.map(|name| [name.to_owned()]);
        Self::read(&Reply { headers, body }, &session, &refresh)
    }

    /// Leaves a refresh token out that is the one which was sent: it stays in force, and nothing has taken
    /// its place.
    pub(crate) fn without_sent(mut self, sent: &RefreshToken) -> Self {
        self.refresh_token = self.refresh_token.filter(|token| token != sent);
        self
    }

    /// Returns the session token, unverified.
    pub(crate) fn session_token(&self) -> Option<&SessionToken> {
        self.session_token.as_ref()
    }

    /// Returns the new refresh token, unverified; `None` if the one that was presented stays in
    /// force.
    pub(crate) fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawAnswer")
            .field("session_token", &self.session_token)
            .field("refresh_token", &self.refresh_token)
            .finish_non_exhaustive()
    }
}

/// Reads a body as a JSON object.
fn object(body: &[u8]) -> Result<Members<'_>, Error> {
    Members::parse(body).map_err(|error| {
        // Not as the source: its text quotes the body, which may hold tokens.
        let (line, column) = (error.line(), error.column());
        Error::new(
            ErrorKind::UpstreamInvalid,
            format!("descope's answer is not a JSON object (line {line}, column {column})"),
        )
    })
}

/// The members of the body.
struct Fields<'a>(Members<'a>);

impl Fields<'_> {
    fn text(&self, name: &'static str) -> Option<String> {
        self.of_type(name, |member| match member.scalar()? {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// A whole number; a string of digits counts too, since protocol buffers write 64-bit numbers
    /// so.
    fn integer(&self, name: &'static str) -> Option<i64> {
        self.of_type(name, |member| match member.scalar()? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        })
    }

    fn of_type<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&JsonMember<'_>) -> Option<T>,
    ) -> Option<T> {
        let member = self.0.last(name).filter(|member| !member.is_empty())?;
        let read = read(member);
        if read.is_none() {
            tracing::debug!(field = name, "a field of descope's answer has an odd type");
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::SET_COOKIE};
    use serde_json::json;
    use zeroize::Zeroizing;

    use super::*;

    fn read(body: &str, cookies: &[&'static str]) -> Result<RawAnswer, Error> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
        }
        let reply = Reply {
            headers,
            body: Ok(Zeroizing::new(body.as_bytes().to_vec())),
        };
        RawAnswer::read(&reply, &["DS".to_owned()], &["DSR".to_owned()])
    }

    fn tokens(answer: &RawAnswer) -> (Option<&str>, Option<&str>) {
        (
            answer.session_token().map(SessionToken::expose),
            answer.refresh_token().map(RefreshToken::expose),
        )
    }

    #[test]
    fn every_field_is_read() {
        let answer = json!({
            "sessionJwt": "s", "refreshJwt": "r", "cookieDomain": "d", "cookiePath": "/",
            "cookieMaxAge": 2_419_199, "cookieExpiration": 4_102_444_800_i64, "cookieName": "RN",
            "sessionCookieName": "SN", "sessionCookieDomain": "sd", "user": {"userId": "U1"},
            "firstSeen": false, "idpResponse": {"a": 1}, "sessionExpiration": "1767226200",
            "externalToken": "ext", "tenantSSOID": "sso", "trustedDeviceJwt": "dtd",
            "knownDeviceJwt": "dkd", "nextRefreshSeconds": 0, "claims": {}, "somethingNew": [1, 2],
        });
        let answer = read(&answer.to_string(), &["DS=x", "DSR=y"]).unwrap();
        assert_eq!(tokens(&answer), (Some("s"), Some("r")));
        assert_eq!(answer.cookie_domain.as_deref(), Some("d"));
        assert_eq!(answer.cookie_path.as_deref(), Some("/"));
        assert_eq!(answer.cookie_max_age, Some(2_419_199));
        assert_eq!(answer.cookie_expiration, Some(4_102_444_800));
        assert_eq!(answer.cookie_name.as_deref(), Some("RN"));
        assert_eq!(answer.session_cookie_name.as_deref(), Some("SN"));
        assert_eq!(answer.session_cookie_domain.as_deref(), Some("sd"));
        assert_eq!(
            *answer.user.as_ref().unwrap().value(),
            json!({"userId": "U1"})
        );
        assert_eq!(answer.first_seen, Some(false));
        assert_eq!(
            *answer.idp_response.as_ref().unwrap().value(),
            json!({"a": 1})
        );
        assert_eq!(answer.session_expiration, Some(1_767_226_200));
        assert_eq!(answer.external_token.as_ref().unwrap().expose(), "ext");
        assert_eq!(answer.tenant_sso_id.as_deref(), Some("sso"));
        assert_eq!(
            answer.trusted_device_token.as_ref().unwrap().expose(),
            "dtd"
        );
        assert_eq!(answer.known_device_token.as_ref().unwrap().expose(), "dkd");
        assert_eq!(answer.next_refresh_seconds, Some(0));
        assert_eq!(
            format!("{answer:?}"),
            "RawAnswer { session_token: Some(SessionToken(…)), \
             refresh_token: Some(RefreshToken(…)), .. }"
        );
    }

    #[test]
    fn null_empty_missing_and_odd_are_alike() {
        const FIELDS: [&str; 18] = [
            "sessionJwt",
            "refreshJwt",
            "cookieDomain",
            "cookiePath",
            "cookieMaxAge",
            "cookieExpiration",
            "cookieName",
            "sessionCookieName",
            "sessionCookieDomain",
            "user",
            "firstSeen",
            "idpResponse",
            "sessionExpiration",
            "externalToken",
            "tenantSSOID",
            "trustedDeviceJwt",
            "knownDeviceJwt",
            "nextRefreshSeconds",
        ];
        for value in [json!(null), json!(""), json!([1]), json!(1.5)] {
            let body: serde_json::Map<_, _> = FIELDS
                .iter()
                // Which may be anything.
                .filter(|&&name| name != "idpResponse" || value.is_null() || value == "")
                .map(|&name| (name.to_owned(), value.clone()))
                .collect();
            let answer = read(&json!(body).to_string(), &[]).unwrap();
            let RawAnswer {
                session_token: None,
                refresh_token: None,
                cookie_domain: None,
                cookie_path: None,
                cookie_max_age: None,
                cookie_expiration: None,
                cookie_name: None,
                session_cookie_name: None,
                session_cookie_domain: None,
                user: None,
                first_seen: None,
                idp_response: None,
                session_expiration: None,
                external_token: None,
                tenant_sso_id: None,
                trusted_device_token: None,
                known_device_token: None,
                next_refresh_seconds: None,
                fault: None,
            } = answer
            else {
                panic!("{value} counts as something: {answer:?}");
            };
        }
        assert_eq!(tokens(&read("{}", &[]).unwrap()), (None, None));
    }

    #[test]
    fn tokens_that_are_not_in_the_body_come_from_cookies() {
        let cookies = &["DS=s; Path=/", "DSR=r; Path=/", "__cf_bm=cdn"];
        for body in ["{}", r#"{"sessionJwt":"","refreshJwt":null}"#] {
            assert_eq!(
                tokens(&read(body, cookies).unwrap()),
                (Some("s"), Some("r"))
            );
        }
        assert_eq!(
            tokens(&read(r#"{"sessionJwt":"body"}"#, cookies).unwrap()),
            (Some("body"), Some("r"))
        );
    }

    #[test]
    fn the_body_s_cookie_names_come_before_the_configured_ones() {
        let named = r#"{"cookieName":"acme-r","sessionCookieName":"acme-s"}"#;
        assert_eq!(
            tokens(&read(named, &["acme-s=s", "acme-r=r", "DS=x", "DSR=y"]).unwrap()),
            (Some("s"), Some("r"))
        );
        assert_eq!(
            tokens(&read(named, &["DS=x", "DSR=y"]).unwrap()),
            (Some("x"), Some("y"))
        );
        assert_eq!(tokens(&read("{}", &["acme-s=s"]).unwrap()), (None, None));
    }

    #[test]
    fn anything_but_a_json_object_is_no_answer() {
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        for body in ["", "null", "[]", "<html>", "{", r#"{"a":1} x"#, &deep] {
            let error = read(body, &["DS=s"]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UpstreamInvalid, "{body}");
        }
    }

    #[test]
    fn a_refresh_token_in_a_cookie_is_left_of_a_body_that_is_none() {
        let cookies = &["DS=s", "DSR=r", "__cf_bm=cdn"];
        for body in ["", "<html>", r#"{"sessionJwt":"s","refreshJwt":"b""#] {
            let answer = read(body, cookies).unwrap();
            assert_eq!(tokens(&answer), (None, Some("r")), "{body}");
            let fault = answer.fault.unwrap();
            assert_eq!(fault.kind(), ErrorKind::UpstreamInvalid);
            for cookies in [["DS=s", "DSR=r; Max-Age=0"], ["DS=s", "dsr=r"]] {
                assert!(read(body, &cookies).is_err(), "{body}");
            }
        }
    }

    #[test]
    fn an_error_quotes_nothing_of_the_answer() {
        let error = read(r#""secret""#, &[]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
