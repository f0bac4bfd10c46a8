//! Where tokens stand in a request, and types that keep them from being shown.

use std::fmt;

use http::{HeaderMap, header};
use memchr::memchr3;
use zeroize::Zeroizing;

/// A session JWT (`DS`): opens the service for some minutes.
///
/// `Debug` shows nothing of it, and its memory is wiped when it is dropped.
///
/// ```
/// use tower_descope::SessionToken;
///
/// let token = SessionToken::new("eyJhbGciOi…");
/// assert_eq!(format!("{token:?}"), "SessionToken(…)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken(Zeroizing<String>);

/// A refresh JWT (`DSR`): opens new sessions for weeks, so it is worth more than a password.
///
/// `Debug` shows nothing of it, and its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(Zeroizing<String>);

/// An access key: what a machine signs in with, again and again, until somebody revokes it.
///
/// `Debug` shows nothing of it, and its memory is wiped when it is dropped.
///
/// ```
/// use tower_descope::AccessKey;
///
/// let key = AccessKey::new("K2aAc4T2V93bddihGEx2Ryhc8e5Z…");
/// assert_eq!(format!("{key:?}"), "AccessKey(…)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey(Zeroizing<String>);

impl SessionToken {
    /// Wraps a token's text. Nothing is checked: a `SessionToken` proves nothing.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Zeroizing::new(token.into()))
    }

    /// The token's text. Keep it out of logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl RefreshToken {
    /// Wraps a token's text. Nothing is checked: a `RefreshToken` proves nothing.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Zeroizing::new(token.into()))
    }

    /// The token's text. Keep it out of logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl AccessKey {
    /// Wraps a key's text. Nothing is checked: an `AccessKey` proves nothing.
    pub fn new(key: impl Into<String>) -> Self {
        Self(Zeroizing::new(key.into()))
    }

    /// The key's text. Keep it out of logs.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it could be a key by its characters: those that a bearer token may have, without
    /// the dots that tokens have and the colons that part Descope's own form.
    pub(crate) fn is_plausible(&self) -> bool {
        is_key(&self.0)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

/// The `Authorization` field of a request, as far as this crate reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authorization<'a> {
    /// No field, or one of a scheme that is not ours: as if absent.
    Absent,
    /// `Bearer` with something.
    Bearer(Credential<'a>),
    /// Ours, but unusable: no token, or DPoP, which is not enabled.
    Malformed,
    /// More than one field.
    Several,
}

/// The text after `Bearer`, not parsed: a token that was verified before is recognised by its
/// bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credential<'a>(&'a [u8]);

impl<'a> Credential<'a> {
    #[inline]
    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The credential, if it could be one token, and is not several or one with something after it.
    /// Of which characters it is, is for those to see who make something of it: a token of others
    /// than base64url's is none, a key of others than [`is_key`] knows is none.
    pub(crate) fn text(self) -> Option<&'a str> {
        if memchr3(b' ', b'\t', b',', self.0).is_some() {
            return None;
        }
        std::str::from_utf8(self.0).ok()
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// Reads the `Authorization` field (RFC 9110 section 11.6.2, RFC 6750 section 2.1): scheme in any
/// case, one or more spaces, one token.
#[inline]
pub(crate) fn authorization(headers: &HeaderMap) -> Authorization<'_> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Authorization::Absent;
    };
    if fields.next().is_some() {
        return Authorization::Several;
    }
    let field = field.as_bytes().trim_ascii();
    let scheme_end = field
        .iter()
        .position(|&byte| byte == b' ' || byte == b'\t')
        .unwrap_or(field.len());
    let (scheme, rest) = field.split_at(scheme_end);
    if scheme.eq_ignore_ascii_case(b"dpop") {
        return Authorization::Malformed;
    }
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Authorization::Absent;
    }
    let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
    match rest.get(spaces..) {
        None | Some([]) => Authorization::Malformed,
        Some(credential) => Authorization::Bearer(Credential(credential)),
    }
}

/// Whether a bearer token could be an access key by its characters.
pub(crate) fn is_key(text: &str) -> bool {
    let is_key_byte = |byte| is_token_byte(byte) && byte != b'.' && byte != b':';
    !text.is_empty() && text.bytes().all(is_key_byte)
}

/// `b64token` of RFC 6750 section 2.1 (`A-Z a-z 0-9 - . _ ~ + / =`), and `:`, which separates the
/// parts of Descope's own form.
fn is_token_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'+' | b'-'..=b':' | b'=' | b'A'..=b'Z' | b'_' | b'a'..=b'z' | b'~'
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(fields: &[&'static [u8]]) -> String {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(
                header::AUTHORIZATION,
                HeaderValue::from_bytes(field).unwrap(),
            );
        }
        match authorization(&headers) {
            Authorization::Bearer(credential) => match credential.text() {
                Some(token) => format!("Bearer({token:?})"),
                None => "Malformed".to_owned(),
            },
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_with_any_number_of_spaces() {
        for field in [
            b"Bearer a.b.c".as_slice(),
            b"bearer a.b.c",
            b"BEARER   a.b.c",
            b"  Bearer a.b.c  ",
        ] {
            assert_eq!(read(&[field]), r#"Bearer("a.b.c")"#);
        }
    }

    #[test]
    fn other_schemes_are_as_if_absent() {
        for field in [b"Basic dTpw".as_slice(), b"Bearera.b.c", b"", b"Negotiate"] {
            assert_eq!(read(&[field]), "Absent");
        }
        assert_eq!(read(&[]), "Absent");
    }

    #[test]
    fn anything_but_one_token_is_malformed() {
        for field in [
            b"Bearer".as_slice(),
            b"Bearer ",
            b"Bearer a.b.c d",
            b"Bearer a.b.c, Bearer d.e.f",
            b"Bearer a.b.\xff",
            b"Bearer\ta.b.c",
            b"Bearer \ta.b.c",
            b"DPoP a.b.c",
        ] {
            assert_eq!(read(&[field]), "Malformed", "{field:?}");
        }
    }

    #[test]
    fn two_fields_are_several_whatever_they_say() {
        assert_eq!(read(&[b"Bearer a.b.c", b"Bearer a.b.c"]), "Several");
        assert_eq!(read(&[b"Basic dTpw", b"Bearer a.b.c"]), "Several");
    }

    #[test]
    fn debug_shows_nothing_of_a_token() {
        assert_eq!(
            format!(
                "{:?} {:?} {:?}",
                SessionToken::new("eyJ"),
                RefreshToken::new("eyJ"),
                AccessKey::new("K2")
            ),
            "SessionToken(…) RefreshToken(…) AccessKey(…)"
        );
    }

    #[test]
    fn a_token_has_the_characters_of_a_bearer_token_and_no_others() {
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_alphanumeric() || b"-._~+/=:".contains(&byte);
            assert_eq!(is_token_byte(byte), expected, "{byte}");
        }
    }
}
