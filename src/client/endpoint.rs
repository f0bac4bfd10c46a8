//! Descope's endpoints, and where they are below a base URL.

use http::Method;
use reqwest::Url;

use crate::error::Error;

pub(super) const SELECT_TENANT: Endpoint = rotating("select_tenant", "v1/auth/tenant/select");
pub(super) const REFRESH: Endpoint = rotating("refresh", "v1/auth/refresh");
pub(super) const LOGOUT: Endpoint = posted("logout", "v1/auth/logout");
pub(super) const LOGOUT_ALL: Endpoint = posted("logout_all", "v1/auth/logoutall");
pub(super) const ME: Endpoint = fetched("me", "v1/auth/me");
pub(super) const MY_TENANTS: Endpoint = posted("my_tenants", "v1/auth/me/tenants");
pub(super) const HISTORY: Endpoint = fetched("history", "v1/auth/me/history");
pub(super) const EXCHANGE: Endpoint = posted("access_key_exchange", "v1/auth/accesskey/exchange");

pub(super) const SEND_CODE_BY_EMAIL: Endpoint =
    signing_in("send_code", "v1/auth/otp/signup-in/email");
pub(super) const SEND_CODE_BY_SMS: Endpoint = signing_in("send_code", "v1/auth/otp/signup-in/sms");
pub(super) const VERIFY_CODE_BY_EMAIL: Endpoint =
    signing_in("verify_code", "v1/auth/otp/verify/email");
pub(super) const VERIFY_CODE_BY_SMS: Endpoint = signing_in("verify_code", "v1/auth/otp/verify/sms");
pub(super) const START_SSO: Endpoint = signing_in("start_sso", "v1/auth/saml/authorize");
pub(super) const EXCHANGE_SSO: Endpoint = signing_in("exchange_sso", "v1/auth/saml/exchange");
pub(super) const START_OAUTH: Endpoint = signing_in("start_oauth", "v1/auth/oauth/authorize");
pub(super) const EXCHANGE_OAUTH: Endpoint = signing_in("exchange_oauth", "v1/auth/oauth/exchange");

pub(super) const FLOW_START: Endpoint = signing_in("flow_start", "v1/flow/start");
pub(super) const FLOW_NEXT: Endpoint = signing_in("flow_next", "v1/flow/next");

const ALL: [Endpoint; 18] = [
    REFRESH,
    SELECT_TENANT,
    LOGOUT,
    LOGOUT_ALL,
    ME,
    MY_TENANTS,
    HISTORY,
    EXCHANGE,
    SEND_CODE_BY_EMAIL,
    SEND_CODE_BY_SMS,
    VERIFY_CODE_BY_EMAIL,
    VERIFY_CODE_BY_SMS,
    START_SSO,
    EXCHANGE_SSO,
    START_OAUTH,
    EXCHANGE_OAUTH,
    FLOW_START,
    FLOW_NEXT,
];

/// One of Descope's endpoints, below the base URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) method: &'static Method,
    path: &'static str,
    /// The name in logs and metrics.
    pub(super) name: &'static str,
    /// True if Descope rotates the refresh token of such a call, where the project rotates at all:
    /// a token that was rotated out must not be sent again.
    pub(super) rotates: bool,
    /// True for a call that takes no session, so that anybody can cause it: it leaves the connections
    /// alone that sign-outs and access keys have for themselves.
    pub(super) signs_in: bool,
}

/// The URLs of all endpoints, made once.
#[derive(Debug)]
pub(super) struct EndpointUrls {
    base: Url,
    urls: Vec<(&'static str, Url)>,
}

impl EndpointUrls {
    /// The URLs below `base`, whose path ends in `/`.
    pub(super) fn new(base: Url) -> Self {
        let below = |endpoint: Endpoint| Some((endpoint.path, base.join(endpoint.path).ok()?));
        let urls = ALL.into_iter().filter_map(below).collect();
        Self { base, urls }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// The URL of an endpoint.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for a base URL that no path can
    /// follow.
    pub(super) fn of(&self, endpoint: Endpoint) -> Result<&Url, Error> {
        let known = self.urls.iter().find(|(path, _)| *path == endpoint.path);
        let why = "base_url cannot be continued with a path";
        known.map(|(_, url)| url).ok_or_else(|| Error::config(why))
    }
}

const fn rotating(name: &'static str, path: &'static str) -> Endpoint {
    Endpoint {
        rotates: true,
        ..posted(name, path)
    }
}

const fn posted(name: &'static str, path: &'static str) -> Endpoint {
    Endpoint {
        method: &Method::POST,
        path,
        name,
        rotates: false,
        signs_in: false,
    }
}

const fn signing_in(name: &'static str, path: &'static str) -> Endpoint {
    Endpoint {
        signs_in: true,
        ..posted(name, path)
    }
}

const fn fetched(name: &'static str, path: &'static str) -> Endpoint {
    Endpoint {
        method: &Method::GET,
        ..posted(name, path)
    }
}
