//! The settings of forward-auth, and their check.

use std::fmt;

use http::HeaderName;

use super::{
    fields::{self, NUMBERED_COOKIES},
    secret::ProxySecrets,
    sign_in::{SignInPage, SignInSettings},
};
use crate::{
    auth::TenantLayer, descope::Descope, error::Error, limiter::OnceAMinute, renewal::Renewal,
};

/// The query parameter in which the sign-in page is told where to go on.
const RETURN_PARAMETER: &str = "return_to";

/// Builds a [`ForwardAuth`](super::ForwardAuth).
#[derive(Clone)]
#[must_use = "a builder does nothing until `build()`"]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each named after its setter"
)]
pub struct ForwardAuthBuilder {
    descope: Descope,
    renewal: Option<Renewal>,
    secrets: Vec<String>,
    without_secret: bool,
    optional: bool,
    require_tenant: bool,
    pass_preflight: bool,
    sign_in: SignInSettings,
    redirects: bool,
    permissions: bool,
    session_header: Option<String>,
    numbered_cookies: NumberedCookies,
}

/// The form in which [`ForwardAuth`](super::ForwardAuth) hands the cookies of a renewed session to the
/// proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumberedCookies {
    /// As `Set-Cookie`, and on a 200, which no proxy hands to a browser, each line in a field of its own
    /// too, `X-Auth-Set-Cookie-1` to `-8`. A refusal has `Set-Cookie` alone.
    #[default]
    Both,
    /// In fields of their own alone, those of refusals too: for nginx, which would keep one `Set-Cookie` of
    /// several, or join them, and hands no field of a refusal on by itself.
    ///
    /// **For no other proxy.** One that passes a refusal on whole would show a page's scripts the tokens,
    /// which `HttpOnly` keeps from them, and the browser would keep no cookie.
    Only,
    /// As `Set-Cookie` alone, for proxies that pass on all of them.
    Off,
}

/// The settings, checked.
#[derive(Debug)]
pub(super) struct ForwardSettings {
    pub(super) descope: Descope,
    pub(super) secrets: ProxySecrets,
    pub(super) sign_in: Option<SignInPage>,
    pub(super) redirects: bool,
    pub(super) permissions: bool,
    pub(super) session_header: Option<HeaderName>,
    pub(super) numbered_cookies: NumberedCookies,
    pub(super) notices: Notices,
}

/// Lines of the log, each at most once a minute.
#[derive(Debug, Default)]
pub(super) struct Notices {
    pub(super) proxy: OnceAMinute,
    pub(super) forwarded: OnceAMinute,
}

impl ForwardAuthBuilder {
    pub(super) fn new(descope: Descope) -> Self {
        Self {
            descope,
            renewal: None,
            secrets: Vec::new(),
            without_secret: false,
            optional: false,
            require_tenant: false,
            pass_preflight: false,
            sign_in: SignInSettings {
                url: None,
                hosts: Vec::new(),
                parameter: RETURN_PARAMETER.to_owned(),
            },
            redirects: false,
            permissions: false,
            session_header: None,
            numbered_cookies: NumberedCookies::default(),
        }
    }

    /// Renews sessions, as [`TenantLayer::renew`] does. Default: an expired session is answered 401.
    ///
    /// The proxy has to pass the new cookies on: each of its configurations says how.
    pub fn renew(mut self, renewal: Renewal) -> Self {
        self.renewal = Some(renewal);
        self
    }

    /// Sets the secret that the proxy sends in `X-Auth-Proxy`, of 16 bytes of visible ASCII or more. A
    /// request without it, with another one, or with two, is answered 403, and the answer says nothing.
    /// Called more than once, each secret counts, so that one can be changed without an interruption.
    ///
    /// Whoever reaches this service past the proxy can name any host and any method. The secret makes that
    /// the proxy's alone, so one is needed unless [`without_proxy_secret`](Self::without_proxy_secret)
    /// is called.
    pub fn proxy_secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Believes everybody who can reach this service, in place of [`proxy_secret`](Self::proxy_secret):
    /// only where nobody but the proxy can, by a loopback address or a network of its own.
    pub fn without_proxy_secret(mut self) -> Self {
        self.without_secret = true;
        self
    }

    /// Lets requests without a session pass, with `-` in every field: for public pages that show who is
    /// signed in. A credential that is wrong, not missing or expired, is refused all the same, as by
    /// `Option<Session>` in a handler.
    ///
    /// **Every page behind it has to look at the fields.** Give it to a service of its own, which the
    /// proxy asks about public pages alone.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Refuses sessions without an active tenant, with 403 `no_active_tenant` or `tenant_mismatch`, as
    /// [`TenantLayer::require_tenant`] does. Default: they pass, and `X-Tenant-Id` is `-`.
    pub fn require_tenant(mut self) -> Self {
        self.require_tenant = true;
        self
    }

    /// Lets CORS preflights pass, with `-` in every field, as [`TenantLayer::pass_cors_preflight`] does: for
    /// an application that answers them itself, where pages of other origins
    /// ([`DescopeBuilder::origins`](crate::DescopeBuilder::origins)) call it. Default: 401, since a browser
    /// sends no credential with one, and such a page can call only what the proxy answers preflights for.
    pub fn pass_cors_preflight(mut self) -> Self {
        self.pass_preflight = true;
        self
    }

    /// Sets the page that whoever has no session is sent to: `X-Auth-Location` of a 401, which the proxy
    /// can redirect to, is its URL, with the URL to go on at as a query parameter
    /// ([`return_parameter`](Self::return_parameter)). Default: none.
    ///
    /// * A path (`/auth/sso`) is a page of the host at which the browser is, and is told a path of that
    ///   host, as [`ReturnPaths`](crate::ReturnPaths) take it.
    /// * A URL (`https://id.example.com/sign-in`) is told the whole URL, if the request's host is one of
    ///   [`return_hosts`](Self::return_hosts). For another host there is no `X-Auth-Location`.
    ///
    /// For other methods than GET and HEAD, and for URLs of more than 2,048 bytes, the parameter is
    /// left out. The page has to check what it is told all the same: anybody can make a link to it.
    pub fn sign_in(mut self, url: impl Into<String>) -> Self {
        self.sign_in.url = Some(url.into());
        self
    }

    /// Sets the hosts that a browser may be sent back to after its sign-in, each as `name` or
    /// `name:port`, without wildcards. Default: that of the sign-in page's own URL; where that is a path,
    /// every host that the proxy serves.
    pub fn return_hosts<I>(mut self, hosts: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.sign_in.hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the name of the sign-in page's query parameter that says where to go on. Default `return_to`.
    pub fn return_parameter(mut self, name: impl Into<String>) -> Self {
        self.sign_in.parameter = name.into();
        self
    }

    /// Sets whether a browser that opens a page without a session is redirected to the sign-in page (302)
    /// in place of a 401. Default `false`. For proxies that pass on such an answer: Caddy, Envoy, HAProxy,
    /// Traefik; nginx makes a 500 of it, and redirects by `X-Auth-Location` itself.
    pub fn redirects(mut self, redirects: bool) -> Self {
        self.redirects = redirects;
        self
    }

    /// Sets whether answers have `X-Tenant-Permissions`, the user's permissions in the active tenant.
    /// Default `false`: they may be many, and proxies bound the length of fields.
    pub fn permissions(mut self, permissions: bool) -> Self {
        self.permissions = permissions;
        self
    }

    /// Names a field, such as `X-Auth-Session`, in which the application gets the session token that is in
    /// force, new after a renewal: for applications that verify it themselves. Of a machine it is that of
    /// the session that its access key was exchanged for. Default: none.
    pub fn session_header(mut self, name: impl Into<String>) -> Self {
        self.session_header = Some(name.into());
        self
    }

    /// Sets how the cookies of a renewed session are handed to the proxy. [`NumberedCookies::Both`] by
    /// default; nginx needs [`NumberedCookies::Only`], or the cookies of a refusal are lost on their way.
    pub fn numbered_cookies(mut self, numbered: NumberedCookies) -> Self {
        self.numbered_cookies = numbered;
        self
    }

    /// The settings and the layer, checked.
    ///
    /// # Errors
    ///
    /// The first setting that is wrong.
    pub(super) fn checked(self) -> Result<(ForwardSettings, TenantLayer), Error> {
        match (self.secrets.is_empty(), self.without_secret) {
            (true, false) => {
                return Err(Error::config(
                    "a ForwardAuth without proxy_secret(..) believes whoever reaches it: set one, and have \
                     the proxy send it in X-Auth-Proxy; or, where nobody else can reach it, call \
                     without_proxy_secret()",
                ));
            }
            (false, true) => {
                return Err(Error::config(
                    "proxy_secret(..) and without_proxy_secret() contradict each other: call one of them",
                ));
            }
            _ => {}
        }
        let sign_in = self.sign_in.checked()?;
        if self.redirects && sign_in.is_none() {
            return Err(Error::config(
                "redirects(true) needs the page to redirect to: set sign_in(..)",
            ));
        }
        let most = self.descope.cookies().most_lines();
        if self.numbered_cookies != NumberedCookies::Off && most > NUMBERED_COOKIES.len() {
            return Err(Error::config(format!(
                "the settings of the cookies can make {most} Set-Cookie lines, and a proxy is handed {} at \
                 most: leave out former scopes and fallback names that no browser has any more, or call \
                 numbered_cookies(NumberedCookies::Off) if the proxy passes on every Set-Cookie",
                NUMBERED_COOKIES.len()
            )));
        }
        let session_header = self.session_header.as_deref();
        let settings = ForwardSettings {
            secrets: ProxySecrets::new(&self.secrets)?,
            sign_in,
            redirects: self.redirects,
            permissions: self.permissions,
            session_header: session_header.map(field_name).transpose()?,
            numbered_cookies: self.numbered_cookies,
            notices: Notices::default(),
            descope: self.descope.clone(),
        };
        // Only here is it known that each application behind the proxy is guarded.
        let mut layer = TenantLayer::new(self.descope).cookies_same_origin_only();
        if let Some(renewal) = self.renewal {
            layer = layer.renew(renewal);
        }
        if self.optional {
            layer = layer.optional();
        }
        if self.require_tenant {
            layer = layer.require_tenant();
        }
        if self.pass_preflight {
            layer = layer.pass_cors_preflight();
        }
        Ok((settings, layer))
    }
}

impl fmt::Debug for ForwardAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardAuthBuilder")
            .field("descope", &self.descope)
            .finish_non_exhaustive()
    }
}

fn field_name(text: &str) -> Result<HeaderName, Error> {
    let name = HeaderName::try_from(text).ok();
    name.filter(|name| !fields::is_taken(name)).ok_or_else(|| {
        Error::config(format!(
            "session_header({text:?}) is no name for a field of the application's: choose one such as \
             \"X-Auth-Session\" that has no meaning yet"
        ))
    })
}
