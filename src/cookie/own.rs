//! Cookies of this crate's own, beside those of a session: what a browser is to show again when it comes
//! back.

use std::{str, time::Duration};

use ::cookie::{Cookie, CookieBuilder, Expiration, time};
use http::{HeaderMap, HeaderValue};

use super::{
    life::CookieAttributes,
    read::fields,
    settings::{SameSite, SessionCookies},
    write::same_site,
};
use crate::rejection::Rejection;

/// Such a cookie: for this host alone and for all of its paths.
#[derive(Clone, Debug)]
pub(crate) struct OwnCookie {
    name: String,
    same_site: SameSite,
    partitioned: bool,
}

impl OwnCookie {
    /// The cookie that is called `name`, with the prefix that no other host can set, unless `Secure` is
    /// left out, without which browsers refuse that. Browsers send it with links from other sites
    /// (`SameSite=Lax`).
    pub(crate) fn new(name: &str, attributes: CookieAttributes) -> Self {
        let prefix = prefix(attributes);
        Self::of_browser(&format!("{prefix}{name}"))
    }

    /// A cookie of [`own_cookies`].
    pub(crate) fn of_browser(name: &str) -> Self {
        Self {
            name: name.into(),
            same_site: SameSite::Lax,
            partitioned: false,
        }
    }

    /// The same cookie, sent with the requests that those of the session are sent with.
    pub(crate) fn like(mut self, session: &SessionCookies) -> Self {
        self.same_site = session.same_site_policy();
        self.partitioned = session.is_partitioned();
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the line that sets the cookie.
    pub(crate) fn set(
        &self,
        value: &str,
        max_age: Duration,
        attributes: CookieAttributes,
    ) -> Option<HeaderValue> {
        let seconds = max_age.as_secs().try_into().unwrap_or(i64::MAX);
        let cookie = self.cookie(value, attributes);
        line(&cookie.max_age(time::Duration::seconds(seconds)))
    }

    /// Returns the line that removes the cookie.
    pub(crate) fn removal(&self, attributes: CookieAttributes) -> Option<HeaderValue> {
        let cookie = self.cookie("", attributes).max_age(time::Duration::ZERO);
        let past = time::OffsetDateTime::UNIX_EPOCH;
        line(&cookie.expires(Expiration::DateTime(past)))
    }

    fn cookie<'c>(&'c self, value: &'c str, attributes: CookieAttributes) -> CookieBuilder<'c> {
        let cookie = Cookie::build((&*self.name, value))
            .path("/")
            .same_site(same_site(self.same_site))
            .http_only(true)
            .secure(!attributes.insecure);
        if self.partitioned {
            cookie.partitioned(true)
        } else {
            cookie
        }
    }
}

/// The names and values of a request's cookies whose names begin with `start`, after the prefix of
/// [`OwnCookie::new`]. What is no text is left out.
///
/// # Errors
///
/// As [`CookieReader::bytes`](super::CookieReader::bytes).
pub(crate) fn own_cookies<'h>(
    headers: &'h HeaderMap,
    start: &str,
    attributes: CookieAttributes,
) -> Result<Vec<(&'h str, &'h str)>, Rejection> {
    let start = format!("{}{start}", prefix(attributes));
    let mut found = Vec::new();
    for field in fields(headers)? {
        for pair in field.split(|&byte| byte == b';') {
            let Ok(pair) = str::from_utf8(pair) else {
                continue;
            };
            let Some((name, value)) = pair.trim_ascii().split_once('=') else {
                continue;
            };
            if name.starts_with(&start) {
                found.push((name, value));
            }
        }
    }
    Ok(found)
}

fn prefix(attributes: CookieAttributes) -> &'static str {
    if attributes.insecure { "" } else { "__Host-" }
}

fn line(cookie: &CookieBuilder<'_>) -> Option<HeaderValue> {
    let mut line = HeaderValue::try_from(cookie.to_string()).ok()?;
    line.set_sensitive(true);
    Some(line)
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    const INSECURE: CookieAttributes = CookieAttributes {
        insecure: true,
        persistent: true,
    };

    #[test]
    fn a_cookie_is_for_this_host_alone_and_comes_with_links() {
        let cookie = OwnCookie::new("DSX-a", CookieAttributes::USUAL);
        let line = cookie.set("x", Duration::from_secs(600), CookieAttributes::USUAL);
        assert_eq!(
            line.unwrap(),
            "__Host-DSX-a=x; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"
        );
        let plain = OwnCookie::new("DSX-a", INSECURE);
        let removal = plain.removal(INSECURE).unwrap();
        assert_eq!(
            removal,
            "DSX-a=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn cookies_are_found_by_the_beginning_of_their_name() {
        let mut headers = HeaderMap::new();
        for field in [
            &b"a=1; __Host-DSX-one=x;__Host-DSX-two=y=z; DSX-plain=p"[..],
            b"__host-DSX-three=q; __Host-DSX-four; \xff=1; __Host-DSX-five=\xff",
        ] {
            headers.append(header::COOKIE, HeaderValue::from_bytes(field).unwrap());
        }
        let found = own_cookies(&headers, "DSX-", CookieAttributes::USUAL).unwrap();
        assert_eq!(found, [("__Host-DSX-one", "x"), ("__Host-DSX-two", "y=z")]);
        let found = own_cookies(&headers, "DSX-", INSECURE).unwrap();
        assert_eq!(found, [("DSX-plain", "p")]);
    }
}
