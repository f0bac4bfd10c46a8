//! HKDF-SHA256 (RFC 5869) and AES-256-GCM (NIST SP 800-38D) of the crypto backend. All write one
//! format; where both backends are there, aws-lc-rs does it.

#[cfg(feature = "aws-lc-rs")]
pub(super) use aws::{derive, open, seal};
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
pub(super) use rust::{derive, open, seal};
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
pub(super) use without::{derive, open, seal};

/// 32 secret bytes.
pub(super) type Key = zeroize::Zeroizing<[u8; 32]>;

/// The length of a nonce, in bytes.
pub(super) const NONCE: usize = 12;

/// The length of a tag, in bytes.
pub(super) const TAG: usize = 16;

#[cfg(feature = "aws-lc-rs")]
mod aws {
    use aws_lc_rs::{
        aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
        error::Unspecified,
        hkdf::{HKDF_SHA256, Salt},
    };

    use super::{Key, NONCE, TAG};
    use crate::error::Error;

    /// 32 bytes that nobody knows without both secrets, others for each purpose (`info`).
    pub(in super::super) fn derive(salt: &[u8], secret: &str, info: &[u8]) -> Result<Key, Error> {
        let mut key = Key::default();
        Salt::new(HKDF_SHA256, salt)
            .extract(secret.as_bytes())
            .expand(&[info], HKDF_SHA256)
            .and_then(|output| output.fill(key.as_mut_slice()))
            .map_err(|_| Error::config("the crypto backend derives no keys"))?;
        Ok(key)
    }

    /// Encrypts `text` in its place, and returns the tag of it and of `name`.
    pub(in super::super) fn seal(
        key: &Key,
        nonce: [u8; NONCE],
        name: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG], Error> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        cipher(key)
            .and_then(|cipher| cipher.seal_in_place_separate_tag(nonce, Aad::from(name), text))
            .ok()
            .and_then(|tag| tag.as_ref().try_into().ok())
            .ok_or_else(|| Error::config("the crypto backend seals nothing"))
    }

    /// Decrypts `text` in its place, if `tag` is that of it and of `name`. Else it is worth nothing.
    #[must_use]
    pub(in super::super) fn open(
        key: &Key,
        nonce: [u8; NONCE],
        name: &[u8],
        text: &mut [u8],
        tag: [u8; TAG],
    ) -> bool {
        let nonce = Nonce::assume_unique_for_key(nonce);
        cipher(key).is_ok_and(|cipher| {
            let opened = cipher.open_in_place_separate_tag(nonce, Aad::from(name), &tag, text);
            opened.is_ok()
        })
    }

    fn cipher(key: &Key) -> Result<LessSafeKey, Unspecified> {
        UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new)
    }
}

#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
mod rust {
    use aes_gcm::{AeadInPlace as _, Aes256Gcm, KeyInit as _};
    use hkdf::Hkdf;
    use sha2::Sha256;

    use super::{Key, NONCE, TAG};
    use crate::error::Error;

    /// As the other backend does.
    pub(in super::super) fn derive(salt: &[u8], secret: &str, info: &[u8]) -> Result<Key, Error> {
        let mut key = Key::default();
        Hkdf::<Sha256>::new(Some(salt), secret.as_bytes())
            .expand(info, key.as_mut_slice())
            .map_err(|_| Error::config("the crypto backend derives no keys"))?;
        Ok(key)
    }

    /// As the other backend does.
    pub(in super::super) fn seal(
        key: &Key,
        nonce: [u8; NONCE],
        name: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG], Error> {
        cipher(key)
            .encrypt_in_place_detached(&nonce.into(), name, text)
            .map(Into::into)
            .map_err(|_| Error::config("the crypto backend seals nothing"))
    }

    /// As the other backend does.
    #[must_use]
    pub(in super::super) fn open(
        key: &Key,
        nonce: [u8; NONCE],
        name: &[u8],
        text: &mut [u8],
        tag: [u8; TAG],
    ) -> bool {
        cipher(key)
            .decrypt_in_place_detached(&nonce.into(), name, text, &tag.into())
            .is_ok()
    }

    fn cipher(key: &Key) -> Aes256Gcm {
        Aes256Gcm::new(key.as_slice().into())
    }
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod without {
    use super::{Key, NONCE, TAG};
    use crate::error::Error;

    /// Without a backend there is nothing to share either: no refresh token has a digest.
    pub(in super::super) fn derive(_: &[u8], _: &str, _: &[u8]) -> Result<Key, Error> {
        Err(no_backend())
    }

    pub(in super::super) fn seal(
        _: &Key,
        _: [u8; NONCE],
        _: &[u8],
        _: &mut [u8],
    ) -> Result<[u8; TAG], Error> {
        Err(no_backend())
    }

    #[must_use]
    pub(in super::super) fn open(
        _: &Key,
        _: [u8; NONCE],
        _: &[u8],
        _: &mut [u8],
        _: [u8; TAG],
    ) -> bool {
        false
    }

    fn no_backend() -> Error {
        Error::config(
            "no crypto backend: enable the feature `aws-lc-rs` or `rust-crypto` of tower-descope",
        )
    }
}
