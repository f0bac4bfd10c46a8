//! Names for refresh tokens, so that no table holds the tokens themselves as keys.

use crate::{digest::sha256, error::Error, token::RefreshToken};

/// The SHA-256 digest of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) without a crypto backend.
    pub(super) fn of(token: &RefreshToken) -> Result<Self, Error> {
        sha256(token.expose().as_bytes()).map(Self)
    }

    #[cfg(test)]
    pub(super) fn of_test(token: &RefreshToken) -> Self {
        let mut digest = [0; 32];
        let text = token.expose().as_bytes();
        digest[..text.len()].copy_from_slice(text);
        Self(digest)
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256() {
        let Digest(digest) = Digest::of(&RefreshToken::new("abc")).unwrap();
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest[28..], [0xf2, 0x00, 0x15, 0xad]);
    }
}
