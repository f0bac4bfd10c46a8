//! Verdicts on signed messages that others made: the cases of level `jws` in the file named in
//! `JWS_VECTORS`, where there is one. Their payloads are arbitrary, so that the public API can only
//! refuse them; judged is what comes before the payload.

use std::{collections::BTreeMap, fs, sync::Arc};

use serde_json::Value;
use tokio::runtime::Builder;

use crate::{
    clock::Clock,
    jwks::{
        JsonWebKeySet, JwksClientError, JwksSource, KeyCache, KeyOrigin, KeyStore, KeyWaitOutcome,
        Lookup, async_trait, parse_key_set,
    },
    jwt::{
        compact::{Compact, HeaderRoom},
        key::VerifyingKey,
    },
};

/// Where our verdict is not the vectors', and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("rfc7515-A.2", NO_KID),
    ("rfc7515-A.3", NO_KID),
    ("rfc7515-A.4", NO_KID),
    ("cookbook-rfc8037-ed25519-compact", NO_KID),
    ("cookbook-6-inner-jws", NO_KID),
    (
        "cookbook-4_3.ecdsa_signature-compact",
        "ES512 is not offered: neither backend's jsonwebtoken verifies it, and Descope does not use it",
    ),
];

/// These are verified in `jwt/key/published.rs`, where their keys are given a name.
const NO_KID: &str = "without a kid no key is tried; Descope's tokens have one";

struct Published(String);

#[async_trait]
impl JwksSource for Published {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        parse_key_set(self.0.as_bytes())
    }
}

/// Whether a compact JWS verifies under a key set, whatever its payload says: what the verifier does
/// before it looks at the payload, with the same pieces.
fn jws_accepts(token: &str, jwks: &str) -> bool {
    let Ok(compact) = Compact::parse(token.as_bytes(), 16 * 1024) else {
        return false;
    };
    let mut room = HeaderRoom::default();
    let header = super::verify::header(&compact, &mut room);
    let (Ok(header), Ok(signature)) = (header, compact.signature()) else {
        return false;
    };
    let Some(key) = key(&header.kid, jwks) else {
        return false;
    };
    header.alg == key.algorithm() && key.verify(compact.signing_input(), signature.as_bytes())
}

/// The key of this name, through the key cache.
fn key(kid: &str, jwks: &str) -> Option<Arc<VerifyingKey>> {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let clock = Clock::default();
        let now = clock.now();
        let source = Arc::new(Published(jwks.to_owned()));
        let keys = KeyStore::new(
            source,
            KeyCache::default().policy(),
            clock,
            KeyOrigin::Source,
        );
        match keys.cached().get(kid, &now) {
            Lookup::Wait(wait) => match wait.await {
                KeyWaitOutcome::Found(key) => Some(key),
                KeyWaitOutcome::Unknown | KeyWaitOutcome::Unavailable { .. } => None,
            },
            other => panic!("nothing was fetched yet, but the answer is {other:?}"),
        }
    })
}

#[derive(Debug, Default)]
struct Tally {
    tried: usize,
    as_they_say: usize,
    either: usize,
    exceptions: usize,
}

#[test]
fn messages_that_others_signed_get_the_verdicts_that_they_gave() {
    let Ok(path) = std::env::var("JWS_VECTORS") else {
        return;
    };
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let mut exceptions: BTreeMap<_, _> = EXCEPTIONS.iter().copied().collect();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        if case["level"] != "jws" {
            continue;
        }
        let id = case["id"].as_str().unwrap();
        let expected = case["expected"].as_str().unwrap();
        let accepted = jws_accepts(case["token"].as_str().unwrap(), &case["jwks"].to_string());
        let tally = tallies.entry(family(&case["source"])).or_default();
        tally.tried += 1;
        let right = match expected {
            "valid" => accepted,
            "invalid" => !accepted,
            "either" => {
                tally.either += 1;
                continue;
            }
            other => panic!("{id}: {other}"),
        };
        match (right, exceptions.remove(id)) {
            (true, None) => tally.as_they_say += 1,
            (false, Some(_)) => tally.exceptions += 1,
            (true, Some(_)) => wrong.push(format!("{id}: is no exception any more")),
            (false, None) => wrong.push(format!(
                "{id}: {expected}, but accepted = {accepted} ({})",
                case["why"]
            )),
        }
    }
    for (source, tally) in &tallies {
        println!("vectors, level jws, {source}: {tally:?}");
    }
    assert!(!tallies.is_empty(), "{path} has no case of level jws");
    assert!(exceptions.is_empty(), "never tried: {exceptions:?}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A source without the file's name in it.
fn family(source: &Value) -> String {
    let source = source.as_str().unwrap();
    let mutated = if source.contains("mutated") {
        ", mutated"
    } else {
        ""
    };
    format!("{}{mutated}", source.split(" (").next().unwrap())
}
