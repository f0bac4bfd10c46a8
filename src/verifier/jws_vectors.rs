//! Verdicts on signed messages that others made: the cases of level `jws` in the file named in
//! `JWS_VECTORS`, where there is one. Their payloads are arbitrary, so that the public API can only
//! refuse them; what counts is whether it got as far as the payload.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use tokio::runtime::Builder;

use crate::{
    Descope, RejectionKind,
    jwks::{JsonWebKeySet, JwksClientError, JwksSource, async_trait, parse_key_set},
    jwt::{compact::Compact, header::Header},
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

/// What a refusal says that comes before the payload is looked at. A new one that is missing here
/// turns refusals into acceptances, and fails this test.
const BEFORE_THE_PAYLOAD: [&str; 4] = [
    "unknown_kid",
    "wrong_algorithm",
    "malformed_signature",
    "wrong_signature",
];

struct Published(String);

#[async_trait]
impl JwksSource for Published {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        parse_key_set(self.0.as_bytes())
    }
}

/// Whether a compact JWS verifies under a key set, whatever its payload says.
fn jws_accepts(token: &str, jwks: &str) -> bool {
    // Faults of the header have the same names as those of the payload, so the header goes first.
    let header = Compact::parse(token, 16 * 1024).and_then(|compact| compact.header());
    if header.and_then(|text| Header::parse(&text)).is_err() {
        return false;
    }
    let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z")
        .jwks_source(Published(jwks.to_owned()))
        // Never called. Without TLS no certificates are read, which takes most of the time.
        .base_url("http://127.0.0.1:9")
        .build()
        .unwrap();
    let runtime = Builder::new_current_thread().enable_time().build();
    match runtime.unwrap().block_on(descope.verify(token)) {
        Ok(_) => true,
        Err(rejection) => {
            rejection.kind() != RejectionKind::KeysUnavailable
                && !BEFORE_THE_PAYLOAD.contains(&rejection.reason())
        }
    }
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
