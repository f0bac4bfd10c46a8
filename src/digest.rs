//! Digests of secrets, so that no table holds the secrets themselves as keys.

#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
use jsonwebtoken::{crypto::CryptoProvider, jwk::ThumbprintHash};

use crate::error::Error;

/// The SHA-256 digest of some bytes.
///
/// # Errors
///
/// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) without a crypto backend.
//
// The provider is named, not jsonwebtoken's process-wide one: that panics as soon as any crate in
// the graph enables the other backend.
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
pub(crate) fn sha256(bytes: &[u8]) -> Result<[u8; 32], Error> {
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
pub(crate) fn sha256(_bytes: &[u8]) -> Result<[u8; 32], Error> {
    Err(Error::config(
        "no crypto backend: enable the feature `aws-lc-rs` or `rust-crypto` of tower-descope",
    ))
}
