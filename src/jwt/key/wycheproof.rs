//! Project Wycheproof's signature vectors, through our own key loading and verification. What is
//! signed is the vector's message itself, as if it were a token's header and payload.
//!
//! No vector is left out in silence. A suite counts, by why:
//! * `agreed`: of an algorithm that we offer, and the verdict is the vector's;
//! * `either`: the vector allows both verdicts;
//! * `in_der`: an ECDSA signature in DER, which JOSE does not use; refused, valid or not;
//! * `not_offered`: valid in a way that JOSE or this crate has no name for (another hash or salt),
//!   and so refused under each name that its key can have;
//! * `no_key`: valid under a key that this crate does not take, and so refused with it.
//!
//! Invalid vectors of the last two kinds say nothing about this crate; it is `idle`. The counts are
//! asserted, so that a vector can neither vanish nor change its kind unseen.

use ::wycheproof::{
    EdwardsCurve, EllipticCurve, HashFunction, Mgf, TestResult, ecdsa, eddsa, rsa_pkcs1_verify,
    rsa_pss_verify,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;

const RSA_PKCS1: [&str; 3] = ["RS256", "RS384", "RS512"];
const RSA_PSS: [&str; 3] = ["PS256", "PS384", "PS512"];

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    agreed: usize,
    either: usize,
    in_der: usize,
    not_offered: usize,
    no_key: usize,
    idle: usize,
}

impl Tally {
    /// A vector of an algorithm that we offer.
    fn verdict(&mut self, result: TestResult, accepted: bool, case: &str) {
        match result {
            TestResult::Acceptable => self.either += 1,
            TestResult::Valid => {
                assert!(accepted, "{case}: is valid, but refused");
                self.agreed += 1;
            }
            TestResult::Invalid => {
                assert!(!accepted, "{case}: is invalid, but accepted");
                self.agreed += 1;
            }
        }
    }

    /// A vector of an algorithm that we do not offer, under the names that its key can have.
    fn foreign(
        &mut self,
        (result, message, signature): (TestResult, &[u8], &[u8]),
        keys: &[VerifyingKey],
        case: &str,
    ) {
        if result != TestResult::Valid {
            self.idle += 1;
            return;
        }
        for key in keys {
            assert!(
                !key.verify(message, signature),
                "{case}: accepted by {key:?}"
            );
        }
        self.not_offered += 1;
    }

    fn without_key(&mut self, results: impl IntoIterator<Item = TestResult>) {
        for result in results {
            match result {
                TestResult::Valid => self.no_key += 1,
                _ => self.idle += 1,
            }
        }
    }

    fn show(&self, suite: &str) {
        println!("wycheproof, {suite}: {self:?}");
    }
}

fn load(jwk: Value) -> Result<VerifyingKey, &'static str> {
    VerifyingKey::from_jwk(&serde_json::from_value(jwk).unwrap())
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa(alg: &str, n: &[u8], e: &[u8]) -> Result<VerifyingKey, &'static str> {
    load(json!({"kty": "RSA", "kid": "a", "alg": alg, "n": b64(n), "e": b64(e)}))
}

/// The place in `[…256, …384, …512]` of the algorithm for a hash.
fn sha2(hash: HashFunction) -> Option<usize> {
    match hash {
        HashFunction::Sha2_256 => Some(0),
        HashFunction::Sha2_384 => Some(1),
        HashFunction::Sha2_512 => Some(2),
        _ => None,
    }
}

#[test]
fn rsa_pkcs1() {
    let mut tally = Tally::default();
    for name in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let (n, e) = (&group.key.n, &group.key.e);
            if group.key_size > 4096 {
                for alg in RSA_PKCS1 {
                    let error = rsa(alg, n, e).unwrap_err();
                    assert_eq!(error, "modulus is not of 2048 to 4096 bits");
                }
                tally.without_key(group.tests.iter().map(|test| test.result));
                continue;
            }
            let keys = RSA_PKCS1.map(|alg| rsa(alg, n, e).unwrap());
            let ours = sha2(group.hash).map(|index| &keys[index]);
            if let (Some(key), Some(jwk)) = (ours, &group.jwk) {
                // The same key as they write it.
                let theirs = rsa(&jwk.alg, &jwk.n, &jwk.e).unwrap();
                assert_eq!(theirs.algorithm(), key.algorithm());
                assert!(theirs.material == key.material);
            }
            for test in &group.tests {
                let case = format!("{name:?} {}: {}", test.tc_id, test.comment);
                match ours {
                    Some(key) => {
                        tally.verdict(test.result, key.verify(&test.msg, &test.sig), &case);
                    }
                    None => tally.foreign((test.result, &test.msg, &test.sig), &keys, &case),
                }
            }
        }
    }
    tally.show("RSA PKCS#1 v1.5");
    assert_eq!(
        tally,
        Tally {
            agreed: 2321,
            either: 9,
            not_offered: 84,
            no_key: 21,
            idle: 3767,
            ..Tally::default()
        }
    );
}

#[test]
fn rsa_pss() {
    let mut tally = Tally::default();
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let keys = RSA_PSS.map(|alg| rsa(alg, &group.key.n, &group.key.e).unwrap());
            // RFC 7518 section 3.5: the mask by the same hash, the salt as long as its output.
            let ours = sha2(group.hash).filter(|&index| {
                group.mgf == Mgf::Mgf1
                    && group.mgf_hash == Some(group.hash)
                    && group.salt_size == [32, 48, 64][index]
            });
            for test in &group.tests {
                let case = format!("{name:?} {}: {}", test.tc_id, test.comment);
                match ours {
                    Some(index) => {
                        let accepted = keys[index].verify(&test.msg, &test.sig);
                        tally.verdict(test.result, accepted, &case);
                    }
                    None => tally.foreign((test.result, &test.msg, &test.sig), &keys, &case),
                }
            }
        }
    }
    tally.show("RSA-PSS");
    assert_eq!(
        tally,
        Tally {
            agreed: 1186,
            not_offered: 1633,
            idle: 678,
            ..Tally::default()
        }
    );
}

/// JOSE's signatures are r and s at full length (RFC 7518 section 3.4), which Wycheproof calls
/// P1363 and has vectors of. So those in DER are not converted, only refused: a converter would be
/// the test's own, and what is wrong with a DER form is lost in it.
#[test]
fn ecdsa_on_p256_and_p384() {
    let mut tally = Tally::default();
    for name in ecdsa::TestName::all() {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let (alg, hash) = match group.key.curve {
                EllipticCurve::Secp256r1 => ("ES256", HashFunction::Sha2_256),
                EllipticCurve::Secp384r1 => ("ES384", HashFunction::Sha2_384),
                _ => {
                    no_point_of_ours(&group.key);
                    tally.without_key(group.tests.iter().map(|test| test.result));
                    continue;
                }
            };
            let key = ec(alg, &group.key.affine_x, &group.key.affine_y).unwrap();
            if let Some(jwk) = &group.jwk {
                let theirs = ec(alg, &jwk.affine_x, &jwk.affine_y).unwrap();
                assert!(theirs.material == key.material);
            }
            for test in &group.tests {
                let case = format!("{name:?} {}: {}", test.tc_id, test.comment);
                let accepted = || key.verify(&test.msg, &test.sig);
                match group.test_type {
                    ecdsa::TestGroupTypeId::EcdsaP1363 if group.hash == hash => {
                        tally.verdict(test.result, accepted(), &case);
                    }
                    ecdsa::TestGroupTypeId::Ecdsa if group.hash == hash => {
                        assert!(!accepted(), "{case}: is in DER, but accepted");
                        tally.in_der += 1;
                    }
                    _ => {
                        let vector = (test.result, &**test.msg, &**test.sig);
                        tally.foreign(vector, std::slice::from_ref(&key), &case);
                    }
                }
            }
        }
    }
    tally.show("ECDSA");
    assert_eq!(
        tally,
        Tally {
            agreed: 542,
            in_der: 988,
            not_offered: 2776,
            no_key: 10226,
            idle: 15371,
            ..Tally::default()
        }
    );
}

fn ec(alg: &str, x: &[u8], y: &[u8]) -> Result<VerifyingKey, &'static str> {
    let (crv, size) = match alg {
        "ES256" => ("P-256", 32),
        _ => ("P-384", 48),
    };
    let [x, y] = [x, y].map(|number| b64(&at_length(number, size)));
    load(json!({"kty": "EC", "kid": "a", "alg": alg, "crv": crv, "x": x, "y": y}))
}

/// The vectors write numbers with a leading zero byte, or without leading zeros.
fn at_length(number: &[u8], size: usize) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let number = &number[zeros..];
    let padding = size.saturating_sub(number.len());
    [&vec![0; padding], number].concat()
}

/// Whatever a key of another curve is called, it is none.
fn no_point_of_ours(key: &::wycheproof::EcdsaPublic) {
    for alg in ["ES256", "ES384"] {
        let error = ec(alg, &key.affine_x, &key.affine_y).unwrap_err();
        assert!(
            [
                "not a point on its curve",
                "coordinate has the wrong length"
            ]
            .contains(&error),
            "{:?} as {alg}: {error}",
            key.curve
        );
    }
    for (alg, crv) in [("ES512", "P-521"), ("ES256K", "secp256k1")] {
        let [x, y] = [&key.affine_x, &key.affine_y].map(|number| b64(number));
        let jwk = json!({"kty": "EC", "kid": "a", "alg": alg, "crv": crv, "x": x, "y": y});
        assert_eq!(load(jwk).unwrap_err(), "unsupported alg");
    }
}

#[test]
fn eddsa_on_ed25519() {
    let mut tally = Tally::default();
    for name in eddsa::TestName::all() {
        for group in eddsa::TestSet::load(name).unwrap().test_groups {
            let x = b64(&group.key.pk);
            let jwk = json!({"kty": "OKP", "kid": "a", "alg": "EdDSA", "crv": "Ed25519", "x": x});
            if group.key.curve == EdwardsCurve::Ed448 {
                let mut named = jwk.clone();
                named["crv"] = "Ed448".into();
                assert_eq!(load(named).unwrap_err(), "crv does not fit alg");
                assert_eq!(load(jwk).unwrap_err(), "coordinate has the wrong length");
                tally.without_key(group.tests.iter().map(|test| test.result));
                continue;
            }
            let key = load(jwk).unwrap();
            assert!(key.material == Material::Ed(group.jwk.x.to_vec().into()));
            for test in &group.tests {
                let case = format!("{name:?} {}: {}", test.tc_id, test.comment);
                tally.verdict(test.result, key.verify(&test.msg, &test.sig), &case);
            }
        }
    }
    tally.show("EdDSA");
    assert_eq!(
        tally,
        Tally {
            agreed: 151,
            no_key: 17,
            idle: 70,
            ..Tally::default()
        }
    );
}
