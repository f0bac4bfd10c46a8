//! Strangers beside machines: 429s, shapes of keys, keys that are expected.

use http::StatusCode;
use serde_json::json;
use tower_descope::{AccessKeys, ErrorKind, test_util::Canned};

use super::access_keys::{KEY, PATH, World, key, world};
use crate::support::{code, with_bearer};

async fn k2_world() -> World {
    world(AccessKeys::new().key_prefix("K2")).await
}

/// Descope's own 429.
fn slow_down(seconds: u64) -> Canned {
    let body = json!({"errorCode": "E130429", "errorDescription": "no"});
    Canned::json(429, &body).header("retry-after", &seconds.to_string())
}

/// The 429 of a proxy in between.
fn proxy_limit(seconds: u64) -> Canned {
    Canned::html(429, "<h1>no</h1>").header("retry-after", &seconds.to_string())
}

/// The `Retry-After` that a request with this key is answered with.
async fn told_to_wait(world: &World, key: &str) -> u64 {
    let response = with_bearer(&world.app, key).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code(&response), "exchange_unavailable");
    let after = &response.headers()["retry-after"];
    after.to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_day_s_429_for_a_stranger_stops_no_machine_that_was_good() {
    let world = k2_world().await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    world.advance(580).await;
    world.fake.respond_next(PATH, slow_down(86_400));
    assert_eq!(told_to_wait(&world, "K2nobody-knows-this-one").await, 60);
    world.advance(20).await;
    // Its session is over, and it is exchanged all the same; which ends the limit for all.
    assert_eq!(world.ask(KEY).await, "K2m@-");
    assert_eq!(world.ask(&key(1)).await, "K2m1@-");
}

#[tokio::test]
async fn strangers_wait_for_a_quarter_of_an_hour_at_most_and_one_a_minute_tries() {
    let world = k2_world().await;
    world.fake.respond_next(PATH, slow_down(86_400));
    assert_eq!(told_to_wait(&world, &key(0)).await, 60);
    world.advance(30).await;
    assert_eq!(told_to_wait(&world, &key(1)).await, 30);
    world.advance(25).await;
    assert_eq!(told_to_wait(&world, &key(1)).await, 5);
    assert_eq!(world.calls(), 1);
    world.advance(5).await;
    world.fake.respond_next(PATH, slow_down(86_400));
    // The one that waits goes up as a probe, and nobody beside it.
    told_to_wait(&world, &key(1)).await;
    told_to_wait(&world, &key(2)).await;
    assert_eq!(world.calls(), 2);
    world.advance(60).await;
    assert_eq!(
        world.ask("K2nobody-came-before").await,
        "exchange_unavailable"
    );
    assert_eq!(world.calls(), 2, "the probe is one that waits");
    world.advance(10).await;
    assert_eq!(world.ask(&key(2)).await, "K2m2@-");
    assert_eq!(world.ask(&key(0)).await, "K2m0@-", "a success ends it");
}

#[tokio::test]
async fn a_429_without_descope_s_code_is_a_failure_and_stops_nobody_else() {
    let world = k2_world().await;
    world.fake.respond_next(PATH, proxy_limit(86_400));
    told_to_wait(&world, &key(0)).await;
    assert_eq!(world.ask(&key(1)).await, "K2m1@-");
    world.advance(1).await;
    assert_eq!(world.ask(&key(0)).await, "K2m0@-");
}

#[tokio::test]
async fn a_machine_that_is_told_to_slow_down_tries_again_within_a_minute() {
    let world = k2_world().await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
    world.advance(600).await;
    world.fake.respond_next(PATH, slow_down(86_400));
    assert_eq!(told_to_wait(&world, KEY).await, 60);
    world.advance(59).await;
    assert_eq!(told_to_wait(&world, KEY).await, 1);
    world.advance(1).await;
    assert_eq!(world.ask(KEY).await, "K2m@-");
}

#[tokio::test]
async fn other_services_secrets_never_go_up() {
    let world = k2_world().await;
    for secret in [
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "sk-proj-abcdefghijklmnopqrstuvwxyz",
        "xoxb-1234567890-abcdefghijkl",
        "AKIAIOSFODNN7EXAMPLE",
    ] {
        assert_eq!(world.ask(secret).await, "invalid_token", "{secret}");
    }
    assert_eq!(world.calls(), 0);
}

#[tokio::test]
async fn which_bearer_tokens_are_keys_has_to_be_said() {
    let fake = k2_world().await.fake;
    let builder = fake.descope_builder().access_keys(AccessKeys::new());
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    let message = error.to_string();
    assert!(
        message.contains("key_prefix") && message.contains("any_shape()"),
        "{message}"
    );
    let any = AccessKeys::new().any_shape();
    assert!(fake.descope_builder().access_keys(any).build().is_ok());
}

#[tokio::test]
async fn a_key_that_is_expected_draws_on_no_budget_and_is_no_stranger_in_a_429() {
    // printf %s K2machine-number-0001 | sha256sum
    let digest = "e511c801079b695e4806e8e7a6e4260eae1ba9f55d2dac7f43faa617a9573080";
    let keys = AccessKeys::new().key_prefix("K2").budget(1, 1);
    let world = world(keys.expected([digest])).await;
    assert_eq!(world.ask(&key(0)).await, "K2m0@-");
    assert_eq!(world.ask(&key(2)).await, "exchange_unavailable");
    assert_eq!(world.ask(&key(1)).await, "K2m1@-");
    world.advance(700).await;
    world.fake.respond_next(PATH, slow_down(900));
    assert_eq!(told_to_wait(&world, &key(3)).await, 60);
    assert_eq!(world.ask(&key(1)).await, "K2m1@-");
}

#[tokio::test]
async fn what_is_no_digest_is_refused_at_build_and_not_shown() {
    let fake = k2_world().await.fake;
    for wrong in [
        KEY,
        "abc",
        "e511c801079b695e4806e8e7a6e4260eae1ba9f55d2dac7f43faa617a9573080  -",
    ] {
        let keys = AccessKeys::new().key_prefix("K2").expected([wrong]);
        let said = format!("{keys:?}");
        let error = fake
            .descope_builder()
            .access_keys(keys)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        let said = format!("{said} {error} {error:?}");
        assert!(said.contains("sha256sum"), "{said}");
        assert!(!said.contains(KEY), "{said}");
    }
}
