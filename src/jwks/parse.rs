//! Reads JSON Web Key Sets, leaving out the keys that are not for verifying signatures.

use std::fmt::Display;

use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jwks_client_rs::{JsonWebKey, JsonWebKeySet, JwksClientError};
use serde_json::Value;

use super::{duplicates::ambiguous_kids, settings::MAX_KEYS};
use crate::{
    error::Error,
    jwt::{
        jwk::{SECRET_KEY, public_jwk},
        key::VerifyingKey,
    },
};

/// Editors on Windows write it before a text; none of them shows it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

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
/// entry. The text must be an object with an array `keys` of at most 100 entries; a byte order mark
/// before it is skipped (RFC 8259 section 8.1).
///
/// # Errors
///
/// If the text is no key set. The error is meant for the log.
pub fn parse_key_set(json: &[u8]) -> Result<JsonWebKeySet, JwksClientError> {
    key_set(json, MAX_KEYS)
}

/// As [`parse_key_set`], with another limit.
pub(super) fn key_set(json: &[u8], max_keys: usize) -> Result<JsonWebKeySet, JwksClientError> {
    let json = json
        .strip_prefix(BYTE_ORDER_MARK.as_bytes())
        .unwrap_or(json);
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
    let entries: Vec<(Option<String>, Option<JsonWebKey>)> = keys
        .into_iter()
        .map(|entry| {
            let kid = entry.get("kid").and_then(Value::as_str).map(str::to_owned);
            let key = usable(entry, kid.as_deref());
            (kid, key)
        })
        .collect();
    // An entry without a name contradicts no other.
    let named: Vec<(&str, Option<&JsonWebKey>)> = entries
        .iter()
        .filter_map(|(kid, key)| Some((kid.as_deref()?, key.as_ref())))
        .collect();
    // Whether usable keys of one name are the same is told by their numbers, which are read later.
    let ambiguous = ambiguous_kids(&named, |_, _| true);
    let keys = entries
        .into_iter()
        .filter_map(|(_, key)| key)
        .filter(|key| !ambiguous.contains(key.key_id()));
    Ok(JsonWebKeySet::from(keys.collect::<Vec<_>>()))
}

/// Reads the one key of a configuration.
pub(crate) fn parse_public_key(json: &str) -> Result<VerifyingKey, Error> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    serde_json::from_str(json)
        .map_err(|_| {
            if json.trim_start().starts_with("-----BEGIN") {
                "it is a key in PEM"
            } else {
                "not JSON"
            }
        })
        .and_then(|value: Value| match &value {
            Value::Object(object) if object.contains_key("keys") => {
                Err("it is a key set: give one of its keys")
            }
            _ => public_jwk(value),
        })
        .and_then(|jwk| VerifyingKey::from_jwk(&jwk))
        .map_err(|why| {
            Error::config(format!(
                "public_key is not a JSON Web Key to verify with: {why}; copy it as an object \
                 from the project's key endpoint (/v2/keys/…)"
            ))
        })
}

fn usable(entry: Value, kid: Option<&str>) -> Option<JsonWebKey> {
    match public_jwk(entry) {
        Ok(key) => Some(key),
        Err(SECRET_KEY) => {
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
    fn a_configured_key_says_what_is_wrong_with_it_and_shows_nothing_of_it() {
        for (text, named) in [
            ("{}".to_owned(), "unsupported kty"),
            ("hush".to_owned(), "not JSON"),
            (
                "-----BEGIN PUBLIC KEY-----\nhush".to_owned(),
                "a key in PEM",
            ),
            (json!({"keys": ["hush"]}).to_string(), "a key set: give one"),
            (json!(["hush"]).to_string(), "not an object"),
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
    fn one_byte_order_mark_is_skipped_before_a_set_and_before_a_configured_key() {
        let set = format!("\u{feff}{}", json!({"keys": [rsa()]}));
        assert_eq!(parse_key_set(set.as_bytes()).unwrap().keys().len(), 1);
        let two = format!("\u{feff}{set}");
        assert!(parse_key_set(two.as_bytes()).is_err());
        assert!(parse_key_set(b"\xef\xbb").is_err());
        let key = format!("\u{feff}{}", rsa());
        let message = parse_public_key(&key).unwrap_err().to_string();
        assert!(message.contains("modulus"), "it was read: {message}");
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
