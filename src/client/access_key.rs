//! The exchange of an access key for a session.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{call::DescopeClient, credential, endpoint::EXCHANGE};
use crate::{
    error::{Error, ErrorKind},
    ids::TenantId,
    token::{AccessKey, SessionToken},
};

/// The options of an exchange; see [`ExchangeOptions`](crate::ExchangeOptions).
#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) selected_tenant: Option<&'a TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_claims: Option<&'a Map<String, Value>>,
}

/// Descope's answer to an exchange, read but not verified. Its `expiration` is not kept: the token
/// has it too, signed.
pub(crate) struct RawExchange {
    pub(crate) session_token: SessionToken,
    /// The id of the key that Descope exchanged, if the answer names it.
    pub(crate) key_id: Option<Value>,
}

impl DescopeClient {
    /// Exchanges an access key for a session (`POST /v1/auth/accesskey/exchange`). The request is
    /// repeated only where the connection was refused.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidAccessKey`] before any call, for a text that can be no key;
    /// [`ErrorKind::UpstreamInvalid`] for an answer without a session token; and the errors of
    /// [`send`](Self::send).
    pub(crate) async fn exchange_access_key(
        &self,
        key: &AccessKey,
        body: ExchangeBody<'_>,
    ) -> Result<RawExchange, Error> {
        let headers = || credential::access_key_headers(&self.inner.settings, key);
        let body = body.to_json()?.into();
        let reply = self.send(EXCHANGE, &[], headers, body, false).await?;
        RawExchange::read(reply.body()?)
    }
}

impl ExchangeBody<'_> {
    /// Writes the body: `{}` without any option, as the Go and Node SDKs send it.
    pub(crate) fn to_json(self) -> Result<Vec<u8>, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            login_options: Option<ExchangeBody<'a>>,
        }
        let has_options = self.selected_tenant.is_some() || self.custom_claims.is_some();
        let login_options = has_options.then_some(self);
        serde_json::to_vec(&Body { login_options }).map_err(|error| {
            Error::config("the options of an exchange cannot be written").with_source(error)
        })
    }
}

impl RawExchange {
    fn read(body: &[u8]) -> Result<Self, Error> {
        // The error of serde_json quotes the body, which holds a token: it is no source.
        let invalid = |message| Error::new(ErrorKind::UpstreamInvalid, message);
        let mut answer: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|_| invalid("descope's answer is not a JSON object"))?;
        // One of a wrong type is kept: it is the id of no key.
        let key_id = answer
            .remove("keyId")
            .filter(|id| !id.is_null() && id.as_str() != Some(""));
        match answer.remove("sessionJwt") {
            Some(Value::String(token)) if !token.is_empty() => Ok(Self {
                session_token: SessionToken::new(token),
                key_id,
            }),
            _ => Err(invalid("descope's answer has no session token")),
        }
    }
}

impl fmt::Debug for RawExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawExchange").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_says_only_what_is_asked_for() {
        let tenant = TenantId::new("T1").unwrap();
        let mut claims = Map::new();
        claims.insert("k".to_owned(), json!([1]));
        for (selected_tenant, custom_claims, expected) in [
            (None, None, json!({})),
            (
                Some(&tenant),
                None,
                json!({"loginOptions": {"selectedTenant": "T1"}}),
            ),
            (
                Some(&tenant),
                Some(&claims),
                json!({"loginOptions": {"selectedTenant": "T1", "customClaims": {"k": [1]}}}),
            ),
        ] {
            let body = ExchangeBody {
                selected_tenant,
                custom_claims,
            };
            let written: Value = serde_json::from_slice(&body.to_json().unwrap()).unwrap();
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn an_answer_without_a_session_is_none() {
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "<html>",
            r#"{"sessionJwt":""}"#,
            r#"{"sessionJwt":7}"#,
            r#""secret""#,
        ] {
            let error = RawExchange::read(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UpstreamInvalid, "{body}");
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
        let answer = RawExchange::read(br#"{"keyId":null,"sessionJwt":"a.b.c"}"#).unwrap();
        assert_eq!(answer.session_token.expose(), "a.b.c");
        assert!(!format!("{answer:?}").contains("a.b.c"));
    }
}
