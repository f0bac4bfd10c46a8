//! Signatures by jsonwebtoken's `rust_crypto` provider, named explicitly: the process-wide one
//! panics as soon as another crate enables the other backend.

use jsonwebtoken::{
    Algorithm as Name, DecodingKey, crypto::JwtVerifier, crypto::rust_crypto::DEFAULT_PROVIDER,
};

use super::material::{Algorithm, Material};

pub(super) const NAME: Option<&str> = Some("rust-crypto");

/// The key. Its verifier is made anew for each token, since it is neither `Send` nor `Sync`.
pub(super) struct Prepared {
    key: DecodingKey,
    name: Name,
}

impl Prepared {
    pub(super) fn new(algorithm: Algorithm, material: &Material) -> Result<Self, &'static str> {
        let prepared = Self {
            key: match material {
                Material::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
                Material::Ec(point) => DecodingKey::from_ec_der(point),
                Material::Ed(point) => DecodingKey::from_ed_der(point),
            },
            name: match algorithm {
                Algorithm::Rs256 => Name::RS256,
                Algorithm::Rs384 => Name::RS384,
                Algorithm::Rs512 => Name::RS512,
                Algorithm::Ps256 => Name::PS256,
                Algorithm::Ps384 => Name::PS384,
                Algorithm::Ps512 => Name::PS512,
                Algorithm::Es256 => Name::ES256,
                Algorithm::Es384 => Name::ES384,
                Algorithm::EdDsa => Name::EdDSA,
            },
        };
        // Making the verifier is what checks that a point is on its curve.
        prepared.verifier().ok_or("not a point on its curve")?;
        Ok(prepared)
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier()
            .is_some_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }

    fn verifier(&self) -> Option<Box<dyn JwtVerifier>> {
        (DEFAULT_PROVIDER.verifier_factory)(&self.name, &self.key).ok()
    }
}
