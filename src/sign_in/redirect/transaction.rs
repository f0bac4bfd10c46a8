//! The cookie of an attempt: what this browser is to show when it comes back.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::{
    cookie::{CookieAttributes, OwnCookie, own_cookies},
    digest::Digest,
    error::Error,
    ids::TenantId,
    random,
    rejection::Rejection,
};

/// How long an attempt may take.
pub(super) const LIFE: Duration = Duration::from_secs(600);

/// How far in the future an attempt may have begun, for replicas whose clocks differ.
const LEEWAY: u64 = 60;

/// The most that the cookies of all attempts take together, names and values, in bytes; servers commonly
/// refuse requests whose fields are longer than 8 KiB.
const MAX_SIZE: usize = 3_500;

/// How many attempts a browser has at once.
const MAX_ATTEMPTS: usize = 8;

/// The bytes of a state, and the characters that it is written in.
const STATE_BYTES: usize = 16;
const STATE_LEN: usize = 22;

const NAME: &str = "DSX-";

/// An attempt to sign in. Nothing of it decides anything that is not checked again: the state is
/// compared, the path resolved anew, the tenant looked for in the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Transaction {
    #[serde(rename = "v")]
    version: u8,
    #[serde(rename = "s")]
    pub(super) state: String,
    /// A second random text, which stands in no URL: what was made of the attempt is for the browser that
    /// has it alone.
    #[serde(rename = "n")]
    secret: String,
    #[serde(rename = "d")]
    pub(super) to: Destination,
    #[serde(rename = "t", skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<TenantId>,
    #[serde(rename = "r")]
    pub(super) return_to: String,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(super) remember: Option<bool>,
    /// When it began, in seconds since the Unix epoch.
    #[serde(rename = "i")]
    began: u64,
}

/// Where an attempt went to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Destination {
    Sso,
    OAuth(String),
}

/// The state and the secret of a new attempt: 128 random bits each, in base64url.
///
/// # Errors
///
/// Where the system has no random numbers.
pub(super) fn new_state() -> Result<[String; 2], Error> {
    let mut bytes = [[0; STATE_BYTES]; 2];
    random::fill(bytes.as_flattened_mut())?;
    Ok(bytes.map(|bytes| URL_SAFE_NO_PAD.encode_to_string(bytes)))
}

/// Returns `true` for a text that can be a state.
pub(super) fn is_state(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    text.len() == STATE_LEN && text.bytes().all(is_legal)
}

impl Transaction {
    pub(super) fn new(
        [state, secret]: [String; 2],
        to: Destination,
        tenant: Option<TenantId>,
        return_to: String,
        remember: Option<bool>,
        now: Duration,
    ) -> Self {
        Self {
            version: 1,
            state,
            secret,
            to,
            tenant,
            return_to,
            remember,
            began: now.as_secs(),
        }
    }

    /// The lines that write the cookie of this attempt, after those that make room for it: what cannot be
    /// read goes first, then the oldest.
    ///
    /// # Errors
    ///
    /// More cookies than are read. Without a crypto backend.
    pub(super) fn write(
        &self,
        headers: &HeaderMap,
        attributes: CookieAttributes,
    ) -> Result<Vec<HeaderValue>, Rejection> {
        let cookie = cookie_of(&self.state, attributes)?;
        let value = self.value();
        let mut others: Vec<_> = own_cookies(headers, NAME, attributes)?
            .into_iter()
            .filter(|(name, _)| *name != cookie.name())
            .map(|(name, value)| (Self::read(value).map(|it| it.began), name, value))
            .collect();
        // `None`, which cannot be read, comes first.
        others.sort_by_key(|(began, ..)| *began);
        let size = |name: &str, value: &str| name.len() + value.len();
        let mut count = others.len() + 1;
        let mut bytes = others
            .iter()
            .map(|(_, name, value)| size(name, value))
            .sum::<usize>()
            + size(cookie.name(), &value);
        let mut lines = Vec::new();
        for (began, name, value) in others {
            if began.is_some() && count <= MAX_ATTEMPTS && bytes <= MAX_SIZE {
                break;
            }
            lines.extend(OwnCookie::of_browser(name).removal(attributes));
            count -= 1;
            bytes -= size(name, value);
        }
        lines.extend(cookie.set(&value, LIFE, attributes));
        Ok(lines)
    }

    /// The attempt with this state, if the browser shows it.
    ///
    /// # Errors
    ///
    /// More cookies than are read. Without a crypto backend.
    pub(super) fn find(
        headers: &HeaderMap,
        state: &str,
        attributes: CookieAttributes,
    ) -> Result<Option<Self>, Rejection> {
        let cookie = cookie_of(state, attributes)?;
        let found = own_cookies(headers, NAME, attributes)?;
        let mut found = found.into_iter().filter(|(name, _)| *name == cookie.name());
        Ok(found.find_map(|(_, value)| Self::read(value).filter(|it| it.state == state)))
    }

    /// The line that removes the cookie of an attempt.
    pub(super) fn removal(state: &str, attributes: CookieAttributes) -> Option<HeaderValue> {
        cookie_of(state, attributes).ok()?.removal(attributes)
    }

    /// Names the attempt so that only its browser can.
    pub(super) fn key(&self) -> String {
        format!("{}.{}", self.state, self.secret)
    }

    /// Returns `true` for an attempt that is no older than it may be.
    pub(super) fn is_in_time(&self, now: Duration) -> bool {
        let now = now.as_secs();
        self.began <= now.saturating_add(LEEWAY) && now.saturating_sub(self.began) <= LIFE.as_secs()
    }

    fn value(&self) -> String {
        // Strings, numbers and a flag cannot fail to serialise.
        let json = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode_to_string(json)
    }

    fn read(value: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode_to_vec(value).ok()?;
        let transaction: Self = serde_json::from_slice(&json).ok()?;
        let is_ours = transaction.version == 1
            && is_state(&transaction.state)
            && is_state(&transaction.secret);
        is_ours.then_some(transaction)
    }
}

fn cookie_of(state: &str, attributes: CookieAttributes) -> Result<OwnCookie, Rejection> {
    let digest = Digest::of(state).map_err(|_| Rejection::invalid("no_crypto_backend"))?;
    let name = format!("{NAME}{}", digest.short_text());
    Ok(OwnCookie::new(&name, attributes))
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
mod tests;
