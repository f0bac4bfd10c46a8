//! The settings of the cookies, and their check.

use std::borrow::Cow;

use super::{
    check::{self, is_host_prefixed, is_prefixed},
    life::CookieLife,
};
use crate::{error::Error, head::RequestHead, origin};

#[cfg(test)]
mod tests;

/// Names and scope of the session and the refresh cookie; see the [module](super) documentation.
///
/// Settings are checked when the `Descope` that uses them is built.
#[derive(Clone, Debug)]
#[must_use]
pub struct SessionCookies {
    pub(super) session: Names,
    pub(super) refresh: Names,
    pub(super) scope: Scope,
    pub(super) same_site: SameSite,
    pub(super) partitioned: bool,
    pub(super) life: CookieLife,
    pub(super) former: Vec<Scope>,
    pub(super) follow_answer: bool,
    insecure_on_loopback: bool,
}

/// The cross-site requests with which browsers send the cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SameSite {
    /// None. A link from another site arrives signed out.
    #[default]
    Strict,
    /// Top-level navigations by GET: links arrive signed in.
    Lax,
    /// All of them.
    None,
}

/// The names of one kind of cookie.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The name that is written, and read first.
    pub(super) primary: String,
    /// The names that are read if the primary one is absent, in order.
    pub(super) fallbacks: Vec<String>,
}

/// The hosts and paths for which a cookie is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The domain; `None` for the host that set the cookie, and no other.
    pub(super) domain: Option<String>,
    pub(super) path: Cow<'static, str>,
}

impl SessionCookies {
    /// Names the cookies `DS` and `DSR`, for this host only (no Domain), Path `/`, `SameSite=Strict`.
    pub fn new() -> Self {
        Self {
            session: Names::new("DS"),
            refresh: Names::new("DSR"),
            scope: Scope::HOST_ROOT,
            same_site: SameSite::Strict,
            partitioned: false,
            life: CookieLife::default(),
            former: Vec::new(),
            follow_answer: false,
            insecure_on_loopback: false,
        }
    }

    /// Names the cookies `__Host-DS` and `__Host-DSR`, which no other host can set. `DS` and `DSR`
    /// are still read where those hold nothing genuine, and never written.
    ///
    /// Other hosts of the site *can* set `DS` and `DSR`, and at a browser that is signed out
    /// nothing else is there. Once no browser has them any more, or where none ever had, call
    /// [`without_fallbacks`](Self::without_fallbacks).
    pub fn host_prefixed() -> Self {
        Self::new()
            .session_name("__Host-DS")
            .session_fallbacks(["DS"])
            .refresh_name("__Host-DSR")
            .refresh_fallbacks(["DSR"])
    }

    /// Sets the name of the session cookie.
    pub fn session_name(mut self, name: impl Into<String>) -> Self {
        self.session.primary = name.into();
        self
    }

    /// Sets the name of the refresh cookie.
    pub fn refresh_name(mut self, name: impl Into<String>) -> Self {
        self.refresh.primary = name.into();
        self
    }

    /// Sets former names of the session cookie, in this order. The first of them makes a pair with the
    /// first of [`refresh_fallbacks`](Self::refresh_fallbacks), and so on: the first pair that holds a
    /// token of this project decides, beginning with the names in use. Fallbacks are never written, but
    /// removed at sign-out.
    pub fn session_fallbacks<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.session.fallbacks = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the same for the refresh cookie; see [`session_fallbacks`](Self::session_fallbacks).
    pub fn refresh_fallbacks<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.refresh.fallbacks = names.into_iter().map(Into::into).collect();
        self
    }

    /// Reads the session and the refresh token under their own names alone. After
    /// [`host_prefixed`](Self::host_prefixed) nothing that another host has set counts then.
    ///
    /// Cookies of former names are not removed at sign-out any more, and not read either.
    pub fn without_fallbacks(mut self) -> Self {
        self.session.fallbacks.clear();
        self.refresh.fallbacks.clear();
        self
    }

    /// Makes the cookies valid for a domain and everything below it, for example `example.com`.
    ///
    /// Every host below the domain then receives them and can set them. Not possible with
    /// `__Host-` names.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.scope.domain = Some(domain.into().to_ascii_lowercase());
        self
    }

    /// Makes the cookies valid below a path only. `/` by default, and always with `__Host-`
    /// names.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.scope.path = Cow::Owned(path.into());
        self
    }

    /// Sets the cross-site requests with which browsers send the cookies. [`SameSite::Strict`] by
    /// default; the [module](super) documentation says what that costs.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Gives each site that frames this one a jar of its own (CHIPS, `Partitioned`), so that browsers
    /// which refuse third-party cookies keep the session of a framed page. Off by default.
    ///
    /// A frame is then signed in within its site alone: a user of two such sites, or of this one's own
    /// pages, signs in to each. Takes [`SameSite::None`] and `Secure`. Cookies of before, which have no
    /// `Partitioned`, are removed as those of a [former scope](Self::former_cookie_scope). With
    /// [`TenantLayer::renew`](crate::TenantLayer::renew) a page that opens in a frame is renewed as one
    /// that opens in the browser's window.
    ///
    /// ```
    /// use tower_descope::cookie::{SameSite, SessionCookies};
    ///
    /// let cookies = SessionCookies::host_prefixed()
    ///     .same_site(SameSite::None)
    ///     .partitioned(true);
    /// # let _ = cookies;
    /// ```
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.partitioned = partitioned;
        self
    }

    /// Names a scope that the cookies once had: cookies left there are removed whenever new ones
    /// are written, and at sign-out. May be called more than once.
    pub fn former_cookie_scope(mut self, domain: Option<&str>, path: impl Into<String>) -> Self {
        self.former.push(Scope {
            domain: domain.map(str::to_ascii_lowercase),
            path: Cow::Owned(path.into()),
        });
        self
    }

    /// Lets Descope's answer choose among the names and scopes configured here: its
    /// `sessionCookieName` and `cookieName` among the primary name and the fallbacks, its
    /// `sessionCookieDomain` and `cookieDomain` among the domain and those of former scopes.
    /// Any other name or domain in an answer is ignored. Off by default.
    ///
    /// For projects whose flows set cookies under names of their own, while other services of the
    /// same site still read them there. Cookies under the names and scopes not chosen are removed.
    pub fn follow_answer(mut self, follow: bool) -> Self {
        self.follow_answer = follow;
        self
    }

    /// Leaves out `Secure` in answers to requests for `localhost`, a name that ends in `.localhost`,
    /// 127.0.0.0/8 or `[::1]`.
    ///
    /// For development over plain http with a browser that does not keep `Secure` cookies on
    /// loopback (Safari; Chromium and Firefox do). It changes nothing for other hosts, and cannot
    /// be combined with [`SameSite::None`] or with `__Host-` and `__Secure-` names, which demand
    /// `Secure`.
    ///
    /// The host is the one that the request names. A reverse proxy that does not pass on the
    /// browser's `Host` (nginx's default) makes every request look like one for loopback: keep
    /// this off in production.
    pub fn danger_insecure_cookies_on_loopback(mut self, insecure: bool) -> Self {
        self.insecure_on_loopback = insecure;
        self
    }

    /// Refuses settings that browsers ignore or that weaken sign-in.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let names: Vec<&str> = self.session_names().chain(self.refresh_names()).collect();
        for (at, name) in names.iter().enumerate() {
            check::name(name)?;
            if names.iter().take(at).any(|earlier| earlier == name) {
                return Err(Error::config(format!(
                    "the cookie name {name:?} is configured twice: session and refresh cookies \
                     and all their fallbacks need different names"
                )));
            }
        }
        if let Some(remembered) = self.remembered_name()
            && names.contains(&&*remembered)
        {
            return Err(Error::config(format!(
                "the cookie name {remembered:?} is taken: with CookieLife::Chosen it says \"stay signed \
                 in\" beside the refresh cookie; rename one of them"
            )));
        }
        if self.partitioned && self.same_site != SameSite::None {
            return Err(Error::config(
                "partitioned(true) is for pages in frames of other sites, where browsers send only \
                 cookies with SameSite=None: add same_site(SameSite::None), or leave it out",
            ));
        }
        for name in [&self.session.primary, &self.refresh.primary] {
            if is_host_prefixed(name) && self.scope != Scope::HOST_ROOT {
                return Err(Error::config(format!(
                    "browsers refuse the cookie {name:?} with a Domain or with a Path other than \
                     \"/\": leave out domain(..) and path(..), or use another name"
                )));
            }
        }
        self.scope.check()?;
        for former in &self.former {
            former.check()?;
            if *former == self.scope {
                return Err(Error::config(
                    "former_cookie_scope(..) names the scope in use: new cookies would be removed \
                     as they are written; name the scope that they had before",
                ));
            }
        }
        if self.insecure_on_loopback {
            self.check_insecure(&names)?;
        }
        Ok(())
    }

    fn check_insecure(&self, names: &[&str]) -> Result<(), Error> {
        if self.same_site == SameSite::None {
            return Err(Error::config(
                "browsers refuse SameSite=None without Secure: leave out \
                 danger_insecure_cookies_on_loopback(true), or choose SameSite::Lax",
            ));
        }
        if let Some(name) = names.iter().find(|name| is_prefixed(name)) {
            return Err(Error::config(format!(
                "browsers refuse the cookie {name:?} without Secure: leave out \
                 danger_insecure_cookies_on_loopback(true), or use a name without a prefix"
            )));
        }
        Ok(())
    }

    /// The session names, the primary one first.
    pub(crate) fn session_names(&self) -> impl Iterator<Item = &str> {
        self.session.iter()
    }

    /// The refresh names, the primary one first.
    pub(crate) fn refresh_names(&self) -> impl Iterator<Item = &str> {
        self.refresh.iter()
    }

    /// The cross-site requests with which browsers send the cookies.
    pub(crate) fn same_site_policy(&self) -> SameSite {
        self.same_site
    }

    /// Returns `true` if the cookies are in a jar of each top-level site's own.
    pub(crate) fn is_partitioned(&self) -> bool {
        self.partitioned
    }

    /// Returns `true` if `Secure` is left out in the answer to this request.
    pub(crate) fn insecure_for(&self, head: RequestHead<'_>) -> bool {
        self.insecure_on_loopback
            && origin::effective_host(head).is_some_and(|host| host.is_loopback())
    }
}

impl Default for SessionCookies {
    fn default() -> Self {
        Self::new()
    }
}

impl Names {
    fn new(primary: &str) -> Self {
        Self {
            primary: primary.to_owned(),
            fallbacks: Vec::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.primary)
            .chain(&self.fallbacks)
            .map(String::as_str)
    }
}

impl Scope {
    /// This host and no other, every path: the only scope that `__Host-` names can have.
    pub(super) const HOST_ROOT: Self = Self {
        domain: None,
        path: Cow::Borrowed("/"),
    };

    fn check(&self) -> Result<(), Error> {
        self.domain.as_deref().map_or(Ok(()), check::domain)?;
        check::path(&self.path)
    }
}
