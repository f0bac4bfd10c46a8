//! Writing and removing cookies, over the `cookie` crate's formatting.

use std::{fmt::Write as _, time::Duration};

use ::cookie::{
    Cookie, CookieBuilder, Expiration,
    time::{self, OffsetDateTime},
};
use http::HeaderValue;

use super::{
    check::is_host_prefixed,
    life::CookieAttributes,
    settings::{SameSite, Scope, SessionCookies},
    slot::CookieKind,
};
use crate::{
    error::{Error, ErrorKind},
    token::is_compact_jwt,
};

/// Browsers keep no cookie whose name and value are longer together, and say nothing.
const MAX_SIZE: usize = 4096;
/// Browsers shorten longer lifetimes (RFC 6265bis section 5.6.2).
const MAX_AGE: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// A lifetime of 0 would remove the cookie instead.
const MIN_AGE: Duration = Duration::from_secs(1);

/// The name and the scope that a cookie is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookiePlace<'a> {
    name: &'a str,
    scope: &'a Scope,
}

impl<'a> CookiePlace<'a> {
    /// The place for another cookie beside this one.
    pub(super) fn fitting(self, name: &'a str) -> Self {
        let scope = if fits(name, self.scope) {
            self.scope
        } else {
            &Scope::HOST_ROOT
        };
        Self { name, scope }
    }
}

/// A scope in one of the two jars that it has: the one of all sites, and that of a top-level site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CookieJar<'a> {
    scope: &'a Scope,
    partitioned: bool,
}

impl SessionCookies {
    /// Returns the name and the scope for a cookie: the primary name and the scope in use, or, with
    /// [`follow_answer`](Self::follow_answer), those of Descope's answer, provided that they are
    /// configured: otherwise the cookie would neither be read nor removed.
    pub(crate) fn place(
        &self,
        kind: CookieKind,
        name: Option<&str>,
        domain: Option<&str>,
    ) -> CookiePlace<'_> {
        let names = self.names(kind);
        let usual = CookiePlace {
            name: &names.primary,
            scope: &self.scope,
        };
        if !self.follow_answer {
            return usual;
        }
        let name = name.and_then(|name| names.iter().find(|known| *known == name));
        let scope = domain.and_then(|domain| {
            let is_meant = |scope: &&Scope| {
                let known = scope.domain.as_deref();
                known.is_some_and(|known| known.eq_ignore_ascii_case(domain))
            };
            std::iter::once(&self.scope)
                .chain(&self.former)
                .find(is_meant)
        });
        let place = CookiePlace {
            name: name.unwrap_or(usual.name),
            scope: scope.unwrap_or(usual.scope),
        };
        if fits(place.name, place.scope) {
            place
        } else {
            usual
        }
    }

    /// Returns the `Set-Cookie` line for a token; 400 days at most, where it outlives the browser.
    ///
    /// Send it together with [`evictions`](Self::evictions) of the same kind and place.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CookieTooLarge`] if browsers would drop it.
    pub(crate) fn set(
        &self,
        place: CookiePlace<'_>,
        token: &str,
        max_age: Duration,
        attributes: CookieAttributes,
    ) -> Result<HeaderValue, Error> {
        let name = place.name;
        if name.len() + token.len() > MAX_SIZE {
            return Err(Error::new(
                ErrorKind::CookieTooLarge,
                format!(
                    "the cookie {name:?} would have {} bytes of name and value, browsers keep \
                     {MAX_SIZE}: make the project's JWT template smaller",
                    name.len() + token.len()
                ),
            ));
        }
        if !is_compact_jwt(token) {
            return Err(Error::new(
                ErrorKind::UpstreamInvalid,
                "a token to write into a cookie is no compact JWT",
            ));
        }
        self.line(name, token, self.jar_of(place), max_age, attributes)
    }

    /// Returns the removal lines for other cookies of this kind that the browser may have: those in
    /// former scopes, and, where Descope's answer chose another place than the usual one, those in
    /// the usual scope. Every line that sets a cookie needs them: browsers would send an old cookie
    /// beside the new one. The other kind is left alone: its only token may still be there.
    pub(crate) fn evictions(
        &self,
        kind: CookieKind,
        place: CookiePlace<'_>,
        attributes: CookieAttributes,
    ) -> impl Iterator<Item = HeaderValue> {
        let is_usual = place.name == self.names(kind).primary && *place.scope == self.scope;
        let set = self.jar_of(place);
        // Where nothing unusual was chosen, the former names are left alone in the scope in use.
        let jars = self.jars().filter(move |jar| !(is_usual && *jar == set));
        jars.flat_map(move |jar| {
            self.names(kind)
                .iter()
                .filter(move |name| fits(name, jar.scope))
                .filter(move |name| *name != place.name || jar != set)
                .filter_map(move |name| self.removal(name, jar, attributes))
        })
    }

    /// Returns the removal lines for everything that can sign this browser in: every configured
    /// name, in the scope in use and in every former one.
    pub(crate) fn removals(&self, attributes: CookieAttributes) -> Vec<HeaderValue> {
        let current = self.session_names().chain(self.refresh_names());
        let current = current.flat_map(|name| {
            let fits = fits(name, &self.scope);
            // A `__Host-` fallback was set with the only scope there is for it.
            let scope = if fits { &self.scope } else { &Scope::HOST_ROOT };
            self.jars_of(scope)
                // The other jar of the scope in use is among those of former scopes.
                .filter(move |jar| !fits || jar.partitioned == self.partitioned)
                .filter_map(|jar| self.removal(name, jar, attributes))
        });
        current
            .chain(self.former_removals(CookieKind::Session, attributes))
            .chain(self.former_removals(CookieKind::Refresh, attributes))
            .chain(self.remembered_removals(attributes))
            .collect()
    }

    /// The most `Set-Cookie` lines that one response can have: where both cookies are written, or all are
    /// removed.
    pub(crate) fn most_lines(&self) -> usize {
        let attributes = CookieAttributes {
            insecure: false,
            persistent: true,
        };
        let of_kind = |kind| {
            let lines = |place| 1 + self.evictions(kind, place, attributes).count();
            self.places(kind).map(lines).max().unwrap_or_default()
        };
        let remembered = self.remembered_removals(attributes).len();
        let written = of_kind(CookieKind::Session) + of_kind(CookieKind::Refresh) + remembered;
        written.max(self.removals(attributes).len())
    }

    /// The places that a cookie may be written to.
    fn places(&self, kind: CookieKind) -> impl Iterator<Item = CookiePlace<'_>> {
        let names = self.names(kind).iter();
        let scopes = || std::iter::once(&self.scope).chain(&self.former);
        let chosen = names.flat_map(move |name| scopes().map(move |scope| (name, scope)));
        let chosen = chosen.filter(|(name, scope)| self.follow_answer && fits(name, scope));
        let chosen = chosen.map(|(name, scope)| CookiePlace { name, scope });
        std::iter::once(self.place(kind, None, None)).chain(chosen)
    }

    fn former_removals(
        &self,
        kind: CookieKind,
        attributes: CookieAttributes,
    ) -> impl Iterator<Item = HeaderValue> {
        self.evictions(kind, self.place(kind, None, None), attributes)
    }

    /// The jars in which there may be cookies: that in use, and the former ones.
    pub(super) fn jars(&self) -> impl Iterator<Item = CookieJar<'_>> {
        let scopes = std::iter::once(&self.scope).chain(&self.former);
        scopes.flat_map(|scope| self.jars_of(scope))
    }

    /// The jars of a scope. Before cookies were partitioned they were not.
    fn jars_of<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = CookieJar<'s>> {
        let before = self.partitioned.then_some(false);
        let in_use = std::iter::once(self.partitioned);
        in_use
            .chain(before)
            .map(move |partitioned| CookieJar { scope, partitioned })
    }

    /// The jar that a cookie of this place is written into.
    pub(super) fn jar_of<'p>(&self, place: CookiePlace<'p>) -> CookieJar<'p> {
        CookieJar {
            scope: place.scope,
            partitioned: self.partitioned,
        }
    }

    /// Returns a line that sets a cookie.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] only for settings that [`check`](Self::check) refuses.
    pub(super) fn line(
        &self,
        name: &str,
        value: &str,
        jar: CookieJar<'_>,
        max_age: Duration,
        attributes: CookieAttributes,
    ) -> Result<HeaderValue, Error> {
        let cookie = self.cookie(name, value, jar, attributes);
        if !attributes.persistent {
            return line(&cookie);
        }
        let seconds = max_age.clamp(MIN_AGE, MAX_AGE).as_secs();
        let max_age = time::Duration::seconds(seconds.try_into().unwrap_or(i64::MAX));
        line(&cookie.max_age(max_age))
    }

    /// Returns the removal line; `None` only for settings that [`check`](Self::check) refuses.
    pub(super) fn removal(
        &self,
        name: &str,
        jar: CookieJar<'_>,
        attributes: CookieAttributes,
    ) -> Option<HeaderValue> {
        let cookie = self
            .cookie(name, "", jar, attributes)
            .max_age(time::Duration::ZERO)
            .expires(Expiration::DateTime(OffsetDateTime::UNIX_EPOCH));
        line(&cookie).ok()
    }

    fn cookie<'c>(
        &self,
        name: &'c str,
        value: &'c str,
        jar: CookieJar<'c>,
        attributes: CookieAttributes,
    ) -> CookieBuilder<'c> {
        let CookieJar { scope, partitioned } = jar;
        let mut cookie = Cookie::build((name, value))
            .path(&*scope.path)
            .same_site(same_site(self.same_site))
            .http_only(true)
            .secure(!attributes.insecure);
        if partitioned {
            cookie = cookie.partitioned(true);
        }
        match &scope.domain {
            Some(domain) => cookie.domain(domain.as_str()),
            None => cookie,
        }
    }

    /// Calls [`set`](Self::set) with the usual place.
    #[cfg(test)]
    pub(crate) fn set_usual(
        &self,
        kind: CookieKind,
        token: &str,
        max_age: Duration,
        attributes: CookieAttributes,
    ) -> Result<HeaderValue, Error> {
        self.set(self.place(kind, None, None), token, max_age, attributes)
    }
}

/// Converts to the type of the `cookie` crate. It is no `From`, which would put that crate into the
/// public API.
pub(super) fn same_site(same_site: SameSite) -> ::cookie::SameSite {
    match same_site {
        SameSite::Strict => ::cookie::SameSite::Strict,
        SameSite::Lax => ::cookie::SameSite::Lax,
        SameSite::None => ::cookie::SameSite::None,
    }
}

/// Returns `true` if browsers accept a cookie called `name` in `scope`.
fn fits(name: &str, scope: &Scope) -> bool {
    !is_host_prefixed(name) || *scope == Scope::HOST_ROOT
}

fn line(cookie: &CookieBuilder<'_>) -> Result<HeaderValue, Error> {
    /// More than all attributes take as a rule, so that the line need not grow.
    const ATTRIBUTES: usize = 256;
    let cookie = cookie.inner();
    let mut text = String::with_capacity(cookie.name().len() + cookie.value().len() + ATTRIBUTES);
    // Into a `String` nothing fails to be written.
    let _ = write!(text, "{cookie}");
    let mut line = HeaderValue::try_from(text)
        .map_err(|error| Error::config("a cookie does not fit a header").with_source(error))?;
    line.set_sensitive(true);
    Ok(line)
}

#[cfg(test)]
mod tests;
