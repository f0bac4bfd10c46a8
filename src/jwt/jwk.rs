//! The rules that tell whether a JSON Web Key (RFC 7517) is one to verify signatures with, as far as
//! its members say so; algorithm and numbers are checked by
//! [`VerifyingKey::from_jwk`](super::key::VerifyingKey::from_jwk).
//!
//! They are applied to the text of a key, since [`JsonWebKey`] drops most of the members in
//! question. Of a key from a source of the application's own, which comes without its text, only
//! the `use` of an RSA key is left to be checked.

use jwks_client_rs::JsonWebKey;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Members of which one is enough to make a key a secret (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1).
const SECRET_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// The reason for refusing a private or symmetric key.
pub(crate) const SECRET_KEY: &str = "it is a private or secret key";

/// The reason for refusing a key for encryption.
const NOT_FOR_SIGNATURES: &str = "use is not sig";

/// Reads a key, checking every member that [`JsonWebKey`] does not keep. An error says why it is no
/// key to verify with, in words that hold nothing of it.
pub(crate) fn public_jwk(entry: Value) -> Result<JsonWebKey, &'static str> {
    let Value::Object(members) = &entry else {
        return Err("not an object");
    };
    let kty = members.get("kty").and_then(Value::as_str);
    if kty == Some("oct")
        || SECRET_MEMBERS
            .iter()
            .any(|name| members.contains_key(*name))
    {
        return Err(SECRET_KEY);
    }
    // `JsonWebKey` would also take `Rsa`, `Ec` and `Okp`.
    if !matches!(kty, Some("RSA" | "EC" | "OKP")) {
        return Err("unsupported kty");
    }
    for name in ["kid", "alg"] {
        if members.get(name).is_some_and(|value| !value.is_string()) {
            return Err("kid or alg is not a string");
        }
    }
    check_purpose(members)?;
    serde_json::from_value(entry).map_err(|_| "a member is missing or of the wrong type")
}

/// Checks the `use` that a [`JsonWebKey`] of RSA has kept.
pub(super) fn check_kept_use<U: DeserializeOwned>(usage: Option<&U>) -> Result<(), &'static str> {
    // The type of `usage` can neither be named outside of `jwks_client_rs` nor compared, so it is
    // compared with the value that the text `sig` is read as.
    let is_sig = |usage: &U| {
        serde_json::from_str::<U>("\"sig\"")
            .is_ok_and(|sig| std::mem::discriminant(&sig) == std::mem::discriminant(usage))
    };
    if usage.is_some_and(|usage| !is_sig(usage)) {
        return Err(NOT_FOR_SIGNATURES);
    }
    Ok(())
}

/// Checks `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3).
fn check_purpose(members: &Map<String, Value>) -> Result<(), &'static str> {
    if members.get("use").is_some_and(|usage| usage != "sig") {
        return Err(NOT_FOR_SIGNATURES);
    }
    let verifies = |operations: &Value| {
        operations
            .as_array()
            .is_some_and(|list| list.iter().any(|operation| operation == "verify"))
    };
    if members.get("key_ops").is_some_and(|list| !verifies(list)) {
        return Err("key_ops is without verify");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa() -> Value {
        json!({"kty": "RSA", "kid": "a", "alg": "RS256", "use": "sig", "n": "AQAB", "e": "AQAB"})
    }

    fn with(member: &str, value: Value) -> Value {
        let mut jwk = rsa();
        jwk[member] = value;
        jwk
    }

    #[test]
    fn each_rule_of_the_raw_key_has_its_reason() {
        let member = "a member is missing or of the wrong type";
        let mut bare = rsa();
        bare.as_object_mut().unwrap().remove("n");
        for (jwk, why) in [
            (with("kty", json!("oct")), SECRET_KEY),
            (with("d", json!("AQAB")), SECRET_KEY),
            (with("d", Value::Null), SECRET_KEY),
            (with("p", json!("AQAB")), SECRET_KEY),
            (with("k", json!("AQAB")), SECRET_KEY),
            (with("kty", json!("Rsa")), "unsupported kty"),
            (with("kty", json!("rsa")), "unsupported kty"),
            (with("kty", json!(["RSA"])), "unsupported kty"),
            (with("use", json!("enc")), "use is not sig"),
            (with("use", json!("SIG")), "use is not sig"),
            (with("use", Value::Null), "use is not sig"),
            (
                with("key_ops", json!(["sign"])),
                "key_ops is without verify",
            ),
            (with("key_ops", json!([])), "key_ops is without verify"),
            (
                with("key_ops", json!("verify")),
                "key_ops is without verify",
            ),
            (with("alg", Value::Null), "kid or alg is not a string"),
            (with("n", json!(65_537)), member),
            (bare, member),
        ] {
            assert_eq!(public_jwk(jwk.clone()).unwrap_err(), why, "{jwk}");
        }
        let ec = json!({"kty": "EC", "kid": "b", "use": "enc", "crv": "P-256", "x": "", "y": ""});
        assert_eq!(public_jwk(ec).unwrap_err(), "use is not sig");
        assert!(public_jwk(with("key_ops", json!(["verify"]))).is_ok());
        assert!(public_jwk(rsa()).is_ok());
    }
}
