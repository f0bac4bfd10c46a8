//! Device tokens, by which Descope knows a browser again, as its cookies show them.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use memchr::memmem;

use super::present::PresentedRefresh;
use crate::{
    client::DEVICE_TOKENS,
    cookie::{CookieAttributes, OwnCookie, own_cookies},
    token::is_compact_jwt,
};

/// The longest token that is kept, in bytes.
const MAX_TOKEN: usize = 2_048;

impl PresentedRefresh {
    /// The same, from a browser that shows these cookies: Descope is told of its device with a refresh.
    pub(crate) fn with_devices_of(
        mut self,
        headers: &HeaderMap,
        attributes: CookieAttributes,
    ) -> Self {
        if self.from_cookie {
            let tokens = device_tokens(headers, attributes);
            self.devices = (!tokens.is_empty()).then(|| Arc::new(tokens));
        }
        self
    }
}

/// The headers in which Descope wants the tokens that a browser shows.
pub(crate) fn device_tokens(headers: &HeaderMap, attributes: CookieAttributes) -> HeaderMap {
    let mut tokens = HeaderMap::new();
    for (name, header) in DEVICE_TOKENS {
        // Most browsers show none, and their cookies are not worth a second reading.
        let mut fields = headers.get_all(header::COOKIE).iter();
        if !fields.any(|field| memmem::find(field.as_bytes(), name.as_bytes()).is_some()) {
            continue;
        }
        let cookie = OwnCookie::new(name, attributes);
        let shown = own_cookies(headers, name, attributes).unwrap_or_default();
        let token = shown
            .into_iter()
            .find(|(shown, _)| *shown == cookie.name())
            .map(|(_, token)| token)
            .filter(|token| is_device_token(token));
        if let Some(Ok(mut value)) = token.map(HeaderValue::from_str) {
            value.set_sensitive(true);
            tokens.insert(header, value);
        }
    }
    tokens
}

/// Returns `true` for a compact JWT by its letters.
pub(crate) fn is_device_token(token: &str) -> bool {
    token.len() <= MAX_TOKEN && is_compact_jwt(token)
}
