//! The cookie that remembers that its user stays signed in.

use std::time::Duration;

use http::HeaderValue;

use super::{
    life::{CookieAttributes, CookieLife},
    settings::SessionCookies,
    write::CookiePlace,
};
use crate::error::Error;

/// The end that the name of the refresh cookie has in the cookie that says "stay signed in".
const REMEMBERED_SUFFIX: &str = "-R";

/// The value of that cookie.
pub(super) const REMEMBERED: &str = "1";

impl SessionCookies {
    /// Sets how long browsers keep the cookies. [`CookieLife::RefreshToken`] by default.
    ///
    /// ```
    /// use tower_descope::cookie::{CookieLife, SessionCookies};
    ///
    /// // A sign-in form with a box "stay signed in".
    /// let cookies = SessionCookies::host_prefixed().life(CookieLife::Chosen);
    /// # let _ = cookies;
    /// ```
    pub fn life(mut self, life: CookieLife) -> Self {
        self.life = life;
        self
    }

    /// The name of the cookie that says "stay signed in"; `None` where that is not chosen.
    pub(crate) fn remembered_name(&self) -> Option<String> {
        let name = &self.refresh.primary;
        (self.life == CookieLife::Chosen).then(|| format!("{name}{REMEMBERED_SUFFIX}"))
    }

    /// Returns `true` if the cookies are to outlive the browser; `remembered` says whether it shows the
    /// cookie for that.
    pub(crate) fn is_persistent(&self, remembered: impl FnOnce() -> bool) -> bool {
        match self.life {
            CookieLife::RefreshToken => true,
            CookieLife::BrowserSession => false,
            CookieLife::Chosen => remembered(),
        }
    }

    /// Appends the lines that keep "stay signed in" beside a refresh cookie.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line).
    pub(super) fn write_remembered(
        &self,
        place: CookiePlace<'_>,
        age: Duration,
        attributes: CookieAttributes,
        lines: &mut Vec<HeaderValue>,
    ) -> Result<(), Error> {
        let Some(name) = self.remembered_name().filter(|_| attributes.persistent) else {
            return Ok(());
        };
        // The answer may have chosen another name for the refresh cookie, and a scope for that.
        let own = self.jar_of(place.fitting(&name));
        let jars = self.jars().filter(|jar| *jar != own);
        lines.extend(jars.filter_map(|jar| self.removal(&name, jar, attributes)));
        lines.push(self.line(&name, REMEMBERED, own, age, attributes)?);
        Ok(())
    }

    /// Returns the lines that remove the cookie that says "stay signed in", wherever it may be.
    pub(crate) fn remembered_removals(&self, attributes: CookieAttributes) -> Vec<HeaderValue> {
        let name = self.remembered_name();
        let removals = name.iter().flat_map(|name| {
            self.jars()
                .filter_map(move |jar| self.removal(name, jar, attributes))
        });
        removals.collect()
    }
}
