//! Verdicts on tokens that others made: the file named in `JWS_VECTORS`, where there is one.
//!
//! The cases of level `jwt` carry a whole session, so they go through the public API, each with
//! its own key set. Those of level `jws` carry arbitrary payloads and are run inside the crate.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use tower_descope::{
    Descope, Rejection, Session, SessionToken,
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
    let mut sources: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
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
        let token = case["token"].as_str().unwrap();
        let verdict = descope.verify(&SessionToken::new(token)).await;
        let accepted = verdict.is_ok();
        let counts = sources.entry(case["source"].as_str().unwrap()).or_default();
        counts[0] += 1;
        counts[1] += usize::from(expected == if accepted { "valid" } else { "invalid" });
        counts[2] += usize::from(expected == "either");
        // Again on the same handle, where the answer may be remembered: it must be the same one.
        let again = descope.verify(&SessionToken::new(token)).await;
        let why = |verdict: &Result<Session, Rejection>| match verdict {
            Ok(_) => None,
            // When to come again may differ: the second one may have to wait for its fetch.
            Err(rejection) => Some((rejection.kind(), rejection.reason())),
        };
        if why(&again) != why(&verdict) {
            wrong.push(format!("{id}: {verdict:?}, and then {again:?}"));
        }
        if let (Ok(first), Ok(second)) = (&verdict, &again) {
            assert_eq!(first.user_id(), second.user_id(), "{id}");
            assert_eq!(first.expires_at(), second.expires_at(), "{id}");
            let tenant = |session: &Session| {
                let tenant = session.active_tenant();
                tenant.map(|tenant| tenant.id().to_string())
            };
            assert_eq!(tenant(first), tenant(second), "{id}");
        }
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
    for (source, [tried, as_they_say, either]) in &sources {
        println!(
            "vectors, level jwt, {source}: {tried} tried, {as_they_say} as they say, {either} either"
        );
    }
    let tried: usize = sources.values().map(|counts| counts[0]).sum();
    println!("vectors, level jwt: {tried} tried, each twice");
    assert!(tried > 0);
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
    fake.descope()
        .verify(&SessionToken::new(&token))
        .await
        .unwrap();
    let keys = fake.jwks().to_string();
    let descope = Descope::builder(fake.project_id())
        .jwks_source(Fixed(keys))
        .clock(fake.clock().clone())
        .build()
        .unwrap();
    assert!(descope.verify(&SessionToken::new(&token)).await.is_ok());
    let broken = Descope::builder(fake.project_id())
        .jwks_source(Fixed("no keys".to_owned()))
        .clock(fake.clock().clone())
        .build()
        .unwrap();
    let rejection = broken.verify(&SessionToken::new(&token)).await.unwrap_err();
    assert_eq!(rejection.code(), "keys_unavailable");
    let error = broken.warm_up().await.unwrap_err().to_string();
    assert_eq!(
        error,
        "no usable keys from the jwks_source (the source failed): check what the source reads; \
         the log has the details"
    );
    // Nobody listens there.
    let descope = Descope::builder(fake.project_id())
        .base_url("http://127.0.0.1:1")
        .build()
        .unwrap();
    let error = descope.warm_up().await.unwrap_err().to_string();
    let url = format!("http://127.0.0.1:1/v2/keys/{}", fake.project_id());
    assert!(error.contains(&format!("at {url} (")), "{error}");
    assert!(error.contains("refused"), "{error}");
    assert_eq!(error.matches(&url).count(), 1, "{error}");
}
