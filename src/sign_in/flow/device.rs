//! Device tokens, by which Descope knows a browser again: in cookies that no script reads.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderValue;
use serde::Deserialize;

use super::answer::FlowAnswer;
use crate::{
    client::{DEVICE_TOKENS, PassedReply},
    cookie::{CookieAttributes, OwnCookie, SessionCookies},
    descope::is_device_token,
};

/// Browsers shorten longer lifetimes (RFC 6265bis section 5.6.2).
const MAX_LIFE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The members of an answer that hold them, in the order of [`DEVICE_TOKENS`].
const MEMBERS: [&str; 2] = ["trustedDeviceJwt", "knownDeviceJwt"];

/// The tokens of an answer: in its session, else in its cookies.
pub(super) fn tokens(answer: &FlowAnswer, reply: &PassedReply) -> [Option<String>; 2] {
    let mut tokens = [const { None }; 2];
    for ((token, member), (name, _)) in tokens.iter_mut().zip(MEMBERS).zip(DEVICE_TOKENS) {
        let in_body = answer.session_text(member);
        let found = in_body.filter(|text| !text.is_empty()).map(str::to_owned);
        *token = found
            .or_else(|| reply.cookie(name))
            .filter(|token| is_device_token(token));
    }
    tokens
}

/// The lines that keep the tokens of an answer.
pub(super) fn write(
    tokens: &[Option<String>; 2],
    cookies: &SessionCookies,
    attributes: CookieAttributes,
    now: Duration,
) -> Vec<HeaderValue> {
    let named = DEVICE_TOKENS.into_iter().zip(tokens);
    let lines = named.filter_map(|((name, _), token)| {
        let token = token.as_deref()?;
        let cookie = OwnCookie::new(name, attributes).like(cookies);
        cookie.set(token, life(token, now)?, attributes)
    });
    lines.collect()
}

/// The lines that remove them.
pub(crate) fn removals(cookies: &SessionCookies, attributes: CookieAttributes) -> Vec<HeaderValue> {
    let names = DEVICE_TOKENS.into_iter().map(|(name, _)| name);
    let removals = names.filter_map(|name| {
        let cookie = OwnCookie::new(name, attributes).like(cookies);
        cookie.removal(attributes)
    });
    removals.collect()
}

/// How long a token lives by its own word, which nobody but Descope verifies; `None` once it has
/// expired.
fn life(token: &str, now: Duration) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Payload {
        exp: f64,
    }
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode_to_vec(payload).ok()?;
    let life = match serde_json::from_slice(&payload) {
        Ok(Payload { exp }) => Duration::try_from_secs_f64(exp).ok()?.checked_sub(now)?,
        Err(_) => MAX_LIFE,
    };
    Some(life.min(MAX_LIFE))
}
