//! A snapshot of a project's keys.

use std::sync::Arc;

use jwks_client_rs::JsonWebKey;

use crate::{clock::Now, jwt::key::VerifyingKey};

/// The usable keys of one fetch. Never changed, only replaced.
#[derive(Debug)]
pub(super) struct KeySet {
    /// By `kid`, each once.
    keys: Vec<Arc<VerifyingKey>>,
}

impl KeySet {
    /// Takes the usable ones of the keys fetched.
    ///
    /// A key that the previous set has too stays the same `Arc`, so that what was verified with it
    /// stays good. Two different keys of one name are both left out, also where one of them is not
    /// usable: which of them counts would depend on their order.
    pub(super) fn new(jwks: &[JsonWebKey], previous: Option<&Self>) -> Self {
        let mut named: Vec<(&str, Option<Arc<VerifyingKey>>)> =
            jwks.iter().map(|jwk| (jwk.key_id(), usable(jwk))).collect();
        named.sort_by_key(|(kid, _)| *kid);
        let keys = named
            .chunk_by(|(one, _), (other, _)| one == other)
            .filter_map(agreed)
            .map(|key| match previous.and_then(|set| set.get(key.kid())) {
                Some(known) if known.same_material(&key) => Arc::clone(known),
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

    /// The key whose tokens have this header, as far as that is known and found at a glance: a
    /// project has two keys as a rule.
    pub(super) fn by_header(&self, segment: &[u8]) -> Option<&Arc<VerifyingKey>> {
        const FEW: usize = 8;
        self.keys
            .get(..self.keys.len().min(FEW))?
            .iter()
            .find(|key| key.header() == Some(segment))
    }

    /// Has these keys serve until then, in the place of the previous ones.
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

/// The one key that all of a name are.
fn agreed(namesakes: &[(&str, Option<Arc<VerifyingKey>>)]) -> Option<Arc<VerifyingKey>> {
    let ((kid, first), others) = namesakes.split_first()?;
    let same = |first: &VerifyingKey| {
        others.iter().all(|(_, other)| {
            other
                .as_ref()
                .is_some_and(|other| first.same_material(other))
        })
    };
    let key = first.as_ref().filter(|first| same(first));
    if key.is_none() && !others.is_empty() {
        tracing::warn!(kid, "keys skipped: several have this kid");
    }
    key.cloned()
}

/// The names of the usable ones among the keys fetched.
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
