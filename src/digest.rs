//! Digests of secrets, so that no table holds the secrets themselves as keys.

use std::hash::{Hash, Hasher};

use base64_simd::URL_SAFE_NO_PAD;

use crate::error::Error;

/// The SHA-256 digest of a refresh token or an access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

/// By eight of its bytes, which in a digest are as different as all of them: nobody can find many
/// secrets whose digests begin alike.
impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let beginning = self.0.first_chunk().map_or(0, |it| u64::from_le_bytes(*it));
        state.write_u64(beginning);
    }
}

impl Digest {
    /// The digest of a secret's text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) without a crypto backend.
    pub(crate) fn of(secret: &str) -> Result<Self, Error> {
        Self::of_bytes(secret.as_bytes())
    }

    /// As [`of`](Self::of), for a text that need not be checked to be one.
    pub(crate) fn of_bytes(secret: &[u8]) -> Result<Self, Error> {
        sha256(secret).map(Self)
    }

    /// Compares two digests in a time that says nothing of how much of them is alike.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        let difference = pairs.fold(0, |all, (one, other)| all | (one ^ other));
        std::hint::black_box(difference) == 0
    }

    /// The first sixteen bytes.
    pub(crate) fn first_half(&self) -> [u8; 16] {
        let half = self.0.first_chunk::<16>();
        half.copied().unwrap_or_default()
    }

    /// The beginning of the digest, in eight characters that may stand in a cookie's name.
    pub(crate) fn short_text(&self) -> String {
        let beginning = self.0.first_chunk::<6>();
        URL_SAFE_NO_PAD.encode_to_string(beginning.map_or(&[][..], |bytes| bytes))
    }

    /// The beginning of the digest, in 22 characters of base64url.
    pub(crate) fn text(&self) -> String {
        let mut text = URL_SAFE_NO_PAD.encode_to_string(self.0);
        text.truncate(22);
        text
    }

    /// Reads a digest from hexadecimal digits of either case, without anything around them.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let value = pair
                .iter()
                .try_fold(0, |value, character| Some(value * 16 + digit(character)?))?;
            *byte = u8::try_from(value).ok()?;
        }
        Some(Self(digest))
    }

    /// A short token's text as its digest, so that tests need no crypto backend.
    #[cfg(test)]
    pub(crate) fn of_test(token: &crate::token::RefreshToken) -> Self {
        let mut digest = [0; 32];
        let text = token.expose().as_bytes();
        digest[..text.len()].copy_from_slice(text);
        Self(digest)
    }
}

impl From<[u8; 32]> for Digest {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

#[cfg(feature = "aws-lc-rs")]
fn sha256(bytes: &[u8]) -> Result<[u8; 32], Error> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().map_err(|_| no_sha256())
}

// The provider is named, not jsonwebtoken's process-wide one: that panics as soon as any crate in
// the graph enables the other backend.
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
fn sha256(bytes: &[u8]) -> Result<[u8; 32], Error> {
    use jsonwebtoken::{crypto::rust_crypto::DEFAULT_PROVIDER, jwk::ThumbprintHash};

    (DEFAULT_PROVIDER.key_utils.compute_digest)(bytes, ThumbprintHash::SHA256)
        .ok()
        .and_then(|digest| digest.try_into().ok())
        .ok_or_else(no_sha256)
}

#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
fn no_sha256() -> Error {
    Error::config("the crypto backend has no SHA-256")
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
fn sha256(_bytes: &[u8]) -> Result<[u8; 32], Error> {
    Err(Error::config(
        "no crypto backend: enable the feature `aws-lc-rs` or `rust-crypto` of tower-descope",
    ))
}

#[cfg(test)]
mod hex_tests {
    use super::*;

    #[test]
    fn a_digest_in_hexadecimal_digits_is_read_in_either_case() {
        let text = format!("0fF0{}", "1a".repeat(30));
        let Digest(digest) = Digest::from_hex(&text).unwrap();
        assert_eq!(digest[..3], [0x0f, 0xf0, 0x1a]);
        assert!(Digest::from_hex(&text[2..]).is_none());
        assert!(Digest::from_hex(&text.replace("0f", "0x")).is_none());
        assert!(Digest::from_hex(&text.replace("0f", "\u{e9}")).is_none());
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        let Digest(digest) = Digest::of("abc").unwrap();
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest[28..], [0xf2, 0x00, 0x15, 0xad]);
    }

    #[test]
    fn digests_that_differ_in_one_bit_are_not_the_same() {
        let digest = Digest([0x5a; 32]);
        assert!(digest.is_same(&Digest([0x5a; 32])));
        for at in 0..32 {
            for bit in 0..8 {
                let mut other = digest;
                other.0[at] ^= 1 << bit;
                assert!(!digest.is_same(&other), "byte {at}, bit {bit}");
            }
        }
    }
}
