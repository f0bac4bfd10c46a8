//! The algorithms of the policy, and the numbers of their keys.

use base64_simd::URL_SAFE_NO_PAD;

/// RSA moduli, in bits. The `rsa` crate ends at 4096, and the rule must not depend on the backend.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// RSA exponents. Both backends end at 33 bits.
const RSA_EXPONENTS: std::ops::RangeInclusive<u64> = 3..=(1 << 33) - 1;

/// The algorithms that a key may be for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
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
pub(super) enum Material {
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { n: Box<[u8]>, e: Box<[u8]> },
    /// The uncompressed point (SEC 1): 4, x, y.
    Ec(Box<[u8]>),
    /// The encoded point (RFC 8032).
    Ed(Box<[u8]>),
}

/// The family of keys that an algorithm takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Rsa,
    Ec {
        curve: &'static str,
        coordinate: usize,
    },
    Ed {
        curve: &'static str,
    },
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

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// The one algorithm of a curve, if keys on it may be used at all.
    pub(super) fn of_curve(name: &str) -> Option<Self> {
        let is_on = |algorithm: &Self| match algorithm.family() {
            Family::Ec { curve, .. } | Family::Ed { curve } => curve == name,
            Family::Rsa => false,
        };
        Self::ALL.into_iter().find(is_on)
    }

    pub(super) fn name(self) -> &'static str {
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

    pub(super) fn family(self) -> Family {
        match self {
            Self::Es256 => Family::Ec {
                curve: "P-256",
                coordinate: 32,
            },
            Self::Es384 => Family::Ec {
                curve: "P-384",
                coordinate: 48,
            },
            Self::EdDsa => Family::Ed { curve: "Ed25519" },
            _ => Family::Rsa,
        }
    }
}

/// Canonical base64url: no padding, no white space, no bits left over.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD
        .decode_to_vec(text)
        .map_err(|_| "not canonical base64url")
}

pub(super) fn rsa_material(n: &str, e: &str) -> Result<Material, &'static str> {
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
pub(super) fn without_leading_zeros(mut bytes: Vec<u8>) -> Box<[u8]> {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.drain(..zeros);
    bytes.into()
}

pub(super) fn ec_material(x: &str, y: &str, coordinate: usize) -> Result<Material, &'static str> {
    let (x, y) = (decode(x)?, decode(y)?);
    // RFC 7518 section 6.2.1.2: the full length, leading zeros included.
    if x.len() != coordinate || y.len() != coordinate {
        return Err("coordinate has the wrong length");
    }
    Ok(Material::Ec([&[4], &*x, &*y].concat().into()))
}

pub(super) fn ed_material(x: &str) -> Result<Material, &'static str> {
    let x = decode(x)?;
    let Ok(point) = <[u8; 32]>::try_from(&*x) else {
        return Err("coordinate has the wrong length");
    };
    if is_weak(point) {
        return Err("weak point");
    }
    Ok(Material::Ed(x.into()))
}

/// Returns `true` if an Ed25519 point is of small order, so that anybody can sign for it (an `x` of zeros
/// is), or encoded in another than its one form. Neither backend looks for all of these.
pub(super) fn is_weak(mut point: [u8; 32]) -> bool {
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
