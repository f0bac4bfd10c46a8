//! The binding of an execution to the browser that started it.
//!
//! One cookie for each execution, so that two tabs that start at once do not undo each other. It needs no
//! key: whoever could forge one could set this host's own cookies.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::{
    cookie::{CookieAttributes, OwnCookie, SessionCookies, own_cookies},
    digest::Digest,
};

/// How long an execution is bound: longer than any lives.
const LIFE: Duration = Duration::from_secs(172_800);

/// How many executions a browser has at once.
const MAX_EXECUTIONS: usize = 8;

const NAME: &str = "DSF-";

/// How many characters of the digest stand in the name; the others are the value.
const IN_NAME: usize = 8;

/// An execution as its cookie names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    digest: String,
}

impl Binding {
    /// `None` without a crypto backend.
    pub(super) fn of(execution_id: &str) -> Option<Self> {
        let digest = Digest::of(execution_id).ok()?.text();
        Some(Self { digest })
    }

    /// The name of the execution that shows nothing of its id.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns `true` if a browser shows that it started the execution.
    pub(super) fn is_shown(&self, headers: &HeaderMap, attributes: CookieAttributes) -> bool {
        let (name, value) = self.parts(attributes);
        own_cookies(headers, NAME, attributes).is_ok_and(|cookies| {
            let mut cookies = cookies.into_iter();
            cookies
                .any(|(shown, text)| shown == name.name() && text.split('.').next() == Some(value))
        })
    }

    /// The lines that bind the execution to a browser, after those that make room: the oldest go.
    pub(super) fn write(
        &self,
        headers: &HeaderMap,
        cookies: &SessionCookies,
        attributes: CookieAttributes,
        now: Duration,
    ) -> Vec<HeaderValue> {
        let (cookie, value) = self.parts(attributes);
        let shown = own_cookies(headers, NAME, attributes).unwrap_or_default();
        let mut others: Vec<_> = shown
            .into_iter()
            .filter(|(name, _)| *name != cookie.name())
            .map(|(name, text)| (began(text), name))
            .collect();
        // What cannot be read comes first.
        others.sort_unstable();
        let surplus = (others.len() + 1).saturating_sub(MAX_EXECUTIONS);
        let mut lines: Vec<_> = others
            .into_iter()
            .take(surplus)
            .filter_map(|(_, name)| {
                let old = OwnCookie::of_browser(name).like(cookies);
                old.removal(attributes)
            })
            .collect();
        let value = format!("{value}.{}", now.as_secs());
        lines.extend(cookie.like(cookies).set(&value, LIFE, attributes));
        lines
    }

    fn parts(&self, attributes: CookieAttributes) -> (OwnCookie, &str) {
        let (name, value) = self.digest.split_at_checked(IN_NAME).unwrap_or_default();
        (OwnCookie::new(&format!("{NAME}{name}"), attributes), value)
    }
}

fn began(text: &str) -> Option<u64> {
    text.split_once('.')?.1.parse().ok()
}
