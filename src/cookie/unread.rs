//! Cookies with tokens that are not read, because of their name or their form.

use http::HeaderMap;

use super::{
    read::{fields, pairs},
    settings::SessionCookies,
};

/// The names that Descope's own SDKs give to cookies, with and without this crate's prefix.
const USUAL_NAMES: [&str; 4] = ["DS", "DSR", "__Host-DS", "__Host-DSR"];

/// Why a cookie that holds a token is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnreadCookie {
    /// It has a usual name, which is not one of those that are configured.
    OtherName(&'static str),
    /// Its value is in quotes.
    Quoted,
}

impl SessionCookies {
    /// The first cookie with a token, as `is_token` says, that is not read.
    pub(crate) fn unread(
        &self,
        headers: &HeaderMap,
        is_token: impl Fn(&str) -> bool,
    ) -> Option<UnreadCookie> {
        fields(headers).flat_map(pairs).find_map(|pair| {
            let (name, value) = std::str::from_utf8(pair).ok()?.trim().split_once('=')?;
            let quoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            if self.slots().any(|(_, configured)| configured == name) {
                let unquoted = quoted.filter(|value| is_token(value));
                return unquoted.map(|_| UnreadCookie::Quoted);
            }
            let usual = USUAL_NAMES.into_iter().find(|usual| *usual == name)?;
            is_token(quoted.unwrap_or(value)).then_some(UnreadCookie::OtherName(usual))
        })
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

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
                cookies.unread(&headers, |it| it == "token"),
                seen,
                "{field}"
            );
        }
    }
}
