use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{material::decode, vectors::*, *};

pub(super) fn load(jwk: &Value) -> Result<VerifyingKey, &'static str> {
    VerifyingKey::from_jwk(&serde_json::from_value(jwk.clone()).unwrap())
}

fn rsa(alg: &str) -> Value {
    json!({"kty": "RSA", "kid": "a", "alg": alg, "use": "sig", "n": RSA_N, "e": "AQAB"})
}

pub(super) fn p256() -> Value {
    json!({"kty": "EC", "kid": "b", "alg": "ES256", "crv": "P-256", "x": P256_X, "y": P256_Y})
}

pub(super) fn p384() -> Value {
    json!({"kty": "EC", "kid": "c", "alg": "ES384", "crv": "P-384", "x": P384_X, "y": P384_Y})
}

pub(super) fn ed25519() -> Value {
    json!({"kty": "OKP", "kid": "d", "alg": "EdDSA", "crv": "Ed25519", "x": ED25519_X})
}

pub(super) fn with(mut jwk: Value, member: &str, value: &str) -> Value {
    jwk[member] = value.into();
    jwk
}

pub(super) fn without(mut jwk: Value, member: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(member);
    jwk
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn bytes(text: &str) -> Vec<u8> {
    decode(text).unwrap()
}

#[test]
fn every_algorithm_verifies_its_own_signature_and_nothing_else() {
    let keys = [
        (rsa("RS256"), RS256),
        (rsa("RS384"), RS384),
        (rsa("RS512"), RS512),
        (rsa("PS256"), PS256),
        (rsa("PS384"), PS384),
        (rsa("PS512"), PS512),
        (p256(), ES256),
        (p384(), ES384),
        (ed25519(), EDDSA),
    ];
    for (jwk, signature) in &keys {
        let key = load(jwk).unwrap();
        assert_eq!(key.algorithm(), jwk["alg"]);
        assert_eq!(key.kid(), jwk["kid"]);
        for (_, other) in &keys {
            assert_eq!(
                key.verify(MESSAGE, &bytes(other)),
                other == signature,
                "{key:?}"
            );
        }
        assert!(!key.verify(b"header.other", &bytes(signature)));
        for index in [0, 10, bytes(signature).len() - 1] {
            let mut forged = bytes(signature);
            forged[index] ^= 1;
            assert!(!key.verify(MESSAGE, &forged), "{key:?}");
        }
    }
}

#[test]
fn a_signature_has_exactly_one_length() {
    for (jwk, signature) in [
        (rsa("RS256"), RS256),
        (rsa("PS256"), PS256),
        (p256(), ES256),
        (p384(), ES384),
        (ed25519(), EDDSA),
    ] {
        let key = load(&jwk).unwrap();
        let good = bytes(signature);
        let longer = [&*good, &[0]].concat();
        let padded = [&[0], &*good].concat();
        for bad in [
            &[][..],
            &[0],
            &good[1..],
            &good[..good.len() - 1],
            &longer,
            &padded,
        ] {
            assert!(!key.verify(MESSAGE, bad), "{key:?}");
        }
    }
    assert!(!load(&p256()).unwrap().verify(MESSAGE, &bytes(ES256_DER)));
}

#[test]
fn r_and_s_are_neither_zero_nor_the_order_nor_above() {
    for (jwk, size) in [(p256(), 32), (p384(), 48)] {
        let key = load(&jwk).unwrap();
        let (zero, one, top) = (
            vec![0; size],
            [&vec![0; size - 1][..], &[1]].concat(),
            vec![0xff; size],
        );
        for (r, s) in [
            (&zero, &zero),
            (&zero, &one),
            (&one, &zero),
            (&top, &one),
            (&one, &top),
        ] {
            assert!(!key.verify(MESSAGE, &[&r[..], s].concat()));
        }
    }
    // s + the order of P-256 is the same s in another form; it does not fit into 32 bytes or is
    // refused, and r = order is zero.
    let order = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
    let key = load(&p256()).unwrap();
    let half = bytes(ES256)[..32].to_vec();
    assert!(!key.verify(MESSAGE, &[&half[..], &bytes(order)].concat()));
    assert!(!key.verify(MESSAGE, &[&bytes(order)[..], &half].concat()));
}

#[test]
fn pss_takes_the_salt_and_the_mask_that_its_name_says() {
    let key = load(&rsa("PS256")).unwrap();
    assert!(key.verify(MESSAGE, &bytes(PS256)));
    assert!(!key.verify(MESSAGE, &bytes(PS256_LONG_SALT)));
    assert!(!key.verify(MESSAGE, &bytes(PS256_OTHER_MGF)));
}

#[test]
fn rsa_keys_at_the_edges_work() {
    for (n, e, signature) in [
        (RSA_N, "AQAB", RS256),
        (RSA4096_N, "AQAB", RSA4096_RS256),
        (E3_N, "Aw", E3_RS256),
        (E_MAX_N, "Af____8", E_MAX_RS256),
        // Leading zeros, which some write.
        (&b64([&[0], &*bytes(RSA_N)].concat()), "AAEAAQ", RS256),
    ] {
        let jwk = with(with(rsa("RS256"), "n", n), "e", e);
        assert!(
            load(&jwk).unwrap().verify(MESSAGE, &bytes(signature)),
            "{e}"
        );
    }
}

#[test]
fn rsa_keys_beyond_the_edges_are_none() {
    let size = "modulus is not of 2048 to 4096 bits";
    let exponent = "exponent is not odd, from 3 to 2^33 - 1";
    let mut halved = bytes(RSA_N);
    halved[0] = 0x7f;
    let mut even = bytes(RSA_N);
    *even.last_mut().unwrap() ^= 1;
    for (n, why) in [
        (b64([]), size),
        (b64([0]), size),
        (b64(vec![0xff; 128]), size),
        (b64(halved), size),
        (b64([vec![1], vec![0xff; 512]].concat()), size),
        (b64(vec![0xff; 1024]), size),
        // 2048 bits only with the zeros in front.
        (b64([vec![0; 128], vec![0xff; 128]].concat()), size),
        (b64(even), "modulus is even"),
        (format!("{RSA_N}="), "not canonical base64url"),
        (format!("{RSA_N}=="), "not canonical base64url"),
        (format!(" {RSA_N}"), "not canonical base64url"),
        (RSA_N.replace('-', "+"), "not canonical base64url"),
    ] {
        assert_eq!(load(&with(rsa("RS256"), "n", &n)).unwrap_err(), why, "{n}");
    }
    for (e, why) in [
        ("", exponent),
        ("AA", exponent),
        ("AQ", exponent),
        ("Ag", exponent),
        ("AQAA", exponent),
        ("AgAAAAE", exponent),
        ("AQAAAAAAAAAB", exponent),
        // 65537 in its last eight bytes.
        ("AQAAAAAAAQAB", exponent),
        (RSA_N, exponent),
        ("AQAB==", "not canonical base64url"),
        ("Ax", "not canonical base64url"),
        ("AQ AB", "not canonical base64url"),
        ("65537", "not canonical base64url"),
    ] {
        assert_eq!(load(&with(rsa("RS256"), "e", e)).unwrap_err(), why, "{e}");
    }
}

#[test]
fn ec_coordinates_have_their_length_and_lie_on_the_curve() {
    let length = "coordinate has the wrong length";
    let off = "not a point on its curve";
    for (member, good) in [("x", P256_X), ("y", P256_Y)] {
        let good = bytes(good);
        let mut moved = good.clone();
        moved[31] ^= 1;
        for (value, why) in [
            (b64([]), length),
            (b64(&good[1..]), length),
            (b64([&[0], &*good].concat()), length),
            (P384_X.to_owned(), length),
            (b64([0xff; 32]), off),
            (b64([0; 32]), off),
            (b64(&moved), off),
            (format!("{}=", b64(&good)), "not canonical base64url"),
        ] {
            assert_eq!(load(&with(p256(), member, &value)).unwrap_err(), why);
        }
    }
    let infinity = with(with(p256(), "x", &b64([0; 32])), "y", &b64([0; 32]));
    assert_eq!(load(&infinity).unwrap_err(), off);
    let swapped = with(with(p384(), "x", P384_Y), "y", P384_X);
    assert_eq!(load(&swapped).unwrap_err(), off);
}

#[test]
fn trailing_bits_make_a_parameter_another_text_and_no_key() {
    // 32 bytes are 43 characters, the last of which has two bits to spare.
    for jwk in [p256(), ed25519()] {
        let x = jwk["x"].as_str().unwrap();
        let (start, last) = x.split_at(42);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let next = alphabet.find(last).unwrap() + 1;
        let spare = format!("{start}{}", &alphabet[next..=next]);
        assert_eq!(
            load(&with(jwk, "x", &spare)).unwrap_err(),
            "not canonical base64url"
        );
    }
}

#[test]
fn ed25519_keys_are_strong_points_of_32_bytes() {
    for x in [
        b64([]),
        "AAAA".to_owned(),
        b64([9; 31]),
        b64([9; 33]),
        b64([9; 64]),
    ] {
        assert_eq!(
            load(&with(ed25519(), "x", &x)).unwrap_err(),
            "coordinate has the wrong length"
        );
    }
    let [zero, mut one, top] = [[0; 32], [0; 32], [0xff; 32]];
    one[0] = 1;
    let mut minus_one = top;
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    let mut order_8 = bytes("JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU");
    let other_sign = {
        order_8[31] |= 0x80;
        order_8.clone()
    };
    for point in [&zero[..], &one, &top, &minus_one, &order_8, &other_sign] {
        assert_eq!(
            load(&with(ed25519(), "x", &b64(point))).unwrap_err(),
            "weak point"
        );
    }
    // Two is no y of a point. Backends find that out at different times; none verifies with it.
    let mut off = zero;
    off[0] = 2;
    if let Ok(key) = load(&with(ed25519(), "x", &b64(off))) {
        assert!(!key.verify(MESSAGE, &bytes(EDDSA)));
    }
}

#[test]
fn an_ed25519_point_with_the_ends_of_a_weak_one_is_a_key() {
    // y = 3, y = 257, y = p - 3, and one that begins as 1 does.
    for x in [
        "AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "6v_______________________________________38",
        "AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAU",
    ] {
        assert!(load(&with(ed25519(), "x", x)).is_ok(), "{x}");
    }
}

#[test]
fn kty_alg_and_crv_must_agree() {
    let kty = "kty does not fit alg";
    let crv = "crv does not fit alg";
    for (jwk, why) in [
        (with(rsa("RS256"), "alg", "ES256"), kty),
        (with(rsa("RS256"), "alg", "EdDSA"), kty),
        (with(p256(), "alg", "RS256"), kty),
        (with(p256(), "alg", "EdDSA"), kty),
        (with(ed25519(), "alg", "ES256"), kty),
        (with(p256(), "alg", "ES384"), crv),
        (with(p384(), "alg", "ES256"), crv),
        (with(p256(), "crv", "P-384"), crv),
        (with(p256(), "crv", "p-256"), crv),
        (with(p256(), "crv", "secp256k1"), crv),
        (with(ed25519(), "crv", "X25519"), crv),
        (with(ed25519(), "crv", "Ed448"), crv),
    ] {
        assert_eq!(load(&jwk).unwrap_err(), why, "{jwk}");
    }
    for alg in [
        "", "none", "HS256", "rs256", "RS256 ", "RSA-OAEP", "ES512", "ES256K", "Ed25519",
    ] {
        assert_eq!(load(&rsa(alg)).unwrap_err(), "unsupported alg");
    }
}

#[test]
fn an_rsa_key_without_alg_is_rs256_only() {
    let key = load(&without(rsa("RS256"), "alg")).unwrap();
    assert_eq!(key.algorithm(), "RS256");
    assert!(key.verify(MESSAGE, &bytes(RS256)));
    assert!(!key.verify(MESSAGE, &bytes(PS256)));
}

#[test]
fn a_key_for_encryption_or_without_a_name_is_none() {
    assert_eq!(
        load(&with(rsa("RS256"), "use", "enc")).unwrap_err(),
        "use is not sig"
    );
    assert!(load(&without(rsa("RS256"), "use")).is_ok());
    assert_eq!(load(&with(rsa("RS256"), "kid", "")).unwrap_err(), "no kid");
}

#[test]
fn equal_material_is_told_by_value() {
    let key = load(&rsa("RS256")).unwrap();
    let padded = b64([&[0], &*bytes(RSA_N)].concat());
    assert!(key.same_material(&load(&with(rsa("RS256"), "n", &padded)).unwrap()));
    assert!(key.same_material(&load(&without(rsa("RS256"), "use")).unwrap()));
    for other in [
        rsa("RS384"),
        with(rsa("RS256"), "kid", "z"),
        with(rsa("RS256"), "e", "Aw"),
        with(rsa("RS256"), "n", E3_N),
        p256(),
    ] {
        assert!(!key.same_material(&load(&other).unwrap()), "{other}");
    }
}

#[test]
fn debug_shows_name_and_algorithm_only() {
    let key = load(&p256()).unwrap();
    assert_eq!(
        format!("{key:?}"),
        r#"VerifyingKey { kid: "b", alg: "ES256", .. }"#
    );
    let backend = if cfg!(feature = "aws-lc-rs") {
        "aws-lc-rs"
    } else {
        "rust-crypto"
    };
    assert_eq!(VerifyingKey::backend(), Some(backend));
}

#[test]
fn keys_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<VerifyingKey>();
}
