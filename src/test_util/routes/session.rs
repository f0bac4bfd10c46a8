//! Refresh, tenant selection, logout, validation.

use serde_json::{Value, json};

use super::service::{Answer, NOT_A_MEMBER, Service, bad_request, invalid_token, issue};
use crate::test_util::{canned::Canned, claims::rfc3339, settings::TokenKind};

/// The made-up code of a selection by an anonymous user.
pub(in crate::test_util) const ANONYMOUS_REFUSED: &str = "E991004";

impl Service<'_> {
    pub(super) fn refresh(&mut self) -> Answer {
        self.request
            .object()
            .ok_or_else(|| bad_request("the body is no JSON object"))?;
        // The edge refuses a refresh without a token before the service sees it.
        let token = self.presented_refresh()?;
        let token = token.ok_or_else(|| bad_request("no refresh token"))?;
        let (index, claims) = self.family_of(token)?;
        if self.settings.rotation || self.settings.select_returns_refresh {
            let active = claims.get("dct").and_then(Value::as_str);
            self.state.families.select(index, active.map(Into::into));
        }
        let issued = issue(self.settings, self.state, index, self.settings.rotation);
        Ok(self.jwt_response(index, issued, false))
    }

    /// Never fails for want of a session.
    pub(super) fn try_refresh(&mut self) -> Canned {
        self.refresh()
            .unwrap_or_else(|_| Canned::json(200, &json!({})))
    }

    pub(super) fn select(&mut self) -> Answer {
        let index = self.family()?;
        let body = self.request.object();
        let body = body.ok_or_else(|| bad_request("the body is no JSON object"))?;
        let tenant = body.get("tenant").and_then(Value::as_str).unwrap_or("");
        if tenant.is_empty() {
            return Err(Canned::error(400, "E011002", "no tenant"));
        }
        let user = self.state.families.get(index).user(&self.state.directory);
        if user.grants.anonymous && !self.settings.anonymous_may_select {
            return Err(Canned::error(
                403,
                ANONYMOUS_REFUSED,
                "an anonymous user selects no tenant",
            ));
        }
        if !user.grants.tenants.contains_key(tenant) {
            return Err(Canned::error(
                403,
                NOT_A_MEMBER,
                "not a member of the tenant",
            ));
        }
        self.state.families.select(index, Some(tenant.into()));
        let with_refresh = self.settings.rotation || self.settings.select_returns_refresh;
        let issued = issue(self.settings, self.state, index, with_refresh);
        Ok(self.jwt_response(index, issued, false))
    }

    pub(super) fn logout(&mut self, everywhere: bool) -> Answer {
        self.request
            .object()
            .ok_or_else(|| bad_request("the body is no JSON object"))?;
        let index = self.family()?;
        if everywhere {
            self.state.families.log_out_all(index);
        } else {
            self.state.families.log_out(index);
        }
        Ok(self.logged_out())
    }

    /// The claims at the root, the dates as text.
    pub(super) fn validate(&mut self) -> Answer {
        let bearer = self.bearer()?;
        let cookie = self
            .request
            .cookie(self.settings.cookie_name(TokenKind::Session));
        let token = bearer
            .or(cookie)
            .ok_or_else(|| invalid_token("no session token"))?;
        let mut claims = self.read(token, TokenKind::Session)?;
        for name in ["exp", "iat"] {
            if let Some(date) = claims.get(name).and_then(Value::as_i64) {
                claims.insert(name.into(), rfc3339(date).into());
            }
        }
        Ok(Canned::json(200, &Value::Object(claims)))
    }
}
