use serde_json::json;

use self::world::{DEADLINE, ONE, Plan, TWO, World, jwk, settle};
use super::*;

mod places;
mod runtimes;
mod steps;
mod world;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_concurrent_first_look_ups_are_one_fetch() {
    let world = Arc::new(World::new(Plan::Keys(vec![jwk("a", ONE)])));
    let lookups: Vec<_> = (0..100)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.settle("a").await })
        })
        .collect();
    for lookup in lookups {
        assert!(lookup.await.unwrap().ends_with("found"));
    }
    assert_eq!(world.fetches(), 1);
    assert_eq!(world.settle("a").await, "found");
}

#[tokio::test]
async fn the_fetch_outlives_the_look_up_that_started_it() {
    let world = World::new(Plan::Gate);
    let leader = world.get("a");
    let follower = world.get("a");
    drop(leader);
    world.source.gate.add_permits(1);
    assert_eq!(settle(follower).await, "waited, found");
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn the_fetch_outlives_everybody_who_waits() {
    let world = World::new(Plan::Gate);
    drop((world.get("a"), world.get("a")));
    world.source.gate.add_permits(1);
    world.until(|world| world.store.status().usable).await;
    assert_eq!(world.settle("a").await, "found");
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn a_fetch_whose_store_is_gone_ends_quietly() {
    let world = World::new(Plan::Gate);
    let source = Arc::clone(&world.source);
    drop(world.get("a"));
    tokio::task::yield_now().await;
    drop(world);
    source.gate.add_permits(1);
    // The task and the timer let go of the source.
    for _ in 0..1_000 {
        if Arc::strong_count(&source) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("something still holds the source");
}

#[tokio::test]
async fn a_hung_source_delays_nobody_with_a_known_key_and_the_others_once() {
    let world = World::loaded().await;
    world.plan(Plan::Hang);
    let unknown = world.get("b");
    for _ in 0..1_000 {
        assert_eq!(world.settle("a").await, "found");
    }
    assert!(world.store.status().fetching, "nobody waited for it");
    assert_eq!(settle(unknown).await, "waited, unavailable");
    world.until(|world| !world.store.status().fetching).await;
    assert_eq!(
        world.store.status().last_failure().unwrap().reason(),
        "the deadline passed"
    );
    assert_eq!(world.settle("b").await, "unavailable");
    assert_eq!(world.settle("a").await, "found");
}

#[tokio::test]
async fn late_keys_wait_for_one_hung_fetch_and_then_for_none() {
    let world = World::loaded().await;
    world.plan(Plan::Hang);
    world.advance(2_000);
    let both = (world.get("a"), world.get("a"));
    assert_eq!(settle(both.0).await, "waited, found");
    let begin = std::time::Instant::now();
    assert_eq!(settle(both.1).await, "waited, found");
    assert!(begin.elapsed() < DEADLINE / 2, "one deadline for both");
    assert_eq!(world.settle("a").await, "found");
    world.advance(12);
    world.until(|world| world.store.status().fetching).await;
    assert_eq!(
        world.settle("a").await,
        "found",
        "the timer's try delays nobody"
    );
}

#[tokio::test]
async fn a_source_that_panics_has_failed_and_no_more() {
    let world = World::new(Plan::Panic);
    assert_eq!(world.settle("a").await, "waited, unavailable");
    assert_eq!(
        world.store.status().last_failure().unwrap().reason(),
        "the source panicked"
    );
    world.plan(Plan::Keys(vec![jwk("a", ONE)]));
    assert_eq!(world.settle("a").await, "waited, found");
    assert!(world.store.status().last_failure().is_none());
}

#[tokio::test]
async fn an_unusable_set_is_a_failure_and_replaces_nothing() {
    let world = World::loaded().await;
    let too_many: Vec<_> = (0..101).map(|n| jwk(&format!("k{n}"), ONE)).collect();
    for keys in [
        vec![],
        vec![json!({"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"})],
        vec![jwk("a", ONE), jwk("a", TWO)],
        too_many,
    ] {
        world.plan(Plan::Keys(keys));
        world.advance(20);
        assert_eq!(world.settle("b").await, "waited, unavailable");
        assert_eq!(world.settle("a").await, "found");
        assert!(world.store.status().last_failure().is_some());
    }
}

#[tokio::test]
async fn a_set_that_is_empty_again_past_the_time_to_live_ends_the_keys_for_those_who_wait_too() {
    let world = World::loaded().await;
    let Lookup::Found(old) = world.get("a") else {
        panic!("a key");
    };
    world.plan(Plan::Keys(vec![]));
    world.advance(500);
    world.until_idle(2).await;
    assert_eq!(world.settle("a").await, "found");
    // The machine slept: this request comes before the timer, and would use the old key if the
    // fetch failed.
    world.advance(700);
    assert_eq!(world.settle("a").await, "waited, unavailable");
    assert!(!world.vouches(&old));
    assert_eq!(world.store.status().count, 0);
    assert!(!world.store.status().usable);
    assert!(world.settle("a").await.ends_with("unavailable"));

    world.plan(Plan::Keys(vec![jwk("a", ONE)]));
    world.advance(70);
    assert_eq!(world.settle("a").await, "waited, found");
}

#[tokio::test]
async fn a_removed_key_is_refused_on_an_idle_replica() {
    let world = World::loaded().await;
    let Lookup::Found(old) = world.get("a") else {
        panic!("a key");
    };
    assert!(world.vouches(&old));
    world.plan(Plan::Keys(vec![jwk("b", ONE)]));
    // No request; the timer sees to it.
    tokio::task::yield_now().await;
    world.advance(480);
    world.until_idle(2).await;
    assert!(!world.vouches(&old));
    assert_eq!(world.settle("b").await, "found");
    assert_eq!(world.settle("a").await, "waited, unknown");
}

#[tokio::test]
async fn new_material_of_the_same_name_is_another_key_and_equal_material_is_not() {
    let world = World::loaded().await;
    let Lookup::Found(old) = world.get("a") else {
        panic!("a key");
    };
    world.plan(Plan::Keys(vec![jwk("b", ONE), jwk("a", ONE)]));
    assert_eq!(world.settle("b").await, "waited, found");
    assert!(world.vouches(&old));
    world.plan(Plan::Keys(vec![jwk("a", TWO), jwk("c", ONE)]));
    world.advance(20);
    assert_eq!(world.settle("c").await, "waited, found");
    assert!(!world.vouches(&old));
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_few_fetches() {
    let world = World::loaded().await;
    world.advance(100);
    let mut answers = std::collections::BTreeMap::new();
    for n in 0..1_000 {
        *answers
            .entry(world.settle(&format!("k{n}")).await)
            .or_insert(0) += 1;
        assert_eq!(world.settle("a").await, "found");
    }
    assert_eq!(world.fetches(), 3);
    assert_eq!(answers["waited, unknown"], 2);
    assert_eq!(answers["unknown"], 998);
}

#[tokio::test]
async fn an_outage_is_felt_only_past_the_hard_limit_and_ends_with_the_first_good_fetch() {
    let world = World::loaded().await;
    world.plan(Plan::Fail);
    for _ in 0..41 {
        world.advance(100);
        assert!(world.settle("a").await.ends_with("found"));
        world.until(|world| !world.store.status().fetching).await;
    }
    world.advance(100);
    world.until(|world| !world.store.status().fetching).await;
    assert!(!world.store.status().usable);
    assert!(world.settle("a").await.ends_with("unavailable"));
    assert!(world.fetches() < 4_200 / 54 + 10, "{}", world.fetches());

    world.plan(Plan::Keys(vec![jwk("a", ONE)]));
    world.advance(10);
    assert_eq!(world.settle("a").await, "waited, found");
    assert!(world.store.status().usable);
}

#[tokio::test]
async fn the_timer_brings_keys_back_without_any_request() {
    let world = World::new(Plan::Fail);
    assert!(world.store.warm_up().await.is_err());
    world.plan(Plan::Keys(vec![jwk("a", ONE)]));
    tokio::task::yield_now().await;
    world.advance(11);
    world.until(|world| world.store.status().usable).await;
    assert_eq!(world.settle("a").await, "found");
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn a_key_is_known_to_be_lacking_where_a_look_up_would_neither_find_nor_fetch_it() {
    let world = World::loaded().await;
    assert!(!world.lacks("a") && !world.lacks("b"));
    // The second of the two fetches that may be caused at once.
    assert_eq!(world.settle("b").await, "waited, unknown");
    assert_eq!(world.fetches(), 2);
    assert!(world.lacks("b") && !world.lacks("a"));
    assert_eq!(world.settle("b").await, "unknown");
    assert_eq!(world.fetches(), 2);
    world.advance(11);
    assert!(!world.lacks("b"), "a fetch may bring it");
}

#[tokio::test]
async fn a_fixed_key_is_all_there_is() {
    let key = jwk("a", ONE);
    let key = VerifyingKey::from_jwk(&serde_json::from_value(key).unwrap()).unwrap();
    let store = KeyStore::fixed(key);
    let now = Clock::System.now();
    let Lookup::Found(key) = store.cached().get("a", &now) else {
        panic!("the key");
    };
    assert!(key.serves(&now));
    assert!(matches!(store.cached().get("b", &now), Lookup::Unknown));
    assert!(store.cached().lacks("b", &now) && !store.cached().lacks("a", &now));
    assert!(store.warm_up().await.is_ok());
    assert!(store.status().is_usable());
    assert_eq!(store.status().count(), 1);
}

#[tokio::test]
async fn warming_up_says_where_it_looked_and_keeps_what_there_is() {
    let world = World::new(Plan::Fail);
    let error = world.store.warm_up().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeysUnavailable);
    assert_eq!(
        error.to_string(),
        "no usable keys at https://keys.test/v2/keys/P1 (as planned): check DESCOPE_PROJECT_ID, \
         base_url and the network. The URL is made of base_url and DESCOPE_PROJECT_ID"
    );
    let world = World::loaded().await;
    world.plan(Plan::Fail);
    world.store.warm_up().await.unwrap();
    assert_eq!(world.fetches(), 1);
    world.advance(1_000);
    world.store.warm_up().await.unwrap();
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn a_source_of_ones_own_is_named_in_place_of_a_url_and_its_words_are_not_repeated() {
    for (plan, reason) in [
        (Plan::Fail, "the source failed"),
        (Plan::Keys(Vec::new()), "none of the keys is usable"),
        (Plan::Hang, "the deadline passed"),
    ] {
        let world = World::with_own_source(plan);
        let expected = format!(
            "no usable keys from the jwks_source ({reason}): check what the source reads; the log \
             has the details"
        );
        // The second call finds the failure of the first.
        for _ in 0..2 {
            let error = world.store.warm_up().await.unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[tokio::test]
async fn the_status_tells_what_a_health_endpoint_asks() {
    let world = World::new(Plan::Gate);
    let status = world.store.status();
    assert!(!status.is_usable() && !status.is_fetching());
    assert_eq!(
        (status.age(), status.count(), status.last_failure()),
        (None, 0, None)
    );
    let lookup = world.get("a");
    assert!(world.store.status().is_fetching());
    world.source.gate.add_permits(1);
    settle(lookup).await;
    world.advance(7);
    world.plan(Plan::Fail);
    assert_eq!(world.settle("b").await, "waited, unavailable");
    world.advance(2);
    let status = world.store.status();
    assert!(status.is_usable() && !status.is_fetching());
    assert_eq!(
        (status.age(), status.count()),
        (Some(Duration::from_secs(9)), 1)
    );
    let failure = status.last_failure().unwrap();
    assert_eq!(
        (failure.age(), failure.reason()),
        (Duration::from_secs(2), "the source failed")
    );
}

#[test]
fn what_crosses_tasks_may() {
    fn shared<T: Send + Sync + Unpin + 'static>() {}
    fn sent<T: Send + Unpin + 'static>() {}
    shared::<KeyStore>();
    shared::<KeyStatus>();
    sent::<Lookup>();
    sent::<KeyWait>();
    sent::<KeyWaitOutcome>();
}
