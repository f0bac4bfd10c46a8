//! The start of a sign-in at an identity provider.

use serde_json::json;
use url::Url;

use super::service::{Answer, Service, bad_request};
use crate::test_util::{
    attempts::{Attempt, Provider},
    canned::Canned,
};

/// The made-up code of a redirect URL on a domain that is not approved.
pub(in crate::test_util) const REDIRECT_NOT_APPROVED: &str = "E991001";

/// The made-up code of single sign-on for a tenant that is not there.
pub(in crate::test_util) const UNKNOWN_TENANT: &str = "E991002";

impl Service<'_> {
    pub(super) fn authorize_oauth(&mut self) -> Answer {
        self.asked_with_options()?;
        let provider = self.needed("provider")?;
        if !is_provider(&provider) {
            return Err(invalid("`provider` is no name of a provider"));
        }
        self.start(Provider::OAuth(provider))
    }

    pub(super) fn authorize_sso(&mut self) -> Answer {
        self.asked_with_options()?;
        let asked = self.needed("tenant")?;
        let tenant = self.sso_tenant(&asked)?;
        self.start(Provider::Sso(tenant))
    }

    /// The tenant whose single sign-on is asked for.
    pub(super) fn sso_tenant(&self, asked: &str) -> Result<String, Canned> {
        self.state.directory.tenant_of(asked).ok_or_else(|| {
            Canned::error(
                400,
                UNKNOWN_TENANT,
                "`tenant` is neither the id of a tenant nor the e-mail address of a user who has one",
            )
        })
    }

    fn start(&mut self, provider: Provider) -> Answer {
        let asked = self.needed("redirectURL")?;
        let url = self.attempt(Attempt {
            provider,
            redirect_url: self.approved(&asked, "redirectURL")?,
            flow: None,
            hint: self.request.parameter("loginHint"),
            asks: self.request.parameter("forceAuthn").is_some(),
        });
        Ok(Canned::json(200, &json!({ "url": url })))
    }

    /// The address of the page on which somebody signs in.
    pub(super) fn attempt(&mut self, attempt: Attempt) -> String {
        let page = format!("{}/idp/{}", self.state.url, attempt.provider.path());
        let attempt = self.state.attempts.start(attempt);
        // The attempt alone: what was checked here must not come from the browser again.
        format!("{page}?attempt={attempt}")
    }

    /// Who asks, and that the options are an object; the fake knows none of them.
    fn asked_with_options(&self) -> Result<(), Canned> {
        self.bearer()?;
        let body = self.request.object();
        body.map(|_| ())
            .ok_or_else(|| bad_request("the body is no JSON object"))
    }

    fn needed(&self, parameter: &str) -> Result<String, Canned> {
        let value = self.request.parameter(parameter);
        value.ok_or_else(|| Canned::error(400, "E011002", &format!("no `{parameter}`")))
    }

    /// An address to which browsers may be sent; `name` is what the caller calls it.
    pub(super) fn approved(&self, asked: &str, name: &str) -> Result<Url, Canned> {
        let (scheme, _) = asked.split_once("://").unwrap_or_default();
        let is_http = ["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
        let url = Url::parse(asked).ok().filter(|_| is_http);
        let url = url.ok_or_else(|| {
            let must = "must be absolute, with http or https and a host name";
            invalid(&format!("`{name}` {must}"))
        })?;
        let approved = &self.settings.approved_domains;
        let host = url.host_str().unwrap_or_default();
        if !approved.is_empty() && !approved.iter().any(|one| one.eq_ignore_ascii_case(host)) {
            return Err(Canned::error(
                400,
                REDIRECT_NOT_APPROVED,
                &format!("the host of `{name}` is none of the approved domains"),
            ));
        }
        Ok(url)
    }
}

/// Returns `true` for the name of an OAuth provider, whether it is Descope's or the project's own.
/// It is a segment of a path, and `sso` is that of single sign-on.
pub(in crate::test_util) fn is_provider(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.len() <= 64 && name != "sso" && name.bytes().all(fits)
}

/// The answer to an argument of the wrong form.
fn invalid(description: &str) -> Canned {
    Canned::error(400, "E011003", description)
}
