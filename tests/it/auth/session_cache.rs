//! The cache of verified sessions may spare work, and nothing else: what is in it is refused the
//! moment it would be refused without it.

use std::time::Duration;

use tower_descope::{
    Descope, DescopeBuilder, Rejection, SessionToken,
    test_util::{FakeDescope, TokenBuilder},
};

use crate::support::{advance, eventually};

/// A handle that caches, whatever the environment says of it.
fn caching(fake: &FakeDescope) -> DescopeBuilder {
    fake.descope_builder().session_cache(10_000)
}

/// A token of user `U1`, active in `T1`, that outlives most of what happens here.
fn long(fake: &FakeDescope) -> TokenBuilder {
    let session = fake
        .session("U1")
        .tenant("T1", |tenant| tenant.role("admin"));
    session.active("T1").expires_in(86_400)
}

/// Verifies twice, so that it is cached if it can be; then that it is, or is not.
async fn verified(descope: &Descope, token: &str) {
    for _ in 0..2 {
        descope
            .verify(&SessionToken::new(token))
            .await
            .expect("a good token");
    }
}

async fn reason(descope: &Descope, token: &str) -> &'static str {
    match descope.verify(&SessionToken::new(token)).await {
        Ok(_) => "accepted",
        Err(rejection) => rejection.reason(),
    }
}

#[tokio::test]
async fn a_session_is_the_same_from_the_cache_as_it_was_when_it_was_verified() {
    let fake = FakeDescope::start().await;
    let (cached, bare) = (
        caching(&fake).build().unwrap(),
        fake.descope_builder().session_cache(0).build().unwrap(),
    );
    let token = long(&fake).amr(["mfa"]).claim("plan", "pro").token();
    for _ in 0..3 {
        let one = cached.verify(&SessionToken::new(&token)).await.unwrap();
        let other = bare.verify(&SessionToken::new(&token)).await.unwrap();
        assert_eq!(one.user_id(), other.user_id());
        assert_eq!(one.expires_at(), other.expires_at());
        assert!(one.active_tenant().unwrap().has_role("admin"));
        let claims = |session: &tower_descope::Session| session.claims::<serde_json::Value>();
        assert_eq!(claims(&one).unwrap(), claims(&other).unwrap());
    }
    assert_eq!(cached.session_cache_status().entries(), 1);
    assert_eq!(bare.session_cache_status().entries(), 0);
    assert_eq!(bare.session_cache_status().bytes(), 0);
}

#[tokio::test]
async fn a_cache_that_keeps_no_payloads_takes_less_and_knows_a_token_by_all_of_it() {
    let fake = FakeDescope::start().await;
    let build = |compact| caching(&fake).compact_session_cache(compact).build();
    let (whole, compact) = (build(false).unwrap(), build(true).unwrap());
    let token = long(&fake).claim("x", "x".repeat(2_000)).token();
    let other = long(&fake).claim("x", "y".repeat(2_000)).token();
    for descope in [&whole, &compact] {
        verified(descope, &token).await;
        assert_eq!(descope.session_cache_status().entries(), 1);
    }
    let bytes = |descope: &Descope| descope.session_cache_status().bytes();
    assert!(bytes(&compact) + token.len() / 2 < bytes(&whole));
    // The header and the signature of the one that is cached, and the payload of another one.
    let parts: Vec<_> = token.split('.').collect();
    let payload = other.split('.').nth(1).unwrap();
    let forged = [parts[0], payload, parts[2]].join(".");
    assert_eq!(forged.len(), token.len());
    assert_eq!(reason(&compact, &forged).await, "wrong_signature");
    assert_eq!(reason(&compact, &token).await, "accepted");
    advance(fake.clock(), 86_400 + 5).await;
    assert_eq!(reason(&compact, &token).await, "expired_token");
}

#[tokio::test]
async fn a_cached_session_is_refused_from_the_second_on_that_it_expires() {
    let fake = FakeDescope::start().await;
    let descope = caching(&fake).build().unwrap();
    let token = fake.session("U1").expires_in(60).token();
    verified(&descope, &token).await;
    // The leeway is five seconds.
    advance(fake.clock(), 64).await;
    assert_eq!(reason(&descope, &token).await, "accepted");
    advance(fake.clock(), 1).await;
    assert_eq!(reason(&descope, &token).await, "expired_token");
    // And a clock that is set back behind its `iat` makes it one of the future.
    let back = fake.clock().now() - Duration::from_secs(200);
    fake.clock().set_wall(back);
    assert_eq!(reason(&descope, &token).await, "issued_in_the_future");
}

#[tokio::test]
async fn a_cached_session_is_refused_as_soon_as_its_key_is_gone_from_a_fetched_set() {
    let fake = FakeDescope::start().await;
    let descope = caching(&fake).build().unwrap();
    let token = long(&fake).token();
    verified(&descope, &token).await;
    fake.rotate_keys();
    assert_eq!(
        reason(&descope, &token).await,
        "accepted",
        "nobody knows yet"
    );
    // A token of the new key has the set fetched.
    assert_eq!(reason(&descope, &long(&fake).token()).await, "accepted");
    assert_eq!(reason(&descope, &token).await, "unknown_kid");
}

#[tokio::test]
async fn a_cached_session_is_refused_when_its_kid_comes_to_name_another_key() {
    let fake = FakeDescope::start().await;
    let descope = caching(&fake).build().unwrap();
    let token = long(&fake).token();
    verified(&descope, &token).await;
    let kid = fake.current_kid();
    let other = FakeDescope::start().await;
    let mut jwks = other.jwks();
    other.rotate_keys();
    // The fakes' first keys are one key; the second are not.
    let fresh = &other.jwks()["keys"][0];
    jwks["keys"][0] = fresh.clone();
    jwks["keys"][0]["kid"] = kid.into();
    let fetches = fake.key_fetches();
    fake.set_jwks_body(Some(jwks.to_string()));
    advance(fake.clock(), 480).await;
    fake.wait_for_key_fetches(fetches + 1).await;
    eventually("the set was taken", || {
        descope
            .key_status()
            .age()
            .is_some_and(|age| age < Duration::from_secs(480))
    })
    .await;
    assert_eq!(reason(&descope, &token).await, "wrong_signature");
}

#[tokio::test]
async fn a_refetch_of_the_same_keys_leaves_the_cache_warm() {
    let fake = FakeDescope::start().await;
    let descope = caching(&fake).build().unwrap();
    let token = long(&fake).token();
    verified(&descope, &token).await;
    for _ in 0..5 {
        let fetches = fake.key_fetches();
        advance(fake.clock(), 500).await;
        fake.wait_for_key_fetches(fetches + 1).await;
        assert_eq!(reason(&descope, &token).await, "accepted");
    }
    assert_eq!(descope.session_cache_status().entries(), 1);
}

#[tokio::test]
async fn past_the_hard_limit_of_an_outage_a_cached_session_is_answered_with_503_as_any_other() {
    let fake = FakeDescope::start().await;
    let descope = caching(&fake).build().unwrap();
    let token = long(&fake).token();
    verified(&descope, &token).await;
    fake.fail_always(Some(500));
    for _ in 0..13 {
        advance(fake.clock(), 300).await;
        assert_eq!(reason(&descope, &token).await, "accepted");
    }
    advance(fake.clock(), 600).await;
    assert_eq!(reason(&descope, &token).await, "keys_unavailable");
    fake.fail_always(None);
    advance(fake.clock(), 61).await;
    assert_eq!(reason(&descope, &token).await, "accepted");
}

#[tokio::test]
async fn what_is_cached_for_one_handle_is_unknown_to_another_with_other_rules() {
    let fake = FakeDescope::start().await;
    let lax = caching(&fake).build().unwrap();
    let strict = caching(&fake).audience(["api"]).build().unwrap();
    let other_project = FakeDescope::builder().project_id("P3other").start().await;
    let token = long(&fake).token();
    verified(&lax, &token).await;
    assert_eq!(reason(&strict, &token).await, "wrong_audience");
    let other = caching(&other_project).build().unwrap();
    assert_ne!(reason(&other, &token).await, "accepted");
}

/// `text` with another character at `place`.
fn other_at(text: &str, place: usize) -> String {
    let (before, after) = text.split_at(place);
    let other = if after.starts_with('A') { 'B' } else { 'A' };
    format!("{before}{other}{}", &after[1..])
}

#[tokio::test]
async fn the_whole_token_decides_not_its_end() {
    let fake = FakeDescope::start().await;
    let descope = caching(&fake).build().unwrap();
    let token = long(&fake).token();
    verified(&descope, &token).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let other = long(&fake).claim("admin", true).token();
    let other_payload = other.split('.').nth(1).unwrap();
    let changed = other_at(payload, 3);
    let signed_otherwise = other_at(signature, 0);
    for forged in [
        format!("{header}.{other_payload}.{signature}"),
        format!("{header}.{changed}.{signature}"),
        format!("{header}.{payload}.{signed_otherwise}"),
        format!("x{token}"),
        format!(".{token}"),
        format!("{token}A"),
        token[1..].to_owned(),
    ] {
        assert_ne!(reason(&descope, &forged).await, "accepted", "{forged}");
    }
    assert_eq!(reason(&descope, &token).await, "accepted");
}

#[tokio::test]
async fn neither_refused_tokens_nor_refresh_tokens_nor_expired_ones_are_kept() {
    let fake = FakeDescope::builder()
        .user("ann@acme.test", |user| user)
        .start()
        .await;
    let descope = caching(&fake).build().unwrap();
    let ann = fake.sign_in("ann@acme.test");
    for token in [
        long(&fake).signed_by_stranger().token(),
        fake.session("U1").expired().token(),
        long(&fake).kid("unknown").token(),
        ann.refresh_jwt().to_owned(),
        "garbage".to_owned(),
    ] {
        for _ in 0..3 {
            let verdict: Result<_, Rejection> = descope.verify(&SessionToken::new(&token)).await;
            assert!(verdict.is_err());
        }
    }
    assert_eq!(descope.session_cache_status().entries(), 0);
}

/// So many tokens of one user that differ.
fn tokens(fake: &FakeDescope, numbers: std::ops::Range<usize>) -> Vec<String> {
    let token = |number| long(fake).claim("n", number).token();
    numbers.map(token).collect()
}

async fn verify_all(descope: &Descope, tokens: &[String]) {
    for token in tokens {
        descope
            .verify(&SessionToken::new(token))
            .await
            .expect("a good token");
    }
}

#[tokio::test]
async fn neither_bound_is_ever_passed() {
    let fake = FakeDescope::builder().algorithm("ES256").start().await;
    let by_number = caching(&fake).session_cache(20).build().unwrap();
    let by_bytes = caching(&fake)
        .session_cache_bytes(64 * 1024)
        .build()
        .unwrap();
    let nothing = caching(&fake).session_cache_bytes(0).build().unwrap();
    let tokens = tokens(&fake, 0..200);
    for _ in 0..3 {
        for token in &tokens {
            for descope in [&by_number, &by_bytes, &nothing] {
                descope
                    .verify(&SessionToken::new(token))
                    .await
                    .expect("a good token");
            }
            assert!(by_number.session_cache_status().entries() <= 20);
            assert!(by_bytes.session_cache_status().bytes() <= 64 * 1024);
        }
    }
    assert_eq!(by_number.session_cache_status().entries(), 20);
    assert!(by_bytes.session_cache_status().entries() > 20);
    let nothing = nothing.session_cache_status();
    assert_eq!((nothing.entries(), nothing.bytes()), (0, 0));
}

#[tokio::test]
async fn a_token_too_large_for_the_cache_is_verified_each_time() {
    let fake = FakeDescope::builder().algorithm("ES256").start().await;
    let descope = caching(&fake)
        .session_cache_bytes(16 * 1024)
        .max_token_len(65_536)
        .build()
        .unwrap();
    let token = long(&fake).claim("large", "x".repeat(24_000)).token();
    verified(&descope, &token).await;
    assert_eq!(descope.session_cache_status().entries(), 0);
}

#[tokio::test]
async fn expired_sessions_give_way_to_the_next_ones() {
    let fake = FakeDescope::builder().algorithm("ES256").start().await;
    let descope = caching(&fake).session_cache(20).build().unwrap();
    let short = |n: usize| fake.session("U1").claim("n", n).expires_in(60).token();
    for n in 0..20 {
        descope.verify(&SessionToken::new(short(n))).await.unwrap();
    }
    advance(fake.clock(), 66).await;
    // Each comes once, and each time something that has expired is found.
    verify_all(&descope, &tokens(&fake, 0..40)).await;
    assert_eq!(descope.session_cache_status().entries(), 20);
}
