//! The end of a sign-in at an identity provider: a code for tokens.

use serde_json::Value;

use super::service::{Answer, Service, bad_request, sign_in};
use crate::test_util::{
    attempts::{Kind, Provider},
    canned::Canned,
};

/// The made-up code of a code of single sign-on that is not good.
pub(in crate::test_util) const SSO_CODE_REFUSED: &str = "E991003";

impl Service<'_> {
    pub(super) fn exchange_oauth(&mut self) -> Answer {
        self.exchange_code(Kind::OAuth)
    }

    pub(super) fn exchange_sso(&mut self) -> Answer {
        self.exchange_code(Kind::Sso)
    }

    fn exchange_code(&mut self, kind: Kind) -> Answer {
        self.bearer()?;
        let body = self.request.object();
        let body = body.ok_or_else(|| bad_request("the body is no JSON object"))?;
        let code = body.get("code").and_then(Value::as_str).unwrap_or("");
        if code.is_empty() {
            return Err(Canned::error(400, "E011002", "no code"));
        }
        let arrival = self.state.attempts.take(code, kind, self.settings.now());
        let arrival = arrival.ok_or_else(|| match kind {
            Kind::OAuth => Canned::error(401, "E061301", "Failed to exchange OAuth code"),
            Kind::Sso => Canned::error(401, SSO_CODE_REFUSED, "Failed to exchange SSO code"),
        })?;
        let (method, tenant) = match &arrival.provider {
            Provider::OAuth(_) => ("oauth", None),
            Provider::Sso(tenant) => {
                let selects = self.settings.sso_selects_tenant;
                ("fed", selects.then_some(tenant.as_str()))
            }
        };
        let user = &arrival.user_id;
        let first_seen = self.state.families.history(user).next().is_none();
        let (index, issued) = sign_in(self.settings, self.state, user, method, tenant);
        Ok(self.jwt_response(index, issued, first_seen))
    }
}
