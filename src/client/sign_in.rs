//! The calls for somebody who has no session yet.
//!
//! None of them is repeated after a 503: a code works once, and a message would come twice.

use serde::{Deserialize, Serialize};

use super::{
    answer::RawAnswer,
    call::DescopeClient,
    credential,
    endpoint::{
        EXCHANGE_OAUTH, EXCHANGE_SSO, Endpoint, SEND_CODE_BY_EMAIL, SEND_CODE_BY_SMS, START_OAUTH,
        START_SSO, VERIFY_CODE_BY_EMAIL, VERIFY_CODE_BY_SMS,
    },
    reply::Reply,
};
use crate::{
    error::{Error, ErrorKind},
    origin,
};

/// The longest URL of an identity provider that is passed on, in bytes.
const MAX_URL: usize = 8 * 1024;

/// Where a code comes from that is exchanged for a session; see
/// [`Descope::exchange_code`](crate::Descope::exchange_code).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exchange {
    /// A tenant's single sign-on, SAML and `OpenID` Connect alike (`POST /v1/auth/saml/exchange`).
    Sso,
    /// A social or other OAuth provider of the project's (`POST /v1/auth/oauth/exchange`).
    OAuth,
}

/// How a one-time code gets to its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeChannel {
    Email,
    Sms,
}

/// Where a sign-in by redirect goes to.
#[derive(Clone, Copy)]
pub(crate) enum AuthorizeQuery<'a> {
    /// A tenant's id, or an e-mail address that leads to one.
    Sso {
        tenant: &'a str,
    },
    OAuth {
        provider: &'a str,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeBody<'a> {
    login_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
}

#[derive(Serialize)]
struct ExchangeBody<'a> {
    code: &'a str,
}

#[derive(Serialize)]
struct NoOptions {}

#[derive(Deserialize)]
struct AuthorizeAnswer {
    url: String,
}

/// Each call fails as [`DescopeClient::send`] does, and with [`ErrorKind::UpstreamInvalid`] for an
/// answer of another shape.
impl DescopeClient {
    /// Sends a one-time code, to somebody new or known.
    pub(crate) async fn send_code(&self, channel: CodeChannel, login: &str) -> Result<(), Error> {
        let endpoint = match channel {
            CodeChannel::Email => SEND_CODE_BY_EMAIL,
            CodeChannel::Sms => SEND_CODE_BY_SMS,
        };
        let body = CodeBody {
            login_id: login,
            code: None,
        };
        self.sign_in(endpoint, &[], &body).await?;
        Ok(())
    }

    /// Exchanges a one-time code for a session.
    pub(crate) async fn verify_code(
        &self,
        channel: CodeChannel,
        login: &str,
        code: &str,
    ) -> Result<RawAnswer, Error> {
        let endpoint = match channel {
            CodeChannel::Email => VERIFY_CODE_BY_EMAIL,
            CodeChannel::Sms => VERIFY_CODE_BY_SMS,
        };
        let body = CodeBody {
            login_id: login,
            code: Some(code),
        };
        let reply = self.sign_in(endpoint, &[], &body).await?;
        self.session(&reply)
    }

    /// Exchanges the code of a redirect for a session.
    pub(crate) async fn exchange_code(&self, by: Exchange, code: &str) -> Result<RawAnswer, Error> {
        let endpoint = match by {
            Exchange::Sso => EXCHANGE_SSO,
            Exchange::OAuth => EXCHANGE_OAUTH,
        };
        let reply = self.sign_in(endpoint, &[], &ExchangeBody { code }).await?;
        self.session(&reply)
    }

    /// Asks for the URL at which an identity provider signs somebody in, to send them back to
    /// `redirect_url` with a code. It is an `https` URL, or at loopback, where Descope itself is.
    pub(crate) async fn authorize(
        &self,
        to: AuthorizeQuery<'_>,
        redirect_url: &str,
    ) -> Result<String, Error> {
        let (endpoint, wanted) = match to {
            AuthorizeQuery::Sso { tenant } => (START_SSO, ("tenant", tenant)),
            AuthorizeQuery::OAuth { provider } => (START_OAUTH, ("provider", provider)),
        };
        let query = [wanted, ("redirectURL", redirect_url)];
        let reply = self.sign_in(endpoint, &query, &NoOptions {}).await?;
        let answer: AuthorizeAnswer = serde_json::from_slice(reply.body()?)
            .map_err(|_| invalid("descope's answer names no url to go to"))?;
        self.checked_url(answer.url)
    }

    /// Refuses what a browser must not be sent to: another scheme runs scripts or leaves the network.
    fn checked_url(&self, text: String) -> Result<String, Error> {
        let refuse = || invalid("descope's answer has a url that no browser is sent to");
        if text.len() > MAX_URL || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse());
        }
        let url = reqwest::Url::parse(&text).map_err(|_| refuse())?;
        let is_loopback = || {
            let base = self.base();
            url.scheme() == "http"
                && base.scheme() == "http"
                && url.host_str().is_some_and(origin::is_loopback)
                && base.host_str().is_some_and(origin::is_loopback)
        };
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        if has_host && (url.scheme() == "https" || is_loopback()) {
            Ok(text)
        } else {
            Err(refuse())
        }
    }

    async fn sign_in(
        &self,
        endpoint: Endpoint,
        query: &[(&str, &str)],
        body: &impl Serialize,
    ) -> Result<Reply, Error> {
        let settings = &self.inner.settings;
        let headers = || credential::sign_in_headers(settings);
        let body = serde_json::to_vec(body).map_err(|error| {
            Error::config("the body of a sign-in cannot be written").with_source(error)
        })?;
        self.send(endpoint, query, headers, body.into(), false)
            .await
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::UpstreamInvalid, message)
}
