//! The signature of a delivery: HMAC-SHA256 (RFC 2104) over its body, under the connector's secret.

use std::fmt;

use base64_simd::STANDARD;
use http::HeaderMap;
use zeroize::Zeroizing;

use crate::error::Error;

/// The field that Descope signs in
/// ([HMAC](https://docs.descope.com/connectors/connector-hmac-usage)), in base64.
const FIELD: &str = "x-descope-webhook-s256";

/// The fewest bytes of a secret.
const SECRET_LEN: usize = 16;

/// The length of a signature, in bytes.
const LEN: usize = 32;

/// A signature as it was sent.
#[derive(Debug)]
pub(super) struct Signature([u8; LEN]);

impl Signature {
    /// Reads the field. The error says why there is none, for the log.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, &'static str> {
        let mut fields = headers.get_all(FIELD).iter();
        let field = fields.next().ok_or("no_signature")?;
        if fields.next().is_some() {
            return Err("several_signatures");
        }
        let bytes = STANDARD.decode_to_vec(field.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("malformed_signature")
    }
}

/// The secrets that a delivery may be signed with.
#[derive(Clone)]
pub(super) struct Secrets {
    current: Zeroizing<Vec<u8>>,
    pub(super) former: Option<Zeroizing<Vec<u8>>>,
}

impl Secrets {
    pub(super) fn new(secret: Vec<u8>) -> Self {
        Self {
            current: Zeroizing::new(secret),
            former: None,
        }
    }

    /// # Errors
    ///
    /// A secret is too short to be one.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.all().any(|secret| secret.len() < SECRET_LEN) {
            return Err(Error::config(format!(
                "a secret of RevocationWebhook has fewer than {SECRET_LEN} bytes: make one with \
                 `openssl rand -base64 32`, and give it to Descope's connector as its HMAC secret"
            )));
        }
        Ok(())
    }

    /// Returns `true` if one of them made the signature of this body.
    pub(super) fn signed(&self, body: &[u8], signature: &Signature) -> bool {
        self.all().any(|secret| is_hmac(secret, body, &signature.0))
    }

    fn all(&self) -> impl Iterator<Item = &Zeroizing<Vec<u8>>> {
        std::iter::once(&self.current).chain(&self.former)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Returns `true` if `tag` is the HMAC-SHA256 of `message`, in a time that does not depend on how much of
/// it is.
#[cfg(feature = "aws-lc-rs")]
fn is_hmac(secret: &[u8], message: &[u8], tag: &[u8; LEN]) -> bool {
    use aws_lc_rs::hmac;

    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, message, tag).is_ok()
}

/// As the other backend does. The provider is named, not jsonwebtoken's process-wide one: that panics as
/// soon as any crate in the graph enables the other backend.
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
fn is_hmac(secret: &[u8], message: &[u8], tag: &[u8; LEN]) -> bool {
    use jsonwebtoken::{Algorithm, DecodingKey, crypto::rust_crypto::DEFAULT_PROVIDER};

    let key = DecodingKey::from_secret(secret);
    (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::HS256, &key)
        .is_ok_and(|verifier| verifier.verify(message, &tag.to_vec()).is_ok())
}

/// Without a backend there is no handle either.
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
fn is_hmac(_: &[u8], _: &[u8], _: &[u8; LEN]) -> bool {
    false
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    /// RFC 4231 section 4.8: a key that is longer than a block.
    const KEY: [u8; 131] = [0xaa; 131];
    const MESSAGE: &[u8] = b"This is a test using a larger than block-size key and a larger than \
        block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
    const TAG: &str = "mwn/pxuUL8snY1+81bDpRL/cY2RPBxOTin9RU1w6NeI=";

    fn headers(fields: &[&str]) -> HeaderMap {
        let values = fields.iter().filter_map(|field| {
            let value = HeaderValue::from_bytes(field.as_bytes());
            value.ok()
        });
        let name = HeaderName::from_static(FIELD);
        values.map(|value| (name.clone(), value)).collect()
    }

    fn signed(secrets: &Secrets, message: &[u8], field: &str) -> bool {
        Signature::of(&headers(&[field])).is_ok_and(|it| secrets.signed(message, &it))
    }

    #[test]
    fn the_signature_is_hmac_sha_256_in_base64() {
        let secrets = Secrets::new(KEY.to_vec());
        assert!(signed(&secrets, MESSAGE, TAG));
        assert!(!signed(&secrets, &MESSAGE[1..], TAG));
        assert!(!signed(&Secrets::new(KEY[1..].to_vec()), MESSAGE, TAG));
        assert!(!signed(&secrets, MESSAGE, &TAG.replacen('m', "n", 1)));
    }

    #[test]
    fn a_former_secret_is_as_good_while_it_is_there() {
        let mut secrets = Secrets::new(vec![b'x'; 32]);
        assert!(!signed(&secrets, MESSAGE, TAG));
        secrets.former = Some(Zeroizing::new(KEY.to_vec()));
        assert!(signed(&secrets, MESSAGE, TAG));
    }

    #[test]
    fn there_is_one_signature_of_one_length_or_none() {
        let reason = |fields: &[&str]| Signature::of(&headers(fields)).unwrap_err();
        assert_eq!(reason(&[]), "no_signature");
        assert_eq!(reason(&[TAG, TAG]), "several_signatures");
        let hex = "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2";
        let url_safe = TAG.replace('/', "_").replace('+', "-");
        let unpadded = TAG.trim_end_matches('=');
        for field in [
            "",
            "x",
            hex,
            &url_safe,
            unpadded,
            &TAG[4..],
            "AAAA",
            "\u{e9}",
        ] {
            assert_eq!(reason(&[field]), "malformed_signature", "{field}");
        }
    }

    #[test]
    fn short_secrets_are_refused_and_none_is_shown() {
        let mut secrets = Secrets::new(vec![b'a'; SECRET_LEN]);
        secrets.check().unwrap();
        secrets.former = Some(Zeroizing::new(vec![b'b'; SECRET_LEN - 1]));
        let said = secrets.check().unwrap_err().to_string();
        assert!(
            said.contains("openssl rand") && !said.contains("bbb"),
            "{said}"
        );
        assert_eq!(format!("{secrets:?}"), "Secrets(…)");
        Secrets::new(Vec::new()).check().unwrap_err();
    }
}
