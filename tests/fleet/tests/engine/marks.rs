//! The log of revocation marks: what a server is to do with it that takes no writes, and what is read of
//! one that has lost a part.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;
use tower_descope_fleet::{PROJECT, Redis};

use crate::{impatient, probe};

/// Longer than a reader lets pass before it writes that it was there.
const BEAT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_server_that_pauses_its_writes_tells_no_page() {
    let redis = Redis::start();
    let probe = impatient(&redis.url());
    probe.make("append marks", 1).await.unwrap();
    redis.cli(&["client", "pause", "600", "write"]);
    sleep(BEAT).await;
    for step in ["read marks", "append marks"] {
        let failed = probe.make(step, 2).await.unwrap_err();
        assert_eq!(failed.kind, "unreachable", "{step}: {failed}");
    }
    sleep(Duration::from_secs(1)).await;
    // The one that nobody waited for may have come in.
    let told = probe.make("read marks", 0).await.unwrap();
    assert!(told == "1 entries" || told == "2 entries", "{told}");
}

#[tokio::test]
async fn a_server_that_became_a_replica_tells_a_page_while_its_master_is_there_and_then_none() {
    let master = Redis::start();
    let replica = master.replica();
    let (writer, reader) = (probe(&master.url()), probe(&replica.url()));
    writer.make("append marks", 1).await.unwrap();
    // What somebody else has just written proves as much as what one writes.
    let mut told = reader.make("read marks", 0).await;
    let given_up = Instant::now() + Duration::from_secs(20);
    while told.is_err() && Instant::now() < given_up {
        writer.make("append marks", 2).await.unwrap();
        // A replica that has just begun gets its master's data first.
        sleep(Duration::from_millis(10)).await;
        told = reader.make("read marks", 0).await;
    }
    assert!(told.is_ok(), "{told:?}");
    sleep(BEAT).await;
    let failed = reader.make("read marks", 0).await.unwrap_err();
    assert_eq!(failed.kind, "refused", "{failed}");
}

#[tokio::test]
async fn a_log_of_which_only_the_state_is_left_is_lost_once() {
    let redis = Redis::start();
    let probe = probe(&redis.url());
    let key = format!("ds1:{PROJECT}:{{e}}:marks");
    let state = format!("{key}-state");
    let since = || redis.cli(&["hget", &state, "s"]);
    probe.make("append marks", 1).await.unwrap();
    let before = since();
    sleep(BEAT).await;
    // By eviction, by an operator, or since a replica keeps marks for longer than the others did.
    redis.cli(&["del", &key]);
    assert_eq!(probe.make("read marks", 0).await.unwrap(), "0 entries");
    let anew = since();
    assert_ne!(anew, before);
    for _ in 0..3 {
        sleep(Duration::from_millis(10)).await;
        assert_eq!(probe.make("read marks", 0).await.unwrap(), "0 entries");
        assert_eq!(since(), anew);
    }
    probe.make("append marks", 2).await.unwrap();
    assert_eq!(probe.make("read marks", 0).await.unwrap(), "1 entries");
    assert_eq!(since(), anew);
}

#[tokio::test]
async fn a_log_whose_clock_was_set_back_takes_marks() {
    let redis = Redis::start();
    let probe = probe(&redis.url());
    let key = format!("ds1:{PROJECT}:{{e}}:marks");
    let state = format!("{key}-state");
    // As a server leaves it that began about an hour ahead.
    let ahead = (SystemTime::now() + Duration::from_secs(3_599)).duration_since(UNIX_EPOCH);
    let ahead = ahead.unwrap().as_millis().to_string();
    probe.make("append marks", 1).await.unwrap();
    let id = format!("{ahead}-7");
    redis.cli(&["xadd", &key, &id, "c", "5", "m", "uABCDEFGHIJKLMNOP"]);
    for name in ["s", "r", "b", "m"] {
        redis.cli(&["hset", &state, name, &ahead]);
    }
    assert_eq!(probe.make("read marks", 0).await.unwrap(), "2 entries");
    for count in 3..5 {
        probe.make("append marks", 2).await.unwrap();
        let told = probe.make("read marks", 0).await.unwrap();
        assert_eq!(told, format!("{count} entries"));
    }
    // Also where only the entries are left.
    redis.cli(&["del", &state]);
    probe.make("append marks", 3).await.unwrap();
    assert_eq!(probe.make("read marks", 0).await.unwrap(), "5 entries");
}

#[tokio::test]
async fn a_log_of_another_shape_is_an_error_and_no_page() {
    let redis = Redis::start();
    let probe = probe(&redis.url());
    let key = format!("ds1:{PROJECT}:{{e}}:marks");
    for fields in [
        &["c", "5", "m", "short"][..],
        &["c", "soon", "m", "uABCDEFGHIJKLMNOP"],
        &["m", "uABCDEFGHIJKLMNOP"],
    ] {
        let mut command = vec!["xadd", &key, "*"];
        command.extend(fields);
        redis.cli(&command);
        let failed = probe.make("read marks", 0).await.unwrap_err();
        assert_eq!(failed.kind, "invalid", "{fields:?}: {failed}");
        redis.cli(&["del", &key]);
    }
    assert_eq!(probe.make("read marks", 0).await.unwrap(), "0 entries");
}
