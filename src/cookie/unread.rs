//! Cookies with tokens that are not read, because of their name or their form.

use std::{ops::ControlFlow, str};

use super::{names::NameSet, settings::SessionCookies};

/// The names that Descope's own SDKs give to cookies, with and without this crate's prefix.
const USUAL_NAMES: [&str; 4] = ["DS", "DSR", "__Host-DS", "__Host-DSR"];

/// How many cookies are looked at, since nothing but a line of the log depends on it.
const MAX_LOOKED_AT: usize = 16;

/// Why a cookie that holds a token is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnreadCookie {
    /// It has a usual name, which is not one of those that are configured.
    OtherName(&'static str),
    /// Its value is in quotes.
    Quoted,
}

/// The names under which a token may stand without being read.
#[derive(Debug)]
pub(super) struct UnreadNames {
    /// The configured names, and then the usual ones.
    names: NameSet,
    configured: usize,
    usual: Box<[&'static str]>,
}

impl UnreadNames {
    pub(super) fn new(cookies: &SessionCookies) -> Self {
        let configured = || cookies.slots().map(|(_, name)| name);
        let usual = USUAL_NAMES.into_iter();
        let usual: Box<[_]> = usual
            .filter(|usual| configured().all(|name| name != *usual))
            .collect();
        Self {
            names: NameSet::new(configured().chain(usual.iter().copied())),
            configured: configured().count(),
            usual,
        }
    }

    /// The first cookie with a token, as `is_token` says, that is not read.
    pub(super) fn first_in<'h>(
        &self,
        fields: impl Iterator<Item = &'h [u8]>,
        is_token: impl Fn(&str) -> bool,
    ) -> Option<UnreadCookie> {
        let mut first = None;
        let mut looked_at = 0;
        for field in fields {
            let search = self.names.each_in(field, |name, value| {
                looked_at += 1;
                first = self.unread(name, value, &is_token);
                if first.is_some() || looked_at == MAX_LOOKED_AT {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            if search.is_break() {
                break;
            }
        }
        first
    }

    fn unread(
        &self,
        name: usize,
        value: &[u8],
        is_token: impl Fn(&str) -> bool,
    ) -> Option<UnreadCookie> {
        let value = str::from_utf8(value).ok()?;
        let quoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        let usual = match name.checked_sub(self.configured) {
            Some(usual) => Some(*self.usual.get(usual)?),
            None => None,
        };
        match (usual, quoted) {
            (None, None) => None,
            (None, Some(unquoted)) => is_token(unquoted).then_some(UnreadCookie::Quoted),
            (Some(usual), quoted) => {
                is_token(quoted.unwrap_or(value)).then_some(UnreadCookie::OtherName(usual))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header};

    use super::*;
    use crate::cookie::CookieReader;

    #[test]
    fn a_token_under_a_usual_name_or_in_quotes_is_seen() {
        let own = SessionCookies::new()
            .session_name("app")
            .refresh_name("app_refresh");
        for (cookies, field, seen) in [
            (&own, "a=b; DS=token", Some(UnreadCookie::OtherName("DS"))),
            (
                &own,
                "__Host-DSR=token",
                Some(UnreadCookie::OtherName("__Host-DSR")),
            ),
            (
                &own,
                "DS=dark-side; app=\"token\"",
                Some(UnreadCookie::Quoted),
            ),
            (&own, "DS=dark-side; app=token; ds=token", None),
            (&own.clone().session_fallbacks(["DS"]), "DS=token", None),
            (
                &SessionCookies::new(),
                "DS=\"token\"",
                Some(UnreadCookie::Quoted),
            ),
            (&SessionCookies::new(), "DS=\"other\"; DSR=\"", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, field.parse().unwrap());
            assert_eq!(
                CookieReader::new(cookies).unread(&headers, |it| it == "token"),
                seen,
                "{field}"
            );
        }
    }
}
