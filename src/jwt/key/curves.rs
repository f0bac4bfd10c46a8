//! Keys whose curve alone says what they are for.

use super::{
    NO_ALGORITHM,
    tests::{bytes, ed25519, load, p256, p384, with, without},
    vectors::{EDDSA, ES256, ES384, MESSAGE},
};

#[test]
fn a_key_without_alg_has_the_one_of_its_curve() {
    for (jwk, algorithm, signature) in [
        (p256(), "ES256", ES256),
        (p384(), "ES384", ES384),
        (ed25519(), "EdDSA", EDDSA),
    ] {
        let key = load(&without(jwk.clone(), "alg")).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert!(key.verify(MESSAGE, &bytes(signature)), "{algorithm}");
        assert!(key.same_material(&load(&jwk).unwrap()), "{algorithm}");
    }
    for (jwk, curve) in [
        (p256(), "P-521"),
        (p256(), "secp256k1"),
        (p256(), "p-256"),
        (p256(), "Ed25519"),
        (ed25519(), "X25519"),
        (ed25519(), "Ed448"),
        (ed25519(), "P-256"),
    ] {
        let why = load(&without(with(jwk, "crv", curve), "alg")).unwrap_err();
        let expected = match curve {
            "P-256" | "Ed25519" => "kty does not fit alg",
            _ => NO_ALGORITHM,
        };
        assert_eq!(why, expected, "{curve}");
    }
    // A curve whose coordinates have another length is no key either.
    let wrong = load(&without(with(p256(), "crv", "P-384"), "alg"));
    assert_eq!(wrong.unwrap_err(), "coordinate has the wrong length");
}
