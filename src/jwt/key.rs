//! JSON Web Key -> [`VerifyingKey`]: the algorithm fixed by the key, the key checked and prepared
//! once.
//!
//! Material that is no key here is refused before a backend sees it, so that the verdict is the same with
//! either: RSA of 2048 to 4096 bits with an odd exponent from 3 to 2^33 - 1; P-256 for ES256,
//! P-384 for ES384, Ed25519 for `EdDSA`, with coordinates of their exact length; canonical
//! base64url throughout. Secret keys (`oct`) and HMAC have no place in the types.

use std::{fmt, sync::OnceLock};

use jwks_client_rs::JsonWebKey;

#[cfg(feature = "aws-lc-rs")]
use self::aws_lc as backend;
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
use self::no_backend as backend;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
use self::rust_crypto as backend;
use self::{
    freshness::Freshness,
    material::{Algorithm, Family, Material, ec_material, ed_material, rsa_material},
};
use super::jwk;
use crate::clock::Now;

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(test)]
pub(crate) mod count;
#[cfg(test)]
mod curves;
mod freshness;
mod material;
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod no_backend;
#[cfg(test)]
mod published;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
mod rust_crypto;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wycheproof;

const NO_ALGORITHM: &str = "no alg, and no curve that names one";

/// A public key that one algorithm's signatures are checked with.
pub(crate) struct VerifyingKey {
    kid: Box<str>,
    algorithm: Algorithm,
    material: Material,
    prepared: backend::Prepared,
    /// The header segment of a token that this key has verified.
    header: OnceLock<Box<[u8]>>,
    freshness: Freshness,
}

impl VerifyingKey {
    /// Checks and prepares a key. An error says why it is none, in words that hold nothing of it.
    pub(crate) fn from_jwk(key: &JsonWebKey) -> Result<Self, &'static str> {
        let kid = key.key_id();
        if kid.is_empty() {
            return Err("no kid");
        }
        let algorithm = match (key.alg(), key) {
            (Some(name), _) => Algorithm::from_name(name).ok_or("unsupported alg")?,
            // RFC 7517 section 4.4 leaves `alg` out at will; old RSA keys without it are RS256, and a
            // curve has one algorithm (RFC 7518 section 3.4, RFC 8037 section 3.1).
            (None, JsonWebKey::Rsa(_)) => Algorithm::Rs256,
            (None, JsonWebKey::Ec(ec)) => Algorithm::of_curve(ec.curve()).ok_or(NO_ALGORITHM)?,
            (None, JsonWebKey::Okp(okp)) => Algorithm::of_curve(okp.curve()).ok_or(NO_ALGORITHM)?,
        };
        let material = match (key, algorithm.family()) {
            (JsonWebKey::Rsa(rsa), Family::Rsa) => {
                jwk::check_kept_use(rsa.r#use().as_ref())?;
                rsa_material(rsa.modulus(), rsa.exponent())?
            }
            (JsonWebKey::Ec(ec), Family::Ec { curve, coordinate }) => {
                if ec.curve() != curve {
                    return Err("crv does not fit alg");
                }
                ec_material(ec.x(), ec.y(), coordinate)?
            }
            (JsonWebKey::Okp(okp), Family::Ed { curve }) => {
                if okp.curve() != curve {
                    return Err("crv does not fit alg");
                }
                ed_material(okp.x())?
            }
            _ => return Err("kty does not fit alg"),
        };
        let prepared = backend::Prepared::new(algorithm, &material)?;
        Ok(Self {
            kid: kid.into(),
            algorithm,
            material,
            prepared,
            header: OnceLock::new(),
            freshness: Freshness::default(),
        })
    }

    /// The name that a token must give, character by character.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm that a token's header must name, character by character.
    pub(crate) fn algorithm(&self) -> &'static str {
        self.algorithm.name()
    }

    /// Returns `true` if `signature` is this key's over `signing_input`.
    pub(crate) fn verify(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        #[cfg(test)]
        count::note_check();
        // The one length that RFC 7518 sections 3.3 to 3.5 and RFC 8032 know for this key.
        let length = match &self.material {
            Material::Rsa { n, .. } => n.len(),
            Material::Ec(point) => point.len() - 1,
            Material::Ed(_) => 64,
        };
        signature.len() == length && self.prepared.verify(signing_input, signature)
    }

    /// The header segment of tokens that name this key and its algorithm and are no access tokens,
    /// once one of them was verified. All tokens of a project have the same as a rule, so whoever
    /// brings it need not have it read again.
    pub(crate) fn header(&self) -> Option<&[u8]> {
        self.header.get().map(AsRef::as_ref)
    }

    /// Notes the header of a token that was verified with this key; see [`header`](Self::header).
    pub(crate) fn note_header(&self, segment: &[u8]) {
        self.header.get_or_init(|| segment.into());
    }

    /// Has the key serve until then, as far as it is up to the set that it is in; before this it
    /// [`serves`](Self::serves) at no time.
    pub(crate) fn serve_until(&self, end: &Now) {
        self.freshness.set(end);
    }

    /// The key is no longer in the set.
    pub(crate) fn withdraw(&self) {
        self.freshness.end();
    }

    /// Returns `true` if the key is in a set that is fresh. If not, it may serve all the same; then
    /// its store has to be asked for it by name.
    #[inline]
    pub(crate) fn serves(&self, now: &Now) -> bool {
        self.freshness.covers(now)
    }

    /// Returns `true` if the other key is this one, fetched again.
    pub(crate) fn same_material(&self, other: &Self) -> bool {
        self.kid == other.kid
            && self.algorithm == other.algorithm
            && self.material == other.material
    }

    /// Who checks signatures, if a crypto feature is on.
    pub(crate) fn backend() -> Option<&'static str> {
        backend::NAME
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("alg", &self.algorithm())
            .finish_non_exhaustive()
    }
}
