//! A server with replicas of its own.

use tower_descope::internals::shared::Probe;
use tower_descope_fleet::{PROJECT, Redis};

use crate::settings;

fn confirming(redis: &Redis, replicas: u8) -> Probe {
    let settings = settings(&redis.url()).confirm_by_replicas(replicas);
    Probe::new(&settings, PROJECT).unwrap()
}

#[tokio::test]
async fn a_claim_that_no_replica_has_is_given_back() {
    let redis = Redis::start();
    let probe = confirming(&redis, 1);
    for step in ["claim", "claim out"] {
        let failed = probe.make(step, 1).await.unwrap_err();
        assert_eq!(failed.kind, "refused", "{failed}");
        assert!(failed.message.contains("0 replicas"), "{failed}");
        assert_eq!(probe.make("look", 1).await.unwrap(), "None");
    }
    for (number, step) in [(2, "publish"), (3, "out")] {
        let failed = probe.make(step, number).await.unwrap_err();
        assert_eq!(failed.kind, "refused", "{failed}");
    }
}

#[tokio::test]
async fn what_a_replica_has_survives_its_master() {
    let mut redis = Redis::start();
    let replica = redis.replica();
    let probe = confirming(&redis, 1);
    let mut owned = Vec::new();
    for number in 100..150 {
        // A replica that is short of processor time confirms nothing in time.
        if probe
            .make("claim", number)
            .await
            .is_ok_and(|told| told == "Own")
        {
            owned.push(number);
        }
    }
    assert!(owned.len() > 10, "{}", owned.len());
    redis.kill();
    replica.cli(&["replicaof", "no", "one"]);
    let probe = confirming(&replica, 0);
    for number in owned {
        let told = probe.make("claim", number).await.unwrap();
        assert!(told.contains("Busy"), "{number}: {told}");
    }
}

#[tokio::test]
async fn more_replicas_than_there_are_confirm_nothing() {
    let redis = Redis::start();
    let _replica = redis.replica();
    let failed = confirming(&redis, 2).make("claim", 1).await.unwrap_err();
    assert!(failed.message.contains("too few"), "{failed}");
}
