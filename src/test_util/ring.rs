//! The project's keys: which one signs, which are published.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value, json};

use super::keys::{TestKey, compact};

/// Every key the project ever had.
///
/// Retired keys stay here, unpublished: a rotation takes a key out of the published set, yet the
/// service still knows its own old tokens.
pub(super) struct Ring {
    keys: Vec<RingKey>,
    current: usize,
    algorithm: Algorithm,
    /// Answered in place of the real set, when a test wants to.
    pub(super) body: Option<String>,
    /// The status of the key endpoint's answers.
    pub(super) status: u16,
}

/// One key under its name.
#[derive(Clone)]
pub(super) struct RingKey {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: &'static TestKey,
    published: bool,
}

impl Ring {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let mut ring = Self {
            keys: Vec::new(),
            current: 0,
            algorithm,
            body: None,
            status: 200,
        };
        ring.add(algorithm);
        ring
    }

    /// Makes a new key the signing one; the old one leaves the set unless it is kept.
    pub(super) fn rotate(&mut self, keep_old: bool) -> String {
        self.keys[self.current].published &= keep_old;
        let kid = self.add(self.algorithm);
        self.current = self.keys.len() - 1;
        kid
    }

    /// Publishes one more key, which signs nothing yet.
    pub(super) fn add(&mut self, algorithm: Algorithm) -> String {
        let number = self.keys.len();
        let kid = format!("SK2fakeFakeFakeFakeFakeFak{number:03}");
        self.keys.push(RingKey {
            kid: kid.clone(),
            algorithm,
            key: TestKey::project(algorithm, number),
            published: true,
        });
        kid
    }

    /// Takes a key out of the published set; false if there is none of that name.
    pub(super) fn remove(&mut self, kid: &str) -> bool {
        let Some(key) = self.keys.iter_mut().find(|key| key.kid == kid) else {
            return false;
        };
        key.published = false;
        true
    }

    pub(super) fn current(&self) -> &RingKey {
        &self.keys[self.current]
    }

    pub(super) fn find(&self, kid: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// A published key for `algorithm`, the signing one first.
    pub(super) fn published_for(&self, algorithm: Algorithm) -> Option<&RingKey> {
        std::iter::once(self.current())
            .chain(&self.keys)
            .find(|key| key.published && key.algorithm == algorithm)
    }

    /// The published set.
    pub(super) fn jwks(&self) -> Value {
        let published = self.keys.iter().filter(|key| key.published);
        json!({ "keys": published.map(RingKey::jwk).collect::<Vec<_>>() })
    }

    /// Signs `claims` as the service does.
    pub(super) fn issue(&self, claims: &Map<String, Value>) -> String {
        let signer = self.current();
        let header = Value::Object(signer.header()).to_string();
        let payload = Value::Object(claims.clone()).to_string();
        compact(header.as_bytes(), payload.as_bytes(), |message| {
            signer.key.sign(signer.algorithm, message)
        })
    }

    /// The claims of a token of ours; dates and kinds are the caller's to judge.
    pub(super) fn read(&self, token: &str) -> Option<Map<String, Value>> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let header: Map<String, Value> = decode(header)?;
        let key = self.find(header.get("kid")?.as_str()?)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        key.key
            .verifies(key.algorithm, message.as_bytes(), &signature)
            .then(|| decode(payload))?
    }
}

impl RingKey {
    /// The JOSE header of a token that this key signs.
    pub(super) fn header(&self) -> Map<String, Value> {
        header(&format!("{:?}", self.algorithm), &self.kid)
    }

    fn jwk(&self) -> Value {
        let mut jwk = self.key.jwk.clone();
        jwk.insert("alg".into(), format!("{:?}", self.algorithm).into());
        jwk.insert("kid".into(), self.kid.as_str().into());
        jwk.insert("use".into(), "sig".into());
        Value::Object(jwk)
    }
}

fn header(algorithm: &str, kid: &str) -> Map<String, Value> {
    let mut header = Map::new();
    header.insert("alg".into(), algorithm.into());
    header.insert("kid".into(), kid.into());
    header.insert("typ".into(), "JWT".into());
    header
}

fn decode(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_key_leaves_the_set_but_its_tokens_are_still_known() {
        let mut ring = Ring::new(Algorithm::RS256);
        let old = ring.current().kid.clone();
        let token = ring.issue(&Map::new());
        let new = ring.rotate(false);
        let set = ring.jwks().to_string();
        assert!(!set.contains(&old) && set.contains(&new));
        assert_eq!(ring.read(&token), Some(Map::new()));
    }

    #[test]
    fn hostile_tokens_are_no_tokens() {
        let ring = Ring::new(Algorithm::ES256);
        let token = ring.issue(&Map::new());
        let (message, _) = token.rsplit_once('.').unwrap();
        for hostile in [
            "",
            ".",
            "..",
            "a.b.c",
            "é.é.é",
            message,
            &format!("{message}.AAAA"),
        ] {
            assert_eq!(ring.read(hostile), None, "{hostile}");
        }
    }
}
