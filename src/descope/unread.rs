//! Credentials that a request has and that are not read, for whoever wonders why nobody is signed in.

use http::{HeaderMap, header};

use super::handle::Descope;
use crate::{cookie::UnreadCookie, token};

impl Descope {
    /// Says in the log, once a minute, which credential a request has although it counts as one
    /// without: one of another scheme, in a cookie of a name that is not read, or in quotes.
    pub(crate) fn explain_missing(&self, headers: &HeaderMap) {
        let now = self.now();
        let lines = &self.inner.notices;
        if let Some(scheme) = token::unread_scheme(headers)
            && lines.unread_scheme.is_due(&now)
        {
            // A client's doing, so it is no warning.
            tracing::info!(
                scheme,
                "an Authorization field is not read: send the session token as \
                 `Authorization: Bearer <token>`"
            );
        }
        if !headers.contains_key(header::COOKIE) {
            return;
        }
        let may_say = lines.unread_name.may_be_due(&now) || lines.unread_quotes.may_be_due(&now);
        if !may_say {
            return;
        }
        match self
            .cookie_reader()
            .unread(headers, |value| self.is_ours(value))
        {
            Some(UnreadCookie::OtherName(name)) if lines.unread_name.is_due(&now) => {
                let read: Vec<_> = self.cookies().slots().map(|(_, name)| name).collect();
                tracing::warn!(
                    cookie = name,
                    ?read,
                    "a cookie with a token of this project is not read: add its name to \
                     SessionCookies by session_fallbacks and refresh_fallbacks, or let the names be \
                     the ones that the cookies have"
                );
            }
            Some(UnreadCookie::Quoted) if lines.unread_quotes.is_due(&now) => {
                tracing::warn!(
                    "a session cookie is not read because its value is in quotes: whoever writes it \
                     must not quote it"
                );
            }
            _ => {}
        }
    }

    fn is_ours(&self, value: &str) -> bool {
        self.inner.verifier.claims_of_project(value).is_some()
    }
}
