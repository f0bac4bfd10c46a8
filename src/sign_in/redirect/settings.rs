use std::{fmt, net::IpAddr, sync::Arc};

use http::request::Parts;
use url::Url;

use crate::{descope::Descope, error::Error, origin, return_paths::ReturnPaths, sign_in::SignedIn};

/// The longest name of a provider.
const MAX_PROVIDER: usize = 64;

/// Builds a [`RedirectSignIn`](super::RedirectSignIn).
#[must_use = "a builder does nothing until `build()`"]
pub struct RedirectSignInBuilder {
    descope: Descope,
    public_url: String,
    sso: bool,
    providers: Vec<String>,
    paths: Option<ReturnPaths>,
    failure_page: Option<String>,
    select_tenant: bool,
    allow_anonymous: bool,
    client_address: Option<ClientAddress>,
    on_signed_in: Option<OnSignedIn>,
}

/// Is told of each sign-in.
pub(super) type OnSignedIn = Arc<dyn Fn(&SignedIn) + Send + Sync>;

/// Tells the address of whoever sent a request.
pub(super) type ClientAddress = Arc<dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync>;

/// The settings, checked.
pub(super) struct RedirectSettings {
    /// Where browsers see the mount point, without a slash at its end.
    pub(super) public_url: String,
    pub(super) sso: bool,
    pub(super) providers: Vec<String>,
    pub(super) paths: ReturnPaths,
    pub(super) failure_page: Option<ReturnPaths>,
    pub(super) select_tenant: bool,
    pub(super) allow_anonymous: bool,
    pub(super) client_address: Option<ClientAddress>,
    pub(super) on_signed_in: Option<OnSignedIn>,
}

impl RedirectSignInBuilder {
    pub(super) fn new(descope: Descope, public_url: String) -> Self {
        Self {
            descope,
            public_url,
            sso: false,
            providers: Vec::new(),
            paths: None,
            failure_page: None,
            select_tenant: true,
            allow_anonymous: false,
            client_address: None,
            on_signed_in: None,
        }
    }

    /// Opens `/sso`, for the single sign-on of tenants.
    pub fn sso(mut self) -> Self {
        self.sso = true;
        self
    }

    /// Opens `/oauth/{provider}` for these providers, by the names that the project gives them. Others are
    /// not found.
    pub fn oauth<I>(mut self, providers: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.providers.extend(providers.into_iter().map(Into::into));
        self
    }

    /// Sets where a browser is led to that is signed in, and what it may ask for. Default: `/`, whatever
    /// it asks for.
    pub fn return_paths(mut self, paths: ReturnPaths) -> Self {
        self.paths = Some(paths);
        self
    }

    /// Sets the page of this site that a browser is led to that was not signed in; its query then has
    /// the code in `sign_in_error`. Default: none, and a small page is shown.
    pub fn failure_page(mut self, page: impl Into<String>) -> Self {
        self.failure_page = Some(page.into());
        self
    }

    /// Sets whether the tenant that a start named is selected where Descope has selected another one, or
    /// none. Default `true`: who opens a tenant's link wants that tenant. Where it fails, the session
    /// goes on without.
    pub fn select_tenant(mut self, select: bool) -> Self {
        self.select_tenant = select;
        self
    }

    /// As [`Adopt::allow_anonymous`](crate::sign_in::Adopt::allow_anonymous).
    pub fn allow_anonymous(mut self, allow: bool) -> Self {
        self.allow_anonymous = allow;
        self
    }

    /// Tells who asks, so that each address has a budget of its own (20 calls a minute; of IPv6 each
    /// /64). Default: nobody is told apart. Behind a proxy that is not the peer's address: take it from
    /// where your proxy puts it, and from nowhere else.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    /// use tower_descope::{Descope, RedirectSignIn, sign_in::redirect::RedirectSignInBuilder};
    ///
    /// fn by_peer(sign_in: RedirectSignInBuilder) -> RedirectSignInBuilder {
    ///     sign_in.client_address(|request| {
    ///         let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    ///         peer.map(|ConnectInfo(address)| address.ip())
    ///     })
    /// }
    /// # let _ = by_peer;
    /// ```
    pub fn client_address(
        mut self,
        address: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.client_address = Some(Arc::new(address));
        self
    }

    /// Is told of each sign-in, once, before its response is made: to note a name, or to take a visitor's
    /// cart along ([`SignedIn::replaced`]). It must not block.
    pub fn on_signed_in(mut self, tell: impl Fn(&SignedIn) + Send + Sync + 'static) -> Self {
        self.on_signed_in = Some(Arc::new(tell));
        self
    }

    /// The settings, checked.
    ///
    /// # Errors
    ///
    /// The first setting that is wrong.
    pub(super) fn checked(self) -> Result<(Descope, RedirectSettings), Error> {
        if !self.sso && self.providers.is_empty() {
            return Err(Error::config(
                "a RedirectSignIn without sso() and without oauth([..]) signs nobody in: call one of them",
            ));
        }
        for provider in &self.providers {
            check_provider(provider)?;
        }
        let settings = RedirectSettings {
            public_url: checked_url(&self.public_url)?,
            sso: self.sso,
            providers: self.providers,
            paths: self.paths.map_or_else(|| ReturnPaths::new("/"), Ok)?,
            failure_page: self.failure_page.map(ReturnPaths::new).transpose()?,
            select_tenant: self.select_tenant,
            allow_anonymous: self.allow_anonymous,
            client_address: self.client_address,
            on_signed_in: self.on_signed_in,
        };
        Ok((self.descope, settings))
    }
}

impl fmt::Debug for RedirectSignInBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedirectSignInBuilder")
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

/// The name of a provider is a segment of a path, and a member of a query.
fn check_provider(name: &str) -> Result<(), Error> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let has_letters = name.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if has_letters && name.len() <= MAX_PROVIDER && name.bytes().all(is_legal) {
        return Ok(());
    }
    Err(Error::config(format!(
        "{name:?} is no name of a provider: give it as the Descope console does, with letters, digits, \
         \"-\", \"_\" and \".\""
    )))
}

/// The URL as it goes into redirects.
fn checked_url(text: &str) -> Result<String, Error> {
    let refuse = |remedy: &str| {
        let message = format!("the public url {text:?} is malformed: {remedy}");
        Error::config(message)
    };
    let url = Url::parse(text)
        .map_err(|_| refuse("give the whole URL, for example \"https://app.example.com/auth\""))?;
    if !origin::is_secure(&url) {
        return Err(refuse("it has to be https, or http on loopback"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("leave out query and fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("leave out user and password"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_url_is_where_browsers_come_back_to() {
        for (text, url) in [
            (
                "https://app.example.com/auth",
                "https://app.example.com/auth",
            ),
            (
                "https://app.example.com/auth/",
                "https://app.example.com/auth",
            ),
            ("https://app.example.com", "https://app.example.com"),
            ("http://localhost:3000/auth", "http://localhost:3000/auth"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ] {
            assert_eq!(checked_url(text).unwrap(), url);
        }
        for bad in [
            "",
            "/auth",
            "app.example.com",
            "http://app.example.com",
            "ftp://app.example.com",
            "https://app.example.com/auth?x=1",
            "https://app.example.com/#x",
            "https://ann@app.example.com/",
            "javascript:alert(1)",
        ] {
            assert!(checked_url(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn providers_have_names_that_fit_a_path() {
        for good in ["google", "my-idp_2", "a.b"] {
            check_provider(good).unwrap();
        }
        for bad in ["", ".", "..", "a/b", "a b", "a?b", "é", &"x".repeat(65)] {
            assert!(check_provider(bad).is_err(), "{bad:?}");
        }
    }
}
