//! The usable keys of one fetch.

use std::{collections::BTreeMap, sync::Arc};

use jwks_client_rs::JsonWebKey;

use super::duplicates::ambiguous_kids;
use crate::{clock::Now, jwt::key::VerifyingKey};

/// The usable keys of one fetch. A set is never changed, only replaced.
#[derive(Debug)]
pub(super) struct KeySet {
    /// Sorted by `kid`, each of which is there once.
    keys: Vec<Arc<VerifyingKey>>,
}

impl KeySet {
    /// Makes a set of the usable keys among those fetched.
    ///
    /// A key that the previous set has too stays the same `Arc`, so that sessions cached with it
    /// stay valid.
    pub(super) fn new(jwks: &[JsonWebKey], previous: Option<&Self>) -> Self {
        let entries: Vec<(&str, Option<Arc<VerifyingKey>>)> =
            jwks.iter().map(|jwk| (jwk.key_id(), usable(jwk))).collect();
        let ambiguous = ambiguous_kids(&entries, |one, other| one.same_material(other));
        let keys: BTreeMap<&str, Arc<VerifyingKey>> = entries
            .into_iter()
            .filter(|(kid, _)| !ambiguous.contains(*kid))
            .filter_map(|(kid, key)| Some((kid, key?)))
            .collect();
        let keys = keys
            .into_values()
            .map(|key| match previous.and_then(|set| set.get(key.kid())) {
                Some(kept) if kept.same_material(&key) => Arc::clone(kept),
                _ => key,
            })
            .collect();
        Self { keys }
    }

    /// The key of this name.
    pub(super) fn get(&self, kid: &str) -> Option<&Arc<VerifyingKey>> {
        self.keys
            .binary_search_by(|key| key.kid().cmp(kid))
            .ok()
            .and_then(|index| self.keys.get(index))
    }

    /// The key that has verified a token with this header segment, searched among the first few keys
    /// only: a project usually has two.
    pub(super) fn by_header(&self, segment: &[u8]) -> Option<&Arc<VerifyingKey>> {
        const FEW: usize = 8;
        self.keys
            .get(..self.keys.len().min(FEW))?
            .iter()
            .find(|key| key.header() == Some(segment))
    }

    /// Lets these keys serve until `end`, and withdraws those of the previous set that are gone.
    pub(super) fn serve_until(&self, end: &Now, previous: Option<&Self>) {
        for old in previous.map_or(&[][..], |set| &set.keys) {
            if !self.get(old.kid()).is_some_and(|key| Arc::ptr_eq(key, old)) {
                old.withdraw();
            }
        }
        for key in &self.keys {
            key.serve_until(end);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

fn usable(jwk: &JsonWebKey) -> Option<Arc<VerifyingKey>> {
    VerifyingKey::from_jwk(jwk)
        .inspect_err(|why| tracing::warn!(kid = jwk.key_id(), why, "key skipped"))
        .ok()
        .map(Arc::new)
}

/// The `kid`s of the usable keys among those fetched.
#[cfg(feature = "__internals")]
pub(crate) fn usable_kids(jwks: &[JsonWebKey]) -> Vec<String> {
    let set = KeySet::new(jwks, None);
    set.keys.iter().map(|key| key.kid().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// P-256 base points of RFC 7515 A.3 and RFC 7517 A.1.
    const ONE: (&str, &str) = (
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    );
    const TWO: (&str, &str) = (
        "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    );

    fn key(kid: &str, (x, y): (&str, &str)) -> Value {
        json!({"kty": "EC", "kid": kid, "alg": "ES256", "crv": "P-256", "x": x, "y": y})
    }

    fn set(keys: &[Value], previous: Option<&KeySet>) -> KeySet {
        let jwks: Vec<JsonWebKey> = keys
            .iter()
            .map(|key| serde_json::from_value(key.clone()).unwrap())
            .collect();
        KeySet::new(&jwks, previous)
    }

    #[test]
    fn keys_are_found_by_their_exact_name() {
        let set = set(
            &[key("b", ONE), key("a", TWO), key("c", (ONE.0, TWO.1))],
            None,
        );
        assert_eq!(set.len(), 2);
        assert_eq!(set.get("a").unwrap().kid(), "a");
        assert_eq!(set.get("b").unwrap().kid(), "b");
        for absent in ["c", "", "A", "a ", "ab"] {
            assert!(set.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn of_two_keys_with_one_name_neither_counts_in_any_order() {
        for keys in [
            [key("a", ONE), key("a", TWO), key("b", ONE)],
            [key("b", ONE), key("a", TWO), key("a", ONE)],
            [key("a", TWO), key("b", ONE), key("a", ONE)],
        ] {
            let set = set(&keys, None);
            assert!(set.get("a").is_none());
            assert!(set.get("b").is_some());
        }
        let three = [key("a", ONE), key("a", TWO), key("a", ONE)];
        assert_eq!(set(&three, None).len(), 0);
    }

    #[test]
    fn a_key_whose_namesake_is_not_usable_is_left_out_in_any_order() {
        let broken = key("a", (ONE.0, TWO.1));
        for keys in [
            [key("a", ONE), broken.clone(), key("b", ONE)],
            [broken.clone(), key("b", ONE), key("a", ONE)],
        ] {
            let set = set(&keys, None);
            assert!(set.get("a").is_none());
            assert!(set.get("b").is_some());
        }
    }

    #[test]
    fn the_same_key_twice_counts_once() {
        let set = set(&[key("a", ONE), key("a", ONE)], None);
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn an_unchanged_key_stays_the_same_and_a_changed_one_does_not() {
        let old = set(&[key("a", ONE), key("b", ONE)], None);
        let new = set(&[key("b", TWO), key("a", ONE)], Some(&old));
        assert!(Arc::ptr_eq(old.get("a").unwrap(), new.get("a").unwrap()));
        assert!(!Arc::ptr_eq(old.get("b").unwrap(), new.get("b").unwrap()));
    }
}
