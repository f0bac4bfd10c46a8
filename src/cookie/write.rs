//! Writing and removing cookies, over the `cookie` crate's formatting.

use std::time::Duration;

use ::cookie::{
    Cookie, CookieBuilder, Expiration,
    time::{self, OffsetDateTime},
};
use http::HeaderValue;

use super::{
    check::is_host_prefixed,
    settings::{SameSite, Scope, SessionCookies},
    slot::CookieKind,
};
use crate::error::{Error, ErrorKind};

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

    /// Returns the `Set-Cookie` line for a token; 400 days at most.
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
        insecure: bool,
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
        let seconds = max_age.clamp(MIN_AGE, MAX_AGE).as_secs();
        let max_age = time::Duration::seconds(seconds.try_into().unwrap_or(i64::MAX));
        line(
            &self
                .cookie(name, token, place.scope, insecure)
                .max_age(max_age),
        )
    }

    /// Returns the removal lines for other cookies of this kind that the browser may have: those in
    /// former scopes, and, where Descope's answer chose another place than the usual one, those in
    /// the usual scope. Every line that sets a cookie needs them: browsers would send an old cookie
    /// beside the new one. The other kind is left alone: its only token may still be there.
    pub(crate) fn evictions(
        &self,
        kind: CookieKind,
        place: CookiePlace<'_>,
        insecure: bool,
    ) -> impl Iterator<Item = HeaderValue> {
        let usual = place.name == self.names(kind).primary && *place.scope == self.scope;
        let current = (!usual).then_some(&self.scope);
        current
            .into_iter()
            .chain(&self.former)
            .flat_map(move |scope| {
                self.names(kind)
                    .iter()
                    .filter(move |name| fits(name, scope))
                    .filter(move |name| *name != place.name || scope != place.scope)
                    .filter_map(move |name| self.removal(name, scope, insecure))
            })
    }

    /// Returns the removal lines for everything that can sign this browser in: every configured
    /// name, in the scope in use and in every former one.
    pub(crate) fn removals(&self, insecure: bool) -> Vec<HeaderValue> {
        let current = self
            .session_names()
            .chain(self.refresh_names())
            .filter_map(|name| {
                // A `__Host-` fallback was set with the only scope there is for it.
                let scope = if fits(name, &self.scope) {
                    &self.scope
                } else {
                    &Scope::HOST_ROOT
                };
                self.removal(name, scope, insecure)
            });
        current
            .chain(self.former_removals(CookieKind::Session, insecure))
            .chain(self.former_removals(CookieKind::Refresh, insecure))
            .collect()
    }

    fn former_removals(
        &self,
        kind: CookieKind,
        insecure: bool,
    ) -> impl Iterator<Item = HeaderValue> {
        self.evictions(kind, self.place(kind, None, None), insecure)
    }

    /// Returns the removal line; `None` only for settings that [`check`](Self::check) refuses.
    fn removal(&self, name: &str, scope: &Scope, insecure: bool) -> Option<HeaderValue> {
        let cookie = self
            .cookie(name, "", scope, insecure)
            .max_age(time::Duration::ZERO)
            .expires(Expiration::DateTime(OffsetDateTime::UNIX_EPOCH));
        line(&cookie).ok()
    }

    fn cookie<'c>(
        &self,
        name: &'c str,
        value: &'c str,
        scope: &'c Scope,
        insecure: bool,
    ) -> CookieBuilder<'c> {
        let cookie = Cookie::build((name, value))
            .path(&*scope.path)
            .same_site(same_site(self.same_site))
            .http_only(true)
            .secure(!insecure);
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
        insecure: bool,
    ) -> Result<HeaderValue, Error> {
        self.set(self.place(kind, None, None), token, max_age, insecure)
    }
}

/// Converts to the type of the `cookie` crate. It is no `From`, which would put that crate into the
/// public API.
fn same_site(same_site: SameSite) -> ::cookie::SameSite {
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

/// Returns `true` for three segments of base64url, none of them empty.
fn is_compact_jwt(token: &str) -> bool {
    // Without a branch for each byte, so that the processor looks at many of them at a time.
    let is_odd = |byte: u8| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        1 ^ (u8::from(letter) | u8::from(digit) | u8::from(byte == b'-') | u8::from(byte == b'_'))
    };
    let is_segment = |segment: &&str| {
        !segment.is_empty() && segment.bytes().fold(0, |odd, byte| odd | is_odd(byte)) == 0
    };
    let mut segments = token.split('.');
    segments.by_ref().take(3).filter(is_segment).count() == 3 && segments.next().is_none()
}

fn line(cookie: &CookieBuilder<'_>) -> Result<HeaderValue, Error> {
    let mut line = HeaderValue::try_from(cookie.to_string())
        .map_err(|error| Error::config("a cookie does not fit a header").with_source(error))?;
    line.set_sensitive(true);
    Ok(line)
}

#[cfg(test)]
mod tests;
