//! The token of an entry.

use crate::{
    jwt::compact::{Compact, is_encoded},
    session::Session,
};

/// A token, all of which decides whether an entry is the one that is looked for.
pub(super) struct KeptToken {
    /// The whole token; or, without its payload, what stands before and after that.
    text: Box<[u8]>,
    without: Option<Payload>,
}

/// The segment of a token that is compared with its session's payload instead.
#[derive(Clone, Copy)]
struct Payload {
    start: u32,
    len: u32,
}

impl KeptToken {
    /// Keeps a token that was verified; without its payload, which the session has anyway, if
    /// `compact` says so.
    pub(super) fn new(token: &[u8], compact: bool) -> Self {
        let kept = compact.then(|| Self::without_payload(token)).flatten();
        kept.unwrap_or_else(|| Self {
            text: token.into(),
            without: None,
        })
    }

    fn without_payload(token: &[u8]) -> Option<Self> {
        let compact = Compact::parse(token, token.len()).ok()?;
        let start = compact.header_segment().len() + 1;
        let len = compact.payload_segment().len();
        let ends = [token.get(..start)?, token.get(start + len..)?].concat();
        Some(Self {
            text: ends.into(),
            without: Some(Payload {
                start: u32::try_from(start).ok()?,
                len: u32::try_from(len).ok()?,
            }),
        })
    }

    /// Returns `true` for this very token; `session` is the one that it was verified to be.
    #[inline]
    pub(super) fn is(&self, token: &[u8], session: &Session) -> bool {
        match self.without {
            None => *self.text == *token,
            Some(payload) => self
                .has_ends_of(token, payload, session)
                .unwrap_or_default(),
        }
    }

    fn has_ends_of(&self, token: &[u8], payload: Payload, session: &Session) -> Option<bool> {
        let (start, len) = (payload.start as usize, payload.len as usize);
        let (before, rest) = token.split_at_checked(start)?;
        let (segment, after) = rest.split_at_checked(len)?;
        let (known_before, known_after) = self.text.split_at_checked(start)?;
        let same_ends = before == known_before && after == known_after;
        Some(same_ends && is_encoded(segment, session.payload().as_bytes()))
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The bytes that it takes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, jwt::claims::Claims, session::TenantClaims};

    /// A session with so many bytes of claims of its own, and a token with its payload.
    fn session(bytes: usize) -> (Session, String) {
        let own = "x".repeat(bytes);
        let payload = format!(r#"{{"iss":"P1","sub":"U1","exp":2000,"x":"{own}"}}"#);
        let encoded = base64_simd::URL_SAFE_NO_PAD.encode_to_string(&payload);
        let claims = Claims::parse(payload.into()).unwrap();
        let session = Session::new(claims, TenantClaims::default(), Clock::System);
        (
            session,
            format!("eyJhbGciOiJFUzI1NiJ9.{encoded}.c2lnbmF0dXJl"),
        )
    }

    #[test]
    fn a_token_without_its_payload_is_told_from_all_that_differ_in_one_byte() {
        for bytes in [0, 1, 2, 720, 724, 725, 726, 2_000] {
            let (session, token) = session(bytes);
            let token = token.as_bytes();
            for compact in [true, false] {
                let kept = KeptToken::new(token, compact);
                assert_eq!(kept.heap_bytes() < token.len(), compact);
                assert!(kept.is(token, &session));
                for at in 0..token.len() {
                    let mut other = token.to_vec();
                    other[at] ^= 1;
                    assert!(!kept.is(&other, &session), "{at} of {bytes}");
                    other.remove(at);
                    assert!(!kept.is(&other, &session), "without {at} of {bytes}");
                }
                assert!(!kept.is(&[token, b"A"].concat(), &session));
                assert!(!kept.is(&[b"A", token].concat(), &session));
                assert!(!kept.is(b"", &session));
            }
        }
    }

    #[test]
    fn what_is_no_token_is_kept_whole() {
        let (session, _) = session(0);
        for text in ["", "a", "a.b", "a.b.c.d"] {
            let kept = KeptToken::new(text.as_bytes(), true);
            assert!(kept.is(text.as_bytes(), &session));
            assert!(!kept.is(b"other", &session));
        }
    }
}
