//! Access keys: a secret for a session token, without a refresh token.

use serde_json::{Map, Value, json};

use super::service::{Answer, NOT_A_MEMBER, Service, bad_request};
use crate::test_util::{canned::Canned, claims::Claims, settings::TokenKind};

impl Service<'_> {
    pub(super) fn exchange(&mut self) -> Answer {
        let secret = self.bearer()?;
        let secret = secret.ok_or_else(|| Canned::error(401, "E062802", "no access key"))?;
        let key = self.state.directory.access_key(secret).cloned();
        let key = key.ok_or_else(|| Canned::error(401, "E062803", "unknown access key"))?;
        let body = self.request.object();
        let body = body.ok_or_else(|| bad_request("the body is no JSON object"))?;
        let options = match body.get("loginOptions") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(options)) => options.clone(),
            Some(_) => return Err(bad_request("`loginOptions` is no object")),
        };

        let now = self.settings.now();
        let jti = self.state.next_jti();
        let mut claims = Claims::new(
            self.settings,
            TokenKind::Session,
            &key.id,
            &key.grants,
            jti,
            now,
        );
        claims.amr.clear();
        claims.refresh_expires = None;
        let tenant = match options.get("selectedTenant") {
            None | Some(Value::Null) => "",
            Some(Value::String(tenant)) => tenant,
            Some(_) => return Err(bad_request("`selectedTenant` is no text")),
        };
        if !tenant.is_empty() {
            if !key.grants.tenants.contains_key(tenant) {
                return Err(Canned::error(
                    403,
                    NOT_A_MEMBER,
                    "the key has no such tenant",
                ));
            }
            claims.active = Some(tenant.into());
        }
        match options.get("customClaims") {
            None | Some(Value::Null) => {}
            Some(Value::Object(custom)) if custom.is_empty() => {}
            Some(custom @ Value::Object(_)) => {
                claims.grants.claims.insert("nsec".into(), custom.clone());
            }
            Some(_) => return Err(bad_request("`customClaims` is no object")),
        }
        let mut session = claims.json();
        if !self.settings.drn_in_access_key_sessions {
            session.remove("drn");
        }
        Ok(Canned::json(
            200,
            &json!({
                "keyId": key.id,
                "sessionJwt": self.state.ring.issue(&session),
                "expiration": claims.expires,
            }),
        ))
    }
}
