//! Writing and removing cookies, over the `cookie` crate's formatting.

use std::time::Duration;

use ::cookie::{
    Cookie, CookieBuilder, Expiration,
    time::{self, OffsetDateTime},
};
use http::HeaderValue;

use super::{
    check::is_host_prefixed,
    settings::{Names, SameSite, Scope, SessionCookies},
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
pub(crate) struct Place<'a> {
    name: &'a str,
    scope: &'a Scope,
}

/// Which of the two cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieKind {
    Session,
    Refresh,
}

impl SessionCookies {
    /// Where a slot's cookie is written: under the primary name, in the scope in use. Or, if the
    /// answer's word counts ([`follow_answer`](Self::follow_answer)), where that says, provided it
    /// is one of the configured names and scopes: else it would neither be read nor removed.
    pub(crate) fn place(
        &self,
        slot: CookieKind,
        name: Option<&str>,
        domain: Option<&str>,
    ) -> Place<'_> {
        let names = self.names(slot);
        let usual = Place {
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
        let place = Place {
            name: name.unwrap_or(usual.name),
            scope: scope.unwrap_or(usual.scope),
        };
        if fits(place.name, place.scope) {
            place
        } else {
            usual
        }
    }

    /// The `Set-Cookie` line for a token; 400 days at most.
    ///
    /// Goes with [`evictions`](Self::evictions) of the same slot and place.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CookieTooLarge`] if browsers would drop it.
    pub(crate) fn set(
        &self,
        place: Place<'_>,
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

    /// Removal lines for what else there may be in the browser under the names of `slot`: what
    /// earlier configurations left, and, where the answer chose another place than the usual one,
    /// what lies there. They go with every line that sets the slot's cookie: a stale twin would be
    /// sent beside the new one. The other slot is left alone, for its only token may still be
    /// there.
    pub(crate) fn evictions(
        &self,
        slot: CookieKind,
        place: Place<'_>,
        insecure: bool,
    ) -> impl Iterator<Item = HeaderValue> {
        let usual = place.name == self.names(slot).primary && *place.scope == self.scope;
        let current = (!usual).then_some(&self.scope);
        current
            .into_iter()
            .chain(&self.former)
            .flat_map(move |scope| {
                self.names(slot)
                    .iter()
                    .filter(move |name| fits(name, scope))
                    .filter(move |name| *name != place.name || scope != place.scope)
                    .filter_map(move |name| self.removal(name, scope, insecure))
            })
    }

    /// Removal lines for everything that can sign this browser in: every configured name, in the
    /// scope in use and in every former one.
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
        slot: CookieKind,
        insecure: bool,
    ) -> impl Iterator<Item = HeaderValue> {
        self.evictions(slot, self.place(slot, None, None), insecure)
    }

    /// `None` only for settings that [`check`](Self::check) refuses.
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
            .same_site(self.same_site.into())
            .http_only(true)
            .secure(!insecure);
        match &scope.domain {
            Some(domain) => cookie.domain(domain.as_str()),
            None => cookie,
        }
    }

    /// As [`set`](Self::set), in the usual place.
    #[cfg(test)]
    pub(crate) fn set_usual(
        &self,
        slot: CookieKind,
        token: &str,
        max_age: Duration,
        insecure: bool,
    ) -> Result<HeaderValue, Error> {
        self.set(self.place(slot, None, None), token, max_age, insecure)
    }

    fn names(&self, slot: CookieKind) -> &Names {
        match slot {
            CookieKind::Session => &self.session,
            CookieKind::Refresh => &self.refresh,
        }
    }
}

impl From<SameSite> for ::cookie::SameSite {
    fn from(same_site: SameSite) -> Self {
        match same_site {
            SameSite::Strict => Self::Strict,
            SameSite::Lax => Self::Lax,
            SameSite::None => Self::None,
        }
    }
}

/// Whether a cookie called `name` can stand in `scope`.
fn fits(name: &str, scope: &Scope) -> bool {
    !is_host_prefixed(name) || *scope == Scope::HOST_ROOT
}

/// Three segments of base64url, none of them empty.
fn is_compact_jwt(token: &str) -> bool {
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    token.split('.').count() == 3 && token.split('.').all(is_segment)
}

fn line(cookie: &CookieBuilder<'_>) -> Result<HeaderValue, Error> {
    let mut line = HeaderValue::try_from(cookie.to_string())
        .map_err(|error| Error::config("a cookie does not fit a header").with_source(error))?;
    line.set_sensitive(true);
    Ok(line)
}

#[cfg(test)]
mod tests;
