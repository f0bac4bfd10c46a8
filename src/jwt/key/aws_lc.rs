//! Signatures by aws-lc-rs, over keys parsed once: jsonwebtoken's own verifiers parse an RSA key
//! again for each token.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents,
};

use super::material::{Algorithm, Material};

pub(super) const NAME: Option<&str> = Some("aws-lc-rs");

pub(super) struct Prepared(ParsedPublicKey);

impl Prepared {
    pub(super) fn new(algorithm: Algorithm, material: &Material) -> Result<Self, &'static str> {
        let parsed = match material {
            Material::Rsa { n, e } => {
                let parameters = rsa(algorithm).ok_or("kty does not fit alg")?;
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)
            }
            Material::Ec(point) if algorithm == Algorithm::Es384 => {
                ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
            }
            Material::Ec(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point),
            Material::Ed(point) => ParsedPublicKey::new(&ED25519, point),
        };
        parsed.map(Self).map_err(|_| "not a point on its curve")
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
    })
}
