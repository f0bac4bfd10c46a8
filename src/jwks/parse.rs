//! From JSON to [`JsonWebKey`], which cannot carry all that decides whether a key is one.

use std::{collections::BTreeSet, fmt::Display};

use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jwks_client_rs::{JsonWebKey, JsonWebKeySet, JwksClientError};
use serde_json::{Map, Value};

use super::limits::Limits;
use crate::{error::Error, jwt::key::VerifyingKey};

/// Members of which one is enough to make a key a secret (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1).
const SECRET: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Makes the error of a [`JwksSource`](super::JwksSource) out of a text or another error.
///
/// The text goes into the log, so keep secrets out of it.
pub fn source_error(error: impl Display) -> JwksClientError {
    JwtError::from(ErrorKind::Provider(error.to_string())).into()
}

/// Reads a JSON Web Key Set (RFC 7517 section 5), dropping what is no key to verify with.
///
/// Keys for something else (`use`, `key_ops`), of unknown types, unreadable ones and secrets that
/// should not be there are each logged and left out, and so is every key with the `kid` of such an
/// entry. The text must be an object with an array `keys` of at most 100 entries.
///
/// # Errors
///
/// If the text is no key set. The error is meant for the log.
pub fn parse_key_set(json: &[u8]) -> Result<JsonWebKeySet, JwksClientError> {
    key_set(json, Limits::new().max_keys)
}

/// As [`parse_key_set`], with another limit.
pub(super) fn key_set(json: &[u8], max_keys: usize) -> Result<JsonWebKeySet, JwksClientError> {
    let json: Value = serde_json::from_slice(json).map_err(source_error)?;
    // A bare array, as of the older endpoint, is not what was asked for.
    let Value::Object(mut object) = json else {
        return Err(source_error("the answer is not a JSON object"));
    };
    let Some(Value::Array(keys)) = object.remove("keys") else {
        return Err(source_error("the answer has no array of keys"));
    };
    if keys.len() > max_keys {
        return Err(source_error("the answer has too many keys"));
    }
    // A private key's public twin, or one that is also there for encryption: what such a name is for
    // nobody can tell.
    let mut doubtful = BTreeSet::new();
    let mut usable: Vec<_> = keys
        .into_iter()
        .filter_map(|entry| {
            let kid = entry.get("kid").and_then(Value::as_str).map(str::to_owned);
            let key = usable(entry, kid.as_deref());
            if key.is_none() {
                doubtful.extend(kid);
            }
            key
        })
        .collect();
    usable.retain(|key: &JsonWebKey| {
        let kid = key.key_id();
        let doubt = doubtful.contains(kid);
        if doubt {
            tracing::warn!(kid, "keys skipped: several have this kid");
        }
        !doubt
    });
    Ok(JsonWebKeySet::from(usable))
}

/// Reads the one key of a configuration.
pub(crate) fn parse_public_key(json: &str) -> Result<VerifyingKey, Error> {
    serde_json::from_str(json)
        .map_err(|_| "not JSON")
        .and_then(public_key)
        .and_then(|jwk| VerifyingKey::from_jwk(&jwk))
        .map_err(|why| {
            Error::config(format!(
                "public_key is not a JSON Web Key to verify with: {why}; copy it as an object \
                 from the project's key endpoint (/v2/keys/…)"
            ))
        })
}

fn usable(entry: Value, kid: Option<&str>) -> Option<JsonWebKey> {
    match public_key(entry) {
        Ok(key) => Some(key),
        Err(PRIVATE) => {
            tracing::error!(
                kid,
                "private key published: it is not used, and whoever read it can sign"
            );
            None
        }
        Err(why) => {
            tracing::warn!(kid, why, "key skipped");
            None
        }
    }
}

/// Why a secret is refused.
const PRIVATE: &str = "it is a private or secret key";

/// Checks what a [`JsonWebKey`] does not keep.
fn public_key(entry: Value) -> Result<JsonWebKey, &'static str> {
    let Value::Object(members) = &entry else {
        return Err("not an object");
    };
    let kty = members.get("kty").and_then(Value::as_str);
    if kty == Some("oct") || SECRET.iter().any(|name| members.contains_key(*name)) {
        return Err(PRIVATE);
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

/// RFC 7517 sections 4.2 and 4.3.
fn check_purpose(members: &Map<String, Value>) -> Result<(), &'static str> {
    if members.get("use").is_some_and(|usage| usage != "sig") {
        return Err("use is not sig");
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

    fn kids(set: &Value) -> Vec<String> {
        let keys = parse_key_set(set.to_string().as_bytes()).unwrap().keys();
        keys.iter().map(|key| key.key_id().to_owned()).collect()
    }

    #[test]
    fn a_set_is_an_object_with_an_array_of_keys() {
        for text in [
            "",
            "<html>",
            "null",
            "[]",
            "{}",
            r#"{"keys":{}}"#,
            r#"{"keys":null}"#,
            r#"{"keys":[NaN]}"#,
            r#"{"keys":["#,
            r#"[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]"#,
            r"[[]]",
            r#"{"keys":[]} {}"#,
            &format!("{{\"keys\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000)),
        ] {
            assert!(parse_key_set(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse_key_set(br#"{"keys":[],"more":1}"#).is_ok());
        let many = |count| json!({"keys": vec![rsa(); count]}).to_string();
        assert_eq!(
            parse_key_set(many(100).as_bytes()).unwrap().keys().len(),
            100
        );
        assert!(parse_key_set(many(101).as_bytes()).is_err());
    }

    #[test]
    fn what_is_no_key_is_left_out_and_the_rest_stays() {
        let set = json!({"keys": [
            null, 7, "x", [], {}, {"kty": "RSA"}, {"kty": "XYZ", "kid": "b"}, rsa(),
            with("kid", json!(7)), with("kid", json!("c")),
        ]});
        assert_eq!(kids(&set), ["a", "c"]);
    }

    #[test]
    fn a_key_whose_namesake_is_none_is_none_either() {
        let twin = |member: &str, value: Value| {
            let mut jwk = with("kid", json!("b"));
            jwk[member] = value;
            jwk
        };
        let key = with("kid", json!("b"));
        for twin in [
            twin("d", json!("AQAB")),
            twin("use", json!("enc")),
            twin("key_ops", json!(["sign"])),
            twin("kty", json!("oct")),
            twin("n", json!(7)),
            json!({"kid": "b"}),
        ] {
            for keys in [
                [&key, &twin, &rsa()],
                [&twin, &rsa(), &key],
                [&rsa(), &key, &twin],
            ] {
                assert_eq!(kids(&json!({ "keys": keys })), ["a"], "{twin}");
            }
        }
        // What bears no name contradicts nothing.
        for nameless in [json!({}), json!({"kid": null}), with("kid", json!(["a"]))] {
            assert_eq!(kids(&json!({"keys": [rsa(), nameless]})), ["a"]);
        }
    }

    #[test]
    fn each_rule_of_the_raw_key_has_its_reason() {
        let member = "a member is missing or of the wrong type";
        let mut bare = rsa();
        bare.as_object_mut().unwrap().remove("n");
        for (jwk, why) in [
            (with("kty", json!("oct")), PRIVATE),
            (with("d", json!("AQAB")), PRIVATE),
            (with("d", Value::Null), PRIVATE),
            (with("p", json!("AQAB")), PRIVATE),
            (with("k", json!("AQAB")), PRIVATE),
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
            assert_eq!(public_key(jwk.clone()).unwrap_err(), why, "{jwk}");
        }
        let ec = json!({"kty": "EC", "kid": "b", "use": "enc", "crv": "P-256", "x": "", "y": ""});
        assert_eq!(public_key(ec).unwrap_err(), "use is not sig");
        assert!(public_key(with("key_ops", json!(["verify"]))).is_ok());
        assert!(public_key(rsa()).is_ok());
    }

    #[test]
    fn a_configured_key_says_what_is_wrong_with_it_and_shows_nothing_of_it() {
        for (text, named) in [
            ("{}".to_owned(), "unsupported kty"),
            ("hush".to_owned(), "not JSON"),
            (with("d", json!("hush")).to_string(), "private"),
            (with("n", json!("hush!")).to_string(), "base64url"),
            (with("alg", json!("hush")).to_string(), "unsupported alg"),
            (rsa().to_string(), "modulus"),
        ] {
            let message = parse_public_key(&text).unwrap_err().to_string();
            assert!(message.starts_with("public_key"), "{message}");
            assert!(message.contains(named), "{message}");
            assert!(!message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn a_source_can_fail_in_its_own_words() {
        assert!(
            source_error("no such file")
                .to_string()
                .contains("no such file")
        );
    }
}
