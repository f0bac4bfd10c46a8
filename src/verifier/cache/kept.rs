//! How the tokens of entries are kept.

use memchr::memchr;

use crate::{
    jwt::compact::{Compact, encoded_len, is_encoded},
    session::Session,
};

/// How a cache keeps the tokens by which sessions are found. All of a token decides in either form.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenForm {
    Whole,
    /// Without the payload, which the session has anyway: what stands before it and after it.
    WithoutPayload,
}

impl TokenForm {
    /// A token as it is kept; `None` if it is none.
    pub(super) fn keep(self, token: &[u8]) -> Option<Box<[u8]>> {
        if let Self::Whole = self {
            return Some(token.into());
        }
        let compact = Compact::parse(token, token.len()).ok()?;
        let start = compact.header_segment().len() + 1;
        let end = start + compact.payload_segment().len();
        let ends = [token.get(..start)?, token.get(end..)?];
        Some(ends.concat().into())
    }

    /// Returns `true` if `kept` is this very token; `session` is the one that it was verified to be.
    #[inline]
    pub(super) fn is(self, kept: &[u8], token: &[u8], session: &Session) -> bool {
        match self {
            Self::Whole => *kept == *token,
            Self::WithoutPayload => has_ends_of(kept, token, session).unwrap_or_default(),
        }
    }
}

fn has_ends_of(kept: &[u8], token: &[u8], session: &Session) -> Option<bool> {
    let payload = session.payload().as_bytes();
    let start = memchr(b'.', token)? + 1;
    let (before, rest) = token.split_at_checked(start)?;
    let (segment, after) = rest.split_at_checked(encoded_len(payload))?;
    let (known_before, known_after) = kept.split_at_checked(start)?;
    let same_ends = before == known_before && after == known_after;
    Some(same_ends && is_encoded(segment, payload))
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
        let session = Session::new(claims, TenantClaims::default(), Clock::System, None);
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
            for form in [TokenForm::Whole, TokenForm::WithoutPayload] {
                let kept = form.keep(token).unwrap();
                assert_eq!(
                    kept.len() < token.len(),
                    matches!(form, TokenForm::WithoutPayload)
                );
                assert!(form.is(&kept, token, &session));
                for at in 0..token.len() {
                    let mut other = token.to_vec();
                    other[at] ^= 1;
                    assert!(!form.is(&kept, &other, &session), "{at} of {bytes}");
                    other.remove(at);
                    assert!(!form.is(&kept, &other, &session), "without {at} of {bytes}");
                }
                assert!(!form.is(&kept, &[token, b"A"].concat(), &session));
                assert!(!form.is(&kept, &[b"A", token].concat(), &session));
                assert!(!form.is(&kept, b"", &session));
            }
        }
    }
}
