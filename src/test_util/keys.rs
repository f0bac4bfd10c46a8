//! The loud test keys, and signing with them.
//!
//! The provider is named: with both backends of `jsonwebtoken` compiled in, its `encode` panics.

use std::sync::LazyLock;

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::{rand::SystemRandom, rsa, signature as schemes};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, crypto::CryptoProvider};
use serde_json::{Map, Value};

/// How many RSA keys there are to rotate through.
const RSA_KEYS: usize = 4;

static RSA: [LazyLock<TestKey>; RSA_KEYS] = [
    LazyLock::new(|| TestKey::rsa("rsa-1", include_bytes!("keys/rsa-1.der"))),
    LazyLock::new(|| TestKey::rsa("rsa-2", include_bytes!("keys/rsa-2.der"))),
    LazyLock::new(|| TestKey::rsa("rsa-3", include_bytes!("keys/rsa-3.der"))),
    LazyLock::new(|| TestKey::rsa("rsa-4", include_bytes!("keys/rsa-4.der"))),
];
static P256: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::ec("p256", include_bytes!("keys/p256.der")));
static P384: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::ec("p384", include_bytes!("keys/p384.der")));
static ED25519: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::ed("ed25519", include_bytes!("keys/ed25519.der")));

static RSA_STRANGER: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::rsa("rsa-stranger", include_bytes!("keys/rsa-stranger.der")));
static P256_STRANGER: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::ec("p256-stranger", include_bytes!("keys/p256-stranger.der")));
static P384_STRANGER: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::ec("p384-stranger", include_bytes!("keys/p384-stranger.der")));
static ED25519_STRANGER: LazyLock<TestKey> = LazyLock::new(|| {
    TestKey::ed(
        "ed25519-stranger",
        include_bytes!("keys/ed25519-stranger.der"),
    )
});

/// A key pair that everybody knows.
pub(super) struct TestKey {
    private: EncodingKey,
    /// The private half, parsed once: `jsonwebtoken` parses and checks an RSA key again for each
    /// signature, which takes twice as long as signing.
    #[cfg(feature = "aws-lc-rs")]
    parsed: Option<rsa::KeyPair>,
    public: DecodingKey,
    /// The public half as JWK members, without `kid`, `alg` and `use`.
    pub(super) jwk: Map<String, Value>,
}

impl TestKey {
    fn rsa(name: &str, der: &[u8]) -> Self {
        let key = Self::new(name, EncodingKey::from_rsa_der(der), |jwk| {
            DecodingKey::from_rsa_components(text(jwk, "n"), text(jwk, "e"))
        });
        #[cfg(feature = "aws-lc-rs")]
        let key = Self {
            parsed: Some(rsa::KeyPair::from_der(der).expect("a test key is a key")),
            ..key
        };
        key
    }

    fn ec(name: &str, der: &[u8]) -> Self {
        Self::new(name, EncodingKey::from_ec_der(der), |jwk| {
            DecodingKey::from_ec_components(text(jwk, "x"), text(jwk, "y"))
        })
    }

    fn ed(name: &str, der: &[u8]) -> Self {
        Self::new(name, EncodingKey::from_ed_der(der), |jwk| {
            DecodingKey::from_ed_components(text(jwk, "x"))
        })
    }

    fn new(
        name: &str,
        private: EncodingKey,
        public: impl FnOnce(&Map<String, Value>) -> jsonwebtoken::errors::Result<DecodingKey>,
    ) -> Self {
        let mut halves: Map<String, Value> =
            serde_json::from_str(include_str!("keys/public.json")).expect("public.json is JSON");
        let Some(Value::Object(jwk)) = halves.remove(name) else {
            panic!("public.json lacks the key {name}");
        };
        Self {
            private,
            #[cfg(feature = "aws-lc-rs")]
            parsed: None,
            public: public(&jwk).expect("public.json holds base64url"),
            jwk,
        }
    }

    /// The project key number `index` that fits `algorithm`; only RSA has more than one.
    pub(super) fn project(algorithm: Algorithm, index: usize) -> &'static Self {
        match algorithm {
            Algorithm::ES256 => &P256,
            Algorithm::ES384 => &P384,
            Algorithm::EdDSA => &ED25519,
            _ => &RSA[index % RSA_KEYS],
        }
    }

    /// A key that fits `algorithm` and is in nobody's key set.
    pub(super) fn stranger(algorithm: Algorithm) -> &'static Self {
        match algorithm {
            Algorithm::ES256 => &P256_STRANGER,
            Algorithm::ES384 => &P384_STRANGER,
            Algorithm::EdDSA => &ED25519_STRANGER,
            _ => &RSA_STRANGER,
        }
    }

    /// Signs `message`.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        #[cfg(feature = "aws-lc-rs")]
        if let (Some(key), Some(scheme)) = (&self.parsed, rsa_scheme(algorithm)) {
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(scheme, &SystemRandom::new(), message, &mut signature)
                .expect("a test key signs");
            return signature;
        }
        sign(algorithm, &self.private, message)
    }

    /// Returns `true` if `signature` is this key's, for `message`.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Ok(verifier) = (provider().verifier_factory)(&algorithm, &self.public) else {
            return false;
        };
        verifier.verify(message, &signature.to_vec()).is_ok()
    }

    /// Signs `message` with HS256 and what everybody can read of this key: the trap of libraries
    /// that let a token choose its algorithm.
    pub(super) fn sign_with_public_half(&self, message: &[u8]) -> Vec<u8> {
        let member = if self.jwk.contains_key("n") { "n" } else { "x" };
        let public = URL_SAFE_NO_PAD
            .decode(text(&self.jwk, member))
            .expect("public.json holds base64url");
        let secret = EncodingKey::from_secret(&public);
        sign(Algorithm::HS256, &secret, message)
    }
}

/// HMAC-SHA256 of a message.
pub(super) fn hmac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    sign(Algorithm::HS256, &EncodingKey::from_secret(secret), message)
}

/// Panics unless there is something to sign with.
pub(super) fn require_backend() {
    provider();
}

/// Reads the name of a signing algorithm that Descope could use.
pub(super) fn algorithm(name: &str) -> Algorithm {
    match name.parse::<Algorithm>() {
        Ok(algorithm) if algorithm.family() != AlgorithmFamily::Hmac => algorithm,
        _ => panic!(
            "`{name}` is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA"
        ),
    }
}

/// `header.payload.signature`; an empty signature if `sign` gives none.
pub(super) fn compact(
    header: &[u8],
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

fn sign(algorithm: Algorithm, key: &EncodingKey, message: &[u8]) -> Vec<u8> {
    (provider().signer_factory)(&algorithm, key)
        .expect("a test key fits its algorithm")
        .try_sign(message)
        .expect("a test key signs")
}

#[cfg(feature = "aws-lc-rs")]
fn rsa_scheme(algorithm: Algorithm) -> Option<&'static dyn schemes::RsaEncoding> {
    Some(match algorithm {
        Algorithm::RS256 => &schemes::RSA_PKCS1_SHA256,
        Algorithm::RS384 => &schemes::RSA_PKCS1_SHA384,
        Algorithm::RS512 => &schemes::RSA_PKCS1_SHA512,
        Algorithm::PS256 => &schemes::RSA_PSS_SHA256,
        Algorithm::PS384 => &schemes::RSA_PSS_SHA384,
        Algorithm::PS512 => &schemes::RSA_PSS_SHA512,
        _ => return None,
    })
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &str) -> &'a str {
    jwk.get(member).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(feature = "aws-lc-rs")]
fn provider() -> &'static CryptoProvider {
    &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
}

#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
fn provider() -> &'static CryptoProvider {
    &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
fn provider() -> &'static CryptoProvider {
    panic!(
        "FakeDescope has nothing to sign with: enable the feature `aws-lc-rs` or `rust-crypto` of \
         tower-descope"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALGORITHMS: [&str; 9] = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ];

    #[test]
    fn every_key_verifies_its_own_signatures_and_no_stranger_s() {
        for name in ALGORITHMS {
            let algorithm = algorithm(name);
            let key = TestKey::project(algorithm, 0);
            let stranger = TestKey::stranger(algorithm);
            assert!(
                key.verifies(algorithm, b"m", &key.sign(algorithm, b"m")),
                "{name}"
            );
            assert!(
                !key.verifies(algorithm, b"m", &stranger.sign(algorithm, b"m")),
                "{name}"
            );
            assert!(
                !key.verifies(algorithm, b"n", &key.sign(algorithm, b"m")),
                "{name}"
            );
        }
    }

    #[test]
    #[should_panic(expected = "`HS256` is not one of")]
    fn symmetric_algorithms_are_refused() {
        algorithm("HS256");
    }
}
