//! Verdicts on tokens that others made: the file named in `JWS_VECTORS`, where there is one.
//!
//! The cases of level `jwt` carry a whole session, so they go through the public API, each with
//! its own key set. Those of level `jws` carry arbitrary payloads and are run inside the crate.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use tower_descope::{
    Descope,
    jwks::{JsonWebKeySet, JwksClientError, JwksSource, async_trait, source_error},
    test_util::FakeDescope,
};

/// Where our verdict is not the vectors', and why.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "own-ok-ES512",
    "ES512 is not offered: neither backend's jsonwebtoken verifies it, and Descope does not use it",
)];

/// A set as it stands in a vector, served by the fake so that the built-in source reads it.
struct Fixed(String);

#[async_trait]
impl JwksSource for Fixed {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        serde_json::from_str(&self.0).map_err(source_error)
    }
}

fn cases() -> Option<Value> {
    let path = std::env::var("JWS_VECTORS").ok()?;
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Some(serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn tokens_that_others_made_get_the_verdicts_that_they_gave() {
    let Some(vectors) = cases() else {
        return;
    };
    let project = vectors["project"].as_str().unwrap();
    let exceptions: BTreeMap<_, _> = EXCEPTIONS.iter().copied().collect();
    let (mut tried, mut wrong) = (0, Vec::new());
    // One fake serves every key set in its turn; each case has a handle, and so a cache, of its
    // own.
    let fake = FakeDescope::builder().project_id(project).start().await;
    for case in vectors["cases"].as_array().unwrap() {
        if case["level"] != "jwt" {
            continue;
        }
        let id = case["id"].as_str().unwrap();
        let expected = case["expected"].as_str().unwrap();
        fake.set_jwks_body(Some(case["jwks"].to_string()));
        let descope = fake.descope();
        let accepted = descope
            .verify(case["token"].as_str().unwrap())
            .await
            .is_ok();
        tried += 1;
        let right = match expected {
            "valid" => accepted,
            "invalid" => !accepted,
            "either" => true,
            other => panic!("{id}: {other}"),
        };
        if !right && !exceptions.contains_key(id) {
            wrong.push(format!(
                "{id}: {expected}, but accepted = {accepted} ({})",
                case["why"]
            ));
        }
        if right && exceptions.contains_key(id) {
            wrong.push(format!("{id}: is no exception any more"));
        }
    }
    println!("vectors: {tried} tried");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A source of one's own gets the same verdicts on good tokens.
#[tokio::test]
async fn a_source_of_ones_own_serves_as_well() {
    let fake = FakeDescope::start().await;
    let token = fake.session("U1").token();
    fake.descope().verify(&token).await.unwrap();
    let keys = fake.jwks().to_string();
    let descope = Descope::builder(fake.project_id())
        .jwks_source(Fixed(keys))
        .clock(fake.clock().clone())
        .build()
        .unwrap();
    assert!(descope.verify(&token).await.is_ok());
    let broken = Descope::builder(fake.project_id())
        .jwks_source(Fixed("no keys".to_owned()))
        .clock(fake.clock().clone())
        .build()
        .unwrap();
    let rejection = broken.verify(&token).await.unwrap_err();
    assert_eq!(rejection.code(), "keys_unavailable");
}
