//! HKDF-SHA256 (RFC 5869) and AES-256-GCM (NIST SP 800-38D) of the crypto backend. All write one
//! format; where both backends are there, aws-lc-rs does it.

#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
use aes_gcm::{AeadInPlace as _, Aes256Gcm, KeyInit as _};
#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
};

use crate::error::Error;

/// 32 secret bytes.
pub(super) type Key = zeroize::Zeroizing<[u8; 32]>;

/// The length of a nonce, in bytes.
pub(super) const NONCE: usize = 12;

/// The length of a tag, in bytes.
pub(super) const TAG: usize = 16;

/// 32 bytes that nobody knows without both secrets, others for each purpose (`info`).
#[cfg(feature = "aws-lc-rs")]
pub(super) fn derive(salt: &[u8], secret: &str, info: &[u8]) -> Result<Key, Error> {
    let mut key = Key::default();
    Salt::new(HKDF_SHA256, salt)
        .extract(secret.as_bytes())
        .expand(&[info], HKDF_SHA256)
        .and_then(|output| output.fill(key.as_mut_slice()))
        .map_err(|_| Error::config("the crypto backend derives no keys"))?;
    Ok(key)
}

/// Encrypts `text` in its place, and returns the tag of it and of `name`.
#[cfg(feature = "aws-lc-rs")]
pub(super) fn seal(
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
#[cfg(feature = "aws-lc-rs")]
#[must_use]
pub(super) fn open(
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

#[cfg(feature = "aws-lc-rs")]
fn cipher(key: &Key) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, key.as_slice()).map(LessSafeKey::new)
}

/// As the other backend does.
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
pub(super) fn derive(salt: &[u8], secret: &str, info: &[u8]) -> Result<Key, Error> {
    let mut key = Key::default();
    hkdf::Hkdf::<sha2::Sha256>::new(Some(salt), secret.as_bytes())
        .expand(info, key.as_mut_slice())
        .map_err(|_| Error::config("the crypto backend derives no keys"))?;
    Ok(key)
}

/// As the other backend does.
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
pub(super) fn seal(
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
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
#[must_use]
pub(super) fn open(
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

#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
fn cipher(key: &Key) -> Aes256Gcm {
    Aes256Gcm::new(key.as_slice().into())
}

/// Without a backend there is nothing to share either: no refresh token has a digest.
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
pub(super) fn derive(_: &[u8], _: &str, _: &[u8]) -> Result<Key, Error> {
    Err(no_backend())
}

/// Nothing is sealed.
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
pub(super) fn seal(_: &Key, _: [u8; NONCE], _: &[u8], _: &mut [u8]) -> Result<[u8; TAG], Error> {
    Err(no_backend())
}

/// Nothing is opened.
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#[must_use]
pub(super) fn open(_: &Key, _: [u8; NONCE], _: &[u8], _: &mut [u8], _: [u8; TAG]) -> bool {
    false
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
fn no_backend() -> Error {
    Error::config(
        "no crypto backend: enable the feature `aws-lc-rs` or `rust-crypto` of tower-descope",
    )
}
