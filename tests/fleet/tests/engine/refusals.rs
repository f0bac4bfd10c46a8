//! Servers that answer and refuse.

use std::time::Duration;

use tower_descope::internals::shared::{Probe, STEPS};
use tower_descope_fleet::{PROJECT, Redis, until};

use crate::{all_fail, all_hold, probe, settings};

/// The user that is enough, as the documentation gives it.
const USER: &str = "~ds1:* resetchannels -@all +evalsha +eval +ping +time +hmget +hset +hdel +del +get +set \
                    +pexpire +pttl +xadd +xrange +xtrim";

#[tokio::test]
async fn the_documented_user_may_do_all_that_is_done() {
    let redis = Redis::start();
    let mut user = vec!["acl", "setuser", "descope", "on", ">hush"];
    user.extend(USER.split(' '));
    assert_eq!(redis.cli(&user), "OK");
    let url = redis.url().replace("redis://", "redis://descope:hush@");
    let probe = probe(&url);
    all_hold(&probe).await;
    // It may not ask, which is fine.
    assert_eq!(probe.policy().await, None);
    // And other keys are none of its business.
    let elsewhere = Probe::new(&settings(&url).prefix("other:"), PROJECT).unwrap();
    assert_eq!(all_fail(&elsewhere, "refused", STEPS).await, None);
}

#[tokio::test]
async fn a_server_that_wants_a_password_refuses_and_is_used_when_it_wants_none() {
    let redis = Redis::with(&["--requirepass", "hush"]);
    let nobody = probe(&redis.url());
    assert_eq!(all_fail(&nobody, "refused", STEPS).await, None);
    let wrong = probe(&redis.url().replace("redis://", "redis://:guess@"));
    assert_eq!(all_fail(&wrong, "refused", STEPS).await, None);
    let failed = wrong.make("look", 1).await.unwrap_err();
    assert!(!failed.message.contains("guess"), "{failed}");
    let right = probe(&redis.url().replace("redis://", "redis://:hush@"));
    all_hold(&right).await;
    redis.cli(&[
        "-a",
        "hush",
        "--no-auth-warning",
        "config",
        "set",
        "requirepass",
        "",
    ]);
    // A login that was refused is tried again, and one that was not needed is none.
    tokio::time::sleep(Duration::from_millis(150)).await;
    all_hold(&nobody).await;
}

#[tokio::test]
async fn a_user_without_a_permission_is_refused() {
    let redis = Redis::start();
    let mut user = vec!["acl", "setuser", "descope", "on", ">hush"];
    user.extend(USER.split(' '));
    user.push("-hset");
    redis.cli(&user);
    let probe = probe(&redis.url().replace("redis://", "redis://descope:hush@"));
    assert_eq!(
        all_fail(
            &probe,
            "refused",
            &["claim", "claim out", "publish", "link"]
        )
        .await,
        None
    );
    assert_eq!(probe.make("look", 1).await.unwrap(), "None");
}

#[tokio::test]
async fn a_replica_takes_no_writes() {
    let redis = Redis::start();
    let replica = redis.replica();
    let probe = probe(&replica.url());
    let writing = [
        "claim",
        "claim out",
        "publish",
        "link",
        "dead",
        "out",
        "tick",
        "append marks",
        "read marks",
    ];
    assert_eq!(all_fail(&probe, "refused", &writing).await, None);
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_connected_anew_for_its_name_may_be_anothers() {
    let (redis, master) = (Redis::start(), Redis::start());
    let probe = probe(&redis.url());
    all_hold(&probe).await;
    let connection = || {
        let clients = redis.cli(&["client", "list", "type", "normal"]);
        let ours = clients.lines().find(|line| !line.contains("cmd=client"));
        ours.map(|line| line.split(' ').next().unwrap().to_owned())
    };
    let before = connection();
    redis.cli(&["replicaof", "127.0.0.1", &master.port().to_string()]);
    assert_eq!(all_fail(&probe, "refused", &["publish"]).await, None);
    let _ = probe.make("look", 1).await;
    let after = connection();
    assert!(
        before.is_some() && after.is_some() && before != after,
        "{after:?}"
    );
    redis.cli(&["replicaof", "no", "one"]);
    redis.cli(&["flushall"]);
    all_hold(&probe).await;
}

#[tokio::test]
async fn a_server_without_memory_refuses_to_write_and_still_tells() {
    let redis = Redis::start();
    let probe = probe(&redis.url());
    probe.make("claim", 1).await.unwrap();
    redis.cli(&["config", "set", "maxmemory", "1"]);
    // It is no page of a log in which marks may be missing that could not be told.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let writing = ["claim", "publish", "link", "append marks", "read marks"];
    for (number, step) in (10..).zip(writing) {
        let failed = probe.make(step, number).await.unwrap_err();
        assert_eq!(failed.kind, "refused", "{step}: {failed}");
        assert!(failed.message.contains("OOM"), "{step}: {failed}");
    }
    let told = probe.make("look", 1).await.unwrap();
    assert!(told.contains("Busy"), "{told}");
    // That somebody signed out is noted all the same, also of a record that was not there.
    for number in [1, 10] {
        probe.make("out", number).await.unwrap();
        assert_eq!(
            probe.make("look", number).await.unwrap(),
            "Some(Dead(SignOut))"
        );
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_refused_and_left_alone() {
    let redis = Redis::start();
    let probe = probe(&redis.url());
    let key = format!("ds1:{PROJECT}:{{e}}:c:{}", "07".repeat(16));
    redis.cli(&["set", &key, "mine"]);
    let of_records = STEPS
        .iter()
        .filter(|&&step| step != "tick" && !step.ends_with("marks"));
    for step in of_records {
        let failed = probe.make(step, 7).await.unwrap_err();
        assert_eq!(failed.kind, "refused", "{step}: {failed}");
    }
    assert_eq!(redis.cli(&["get", &key]), "mine");
    let key = |name: &str| format!("ds1:{PROJECT}:{{e}}:{name}");
    for name in ["marks", "marks-state"] {
        redis.cli(&["set", &key(name), "mine"]);
        for step in ["append marks", "read marks"] {
            let failed = probe.make(step, 7).await.unwrap_err();
            assert_eq!(failed.kind, "refused", "{name}, {step}: {failed}");
        }
        assert_eq!(redis.cli(&["get", &key(name)]), "mine");
        redis.cli(&["del", &key(name)]);
    }
    let born = key("born");
    redis.cli(&["rpush", &born, "mine"]);
    let failed = probe.make("tick", 7).await.unwrap_err();
    assert_eq!(failed.kind, "refused", "{failed}");
}

#[tokio::test]
async fn a_record_that_nobody_wrote_is_an_error_and_no_state() {
    let redis = Redis::start();
    let probe = probe(&redis.url());
    let key = |number: &str| format!("ds1:{PROJECT}:{{e}}:c:{}", number.repeat(16));
    redis.cli(&["hset", &key("01"), "s", "sent", "u", "soon", "at", "now"]);
    let far = "99999999999999";
    redis.cli(&["hset", &key("02"), "s", "done", "u", far, "at", "1"]);
    redis.cli(&[
        "hset",
        &key("03"),
        "s",
        "dead",
        "u",
        far,
        "at",
        "1",
        "c",
        "somebody",
    ]);
    redis.cli(&["hset", &key("04"), "s", "odd", "u", far, "at", "1"]);
    for number in 1..=4 {
        for step in ["claim", "look"] {
            let failed = probe.make(step, number).await.unwrap_err();
            assert_eq!(failed.kind, "invalid", "{number}: {failed}");
        }
    }
}

#[tokio::test]
async fn a_cluster_that_was_not_named_one_is_refused_with_the_remedy() {
    let redis = Redis::with(&["--cluster-enabled", "yes"]);
    let failed = probe(&redis.url()).make("claim", 1).await.unwrap_err();
    // It has no slots yet.
    assert_eq!(failed.kind, "unreachable", "{failed}");
    // One alone has half of them.
    redis.cli(&["cluster", "addslotsrange", "0", "16383"]);
    until("the cluster is up", || {
        redis.cli(&["cluster", "info"]).contains("cluster_state:ok")
    });
    all_hold(&probe(&redis.url())).await;
}
