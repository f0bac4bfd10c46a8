//! JSON Web Key -> [`VerifyingKey`]: the algorithm fixed by the key, the key checked and prepared
//! once.
//!
//! What is no key here is decided before a backend sees it, so that the verdict is the same with
//! either: RSA of 2048 to 4096 bits with an odd exponent from 3 to 2^33 - 1; P-256 for ES256,
//! P-384 for ES384, Ed25519 for `EdDSA`, with coordinates of their exact length; canonical
//! base64url throughout. Secret keys (`oct`) and HMAC have no place in the types.

use std::{fmt, sync::OnceLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jwks_client_rs::JsonWebKey;

#[cfg(feature = "aws-lc-rs")]
use self::aws_lc as backend;
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
use self::no_backend as backend;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
use self::rust_crypto as backend;
use self::term::Term;
use super::jwk;
use crate::clock::Now;

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod no_backend;
#[cfg(test)]
mod published;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
mod rust_crypto;
mod term;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wycheproof;

/// RSA moduli, in bits. The `rsa` crate ends at 4096, and the rule must not depend on the backend.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// RSA exponents. Both backends end at 33 bits.
const RSA_EXPONENTS: std::ops::RangeInclusive<u64> = 3..=(1 << 33) - 1;

/// A public key that one algorithm's signatures are checked with.
pub(crate) struct VerifyingKey {
    kid: Box<str>,
    algorithm: Algorithm,
    material: Material,
    prepared: backend::Prepared,
    /// The header, as it stood in a token that this key has verified.
    header: OnceLock<Box<[u8]>>,
    term: Term,
}

/// The algorithms that a key may be for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// The numbers of a key, each in its one shortest or fixed-length form.
#[derive(PartialEq, Eq)]
enum Material {
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { n: Box<[u8]>, e: Box<[u8]> },
    /// The uncompressed point (SEC 1): 4, x, y.
    Ec(Box<[u8]>),
    /// The encoded point (RFC 8032).
    Ed(Box<[u8]>),
}

/// The family of keys that an algorithm takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    Ec {
        curve: &'static str,
        coordinate: usize,
    },
    Ed,
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
            // RFC 7517 section 4.4 leaves `alg` out at will; old RSA keys without it are RS256.
            (None, JsonWebKey::Rsa(_)) => Algorithm::Rs256,
            (None, _) => return Err("no alg"),
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
            (JsonWebKey::Okp(okp), Family::Ed) => {
                if okp.curve() != "Ed25519" {
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
            term: Term::default(),
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

    /// Whether `signature` is this key's over `signing_input`.
    pub(crate) fn verify(&self, signing_input: &[u8], signature: &[u8]) -> bool {
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
        self.term.set(end);
    }

    /// The key is no longer in the set.
    pub(crate) fn withdraw(&self) {
        self.term.end();
    }

    /// Whether the key is in a set that is fresh. If not, it may serve all the same; then its store
    /// has to be asked for it by name.
    #[inline]
    pub(crate) fn serves(&self, now: &Now) -> bool {
        self.term.lasts(now)
    }

    /// Whether the other key is this one, fetched again.
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

impl Algorithm {
    const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    fn family(self) -> Family {
        match self {
            Self::Es256 => Family::Ec {
                curve: "P-256",
                coordinate: 32,
            },
            Self::Es384 => Family::Ec {
                curve: "P-384",
                coordinate: 48,
            },
            Self::EdDsa => Family::Ed,
            _ => Family::Rsa,
        }
    }
}

/// Canonical base64url: no padding, no white space, no bits left over.
fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| "not canonical base64url")
}

fn rsa_material(n: &str, e: &str) -> Result<Material, &'static str> {
    let n = without_leading_zeros(decode(n)?);
    let e = without_leading_zeros(decode(e)?);
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err("modulus is not of 2048 to 4096 bits");
    }
    if n.last().is_some_and(|last| last % 2 == 0) {
        return Err("modulus is even");
    }
    if e.len() > size_of::<u64>() {
        return Err("exponent is not odd, from 3 to 2^33 - 1");
    }
    let exponent = e
        .iter()
        .fold(0, |number, &byte| (number << 8) | u64::from(byte));
    if exponent % 2 == 0 || !RSA_EXPONENTS.contains(&exponent) {
        return Err("exponent is not odd, from 3 to 2^33 - 1");
    }
    Ok(Material::Rsa { n, e })
}

/// RFC 7518 section 6.3.1.1 forbids a leading zero byte and says that some write one.
fn without_leading_zeros(mut bytes: Vec<u8>) -> Box<[u8]> {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.drain(..zeros);
    bytes.into()
}

fn ec_material(x: &str, y: &str, coordinate: usize) -> Result<Material, &'static str> {
    let (x, y) = (decode(x)?, decode(y)?);
    // RFC 7518 section 6.2.1.2: the full length, leading zeros included.
    if x.len() != coordinate || y.len() != coordinate {
        return Err("coordinate has the wrong length");
    }
    Ok(Material::Ec([&[4], &*x, &*y].concat().into()))
}

fn ed_material(x: &str) -> Result<Material, &'static str> {
    let x = decode(x)?;
    let Ok(point) = <[u8; 32]>::try_from(&*x) else {
        return Err("coordinate has the wrong length");
    };
    if is_weak(point) {
        return Err("weak point");
    }
    Ok(Material::Ed(x.into()))
}

/// Whether an Ed25519 point is of small order, so that anybody can sign for it (an `x` of zeros
/// is), or encoded in another than its one form. Neither backend looks for all of these.
fn is_weak(mut point: [u8; 32]) -> bool {
    /// The two y of points of order 8, little-endian.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    // The sign of x does not matter.
    point[31] &= 0x7f;
    let [first, middle @ .., last] = point;
    // Of orders 4 and 1: y = 0 and 1.
    let small = first <= 1 && last == 0 && middle.iter().all(|&byte| byte == 0);
    // Of order 2: y = p - 1 = 2^255 - 20. Above it, no y is canonical.
    let large = first >= 0xec && last == 0x7f && middle.iter().all(|&byte| byte == 0xff);
    small || large || ORDER_8.contains(&point)
}
