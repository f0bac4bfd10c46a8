//! Types that keep secrets from being shown, and the reading of the `Authorization` field.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, header};
use memchr::{memchr, memchr3};
use zeroize::Zeroizing;

/// The life of a refresh token whose own word on that could not be read: Descope's default.
pub(crate) const REFRESH_TOKEN_LIFE: Duration = Duration::from_secs(28 * 24 * 3_600);

/// How long after its successor was delivered a replaced refresh token is still known. Until then a
/// request with it may have waited in a proxy; from then on Descope judges it.
pub(crate) const REMEMBER_DELIVERED: Duration = Duration::from_secs(15 * 60);

/// Defines a type for a secret text: cheap to clone, wiped when the last clone is dropped, and not
/// shown by `Debug`.
macro_rules! secret_text {
    ($(#[$attribute:meta])* $name:ident($text:ident), $new:vis) => {
        $(#[$attribute])*
        ///
        /// `Debug` shows nothing of it, clones share its memory, and that is wiped when the last is
        /// dropped.
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Arc<Zeroizing<String>>);

        impl $name {
            #[doc = concat!("Wraps a ", stringify!($text), "'s text without any check: it proves nothing.")]
            $new fn new($text: impl Into<String>) -> Self {
                Self(Arc::new(Zeroizing::new($text.into())))
            }

            /// The secret's text. Keep it out of logs.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

secret_text! {
    /// A session JWT (`DS`): opens the service for some minutes.
    ///
    /// ```
    /// use tower_descope::SessionToken;
    ///
    /// let token = SessionToken::new("eyJhbGciOi…");
    /// assert_eq!(format!("{token:?}"), "SessionToken(…)");
    /// ```
    SessionToken(token), pub
}

secret_text! {
    /// A refresh JWT (`DSR`): opens new sessions for weeks, so it is worth more than a password.
    RefreshToken(token), pub
}

secret_text! {
    /// An access key: what a machine signs in with, again and again, until somebody revokes it.
    ///
    /// ```
    /// use tower_descope::AccessKey;
    ///
    /// let key = AccessKey::new("K2aAc4T2V93bddihGEx2Ryhc8e5Z…");
    /// assert_eq!(format!("{key:?}"), "AccessKey(…)");
    /// ```
    AccessKey(key), pub
}

secret_text! {
    /// A token that this crate passes on and never reads.
    OpaqueToken(token), pub(crate)
}

impl AccessKey {
    /// Returns `true` if it could be a key by its characters: those that a bearer token may have,
    /// without the dots that tokens have and the colons that separate the parts of Descope's own
    /// form.
    pub(crate) fn is_plausible(&self) -> bool {
        is_key(self.0.as_bytes())
    }
}

/// The `Authorization` field of a request, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authorization<'a> {
    /// No field, or one of another scheme, which counts as absent.
    Absent,
    /// `Bearer` and a credential.
    Bearer(Credential<'a>),
    /// `Bearer` without a credential, or DPoP, which is not supported.
    Malformed,
    /// More than one field.
    Several,
}

/// The bytes after `Bearer`, unchecked: the session cache finds a token that was verified before by
/// its bytes alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credential<'a>(&'a [u8]);

impl<'a> Credential<'a> {
    #[inline]
    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns the credential's text, unless it is several tokens, or one with something after it.
    /// Its characters are checked later: by base64url's decoder for a token, by [`is_key`] for a
    /// key.
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

/// Schemes that people send tokens with and that are not read, as they are shown in the log: a field
/// without a scheme is a secret.
const UNREAD_SCHEMES: [&str; 4] = ["Token", "JWT", "Session", "ApiKey"];

/// Schemes of others, for example of a proxy: nothing to wonder about.
const FOREIGN_SCHEMES: [&str; 4] = ["Basic", "Digest", "Negotiate", "NTLM"];

/// The scheme of an `Authorization` field that counts as absent, unless it is one of others; a fixed
/// text, since of what a client sends anything may be a secret.
pub(crate) fn unread_scheme(headers: &HeaderMap) -> Option<&'static str> {
    let field = headers.get(header::AUTHORIZATION)?;
    if authorization(headers) != Authorization::Absent {
        return None;
    }
    let field = field.as_bytes().trim_ascii();
    let mut parts = field.splitn(2, |&byte| byte == b' ' || byte == b'\t');
    let scheme = parts.next().unwrap_or_default();
    let is = |name: &&str| scheme.eq_ignore_ascii_case(name.as_bytes());
    if FOREIGN_SCHEMES.iter().any(is) {
        None
    } else if parts.next().is_none() {
        Some("none")
    } else {
        Some(UNREAD_SCHEMES.into_iter().find(is).unwrap_or("another"))
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

/// Returns `true` if a bearer token could be an access key by its characters.
pub(crate) fn is_key(credential: &[u8]) -> bool {
    let is_key_byte = |byte: u8| is_token_byte(byte) && byte != b'.' && byte != b':';
    // To the end in any case: so the compiler looks at many bytes at once.
    let all = |all, &byte: &u8| all & is_key_byte(byte);
    !credential.is_empty() && credential.iter().fold(true, all)
}

/// Returns `true` for three segments of base64url, none of them empty.
pub(crate) fn is_compact_jwt(token: &str) -> bool {
    let dot = |text: &str| memchr(b'.', text.as_bytes());
    let segments = || {
        let (header, rest) = token.split_at_checked(dot(token)?)?;
        let rest = rest.get(1..)?;
        let (payload, signature) = rest.split_at_checked(dot(rest)?)?;
        Some([header, payload, signature.get(1..)?])
    };
    let is_segment = |segment: &str| !segment.is_empty() && is_base64url(segment);
    segments().is_some_and(|segments| segments.into_iter().all(is_segment))
}

/// Returns `true` if all characters are of base64url.
pub(crate) fn is_base64url(text: &str) -> bool {
    // Without a branch for each byte, so that the processor looks at many of them at a time.
    let is_odd = |byte: u8| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        1 ^ (u8::from(letter) | u8::from(digit) | u8::from(byte == b'-') | u8::from(byte == b'_'))
    };
    text.bytes().fold(0, |odd, byte| odd | is_odd(byte)) == 0
}

/// Returns `true` for `b64token` of RFC 6750 section 2.1 (`A-Z a-z 0-9 - . _ ~ + / =`), and for `:`,
/// which separates the parts of Descope's own form.
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
