//! Digests of secrets, so that no table holds the secrets themselves as keys.

#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
use jsonwebtoken::{crypto::CryptoProvider, jwk::ThumbprintHash};

use crate::error::Error;

/// The SHA-256 digest of a refresh token or an access key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// The digest of a secret's text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) without a crypto backend.
    pub(crate) fn of(secret: &str) -> Result<Self, Error> {
        sha256(secret.as_bytes()).map(Self)
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

#[cfg(test)]
impl From<[u8; 32]> for Digest {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

// The provider is named, not jsonwebtoken's process-wide one: that panics as soon as any crate in
// the graph enables the other backend.
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
fn sha256(bytes: &[u8]) -> Result<[u8; 32], Error> {
    #[cfg(feature = "aws-lc-rs")]
    let provider: &CryptoProvider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider: &CryptoProvider = &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;

    (provider.key_utils.compute_digest)(bytes, ThumbprintHash::SHA256)
        .ok()
        .and_then(|digest| digest.try_into().ok())
        .ok_or_else(|| Error::config("the crypto backend has no SHA-256"))
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
fn sha256(_bytes: &[u8]) -> Result<[u8; 32], Error> {
    Err(Error::config(
        "no crypto backend: enable the feature `aws-lc-rs` or `rust-crypto` of tower-descope",
    ))
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
}
