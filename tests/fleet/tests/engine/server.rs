//! A server that is started anew, forgets its scripts, is set up in a dangerous way.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tower_descope_fleet::{PROJECT, Redis, free_port, until};

use crate::{all_fail, all_hold, impatient, probe};

#[tokio::test]
async fn scripts_are_sent_again_to_a_server_that_does_not_know_them() {
    let redis = Redis::start();
    let probe = probe(&redis.url());
    all_hold(&probe).await;
    redis.cli(&["script", "flush"]);
    redis.cli(&["flushall"]);
    all_hold(&probe).await;
    let stats = redis.cli(&["info", "commandstats"]);
    let calls = |name: &str| {
        let line = stats
            .lines()
            .find(|line| line.starts_with(&format!("cmdstat_{name}:")));
        let calls = line.and_then(|line| line.split(&['=', ','][..]).nth(1));
        calls.map_or(0, |calls| calls.parse::<u32>().unwrap())
    };
    // Eight scripts, twice; all else by their digests.
    assert_eq!(calls("eval"), 16, "{stats}");
    assert!(calls("evalsha") >= 26, "{stats}");
}

#[tokio::test]
async fn a_server_is_connected_again_after_it_was_away() {
    let mut redis = Redis::start();
    let probe = probe(&redis.url());
    all_hold(&probe).await;
    redis.kill();
    for _ in 0..3 {
        let failed = probe.make("look", 1).await.unwrap_err();
        assert_eq!(failed.kind, "unreachable", "{failed}");
    }
    redis.start_again();
    tokio::time::sleep(Duration::from_millis(150)).await;
    all_hold(&probe).await;
}

#[tokio::test]
async fn a_refused_connection_fails_at_once() {
    let probe = probe(&format!("redis://127.0.0.1:{}", free_port()));
    let begun = Instant::now();
    assert_eq!(
        all_fail(&probe, "unreachable", &["claim", "look", "tick"]).await,
        None
    );
    assert!(begun.elapsed() < Duration::from_millis(900));
}

#[tokio::test]
async fn a_frozen_server_ends_no_later_than_the_timeout_and_is_used_when_it_thaws() {
    let redis = Redis::start();
    let probe = impatient(&redis.url());
    all_hold(&probe).await;
    redis.signal("STOP");
    for _ in 0..3 {
        let begun = Instant::now();
        let failed = probe.make("look", 1).await.unwrap_err();
        assert_eq!(failed.kind, "unreachable", "{failed}");
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
    redis.signal("CONT");
    tokio::time::sleep(Duration::from_millis(150)).await;
    all_hold(&probe).await;
}

#[tokio::test]
async fn a_hundred_steps_at_once_use_one_connection() {
    let redis = Redis::start();
    let probe = Arc::new(probe(&redis.url()));
    let mut steps = tokio::task::JoinSet::new();
    for number in 0..100 {
        let probe = Arc::clone(&probe);
        steps.spawn(async move { probe.make("claim", number).await });
    }
    while let Some(step) = steps.join_next().await {
        assert_eq!(step.unwrap().unwrap(), "Own");
    }
    // Those of `redis-cli` come and go.
    until("one connection", || {
        let clients = redis.cli(&["client", "list"]);
        clients
            .lines()
            .filter(|line| line.contains("evalsha") || line.contains("eval "))
            .count()
            == 1
    });
}

#[tokio::test]
async fn a_server_that_evicts_keys_is_warned_of_once() {
    let redis = Redis::with(&["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"]);
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.writer())
        .with_ansi(false);
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let probe = probe(&redis.url());
    assert_eq!(probe.policy().await.as_deref(), Some("allkeys-lru"));
    for _ in 0..3 {
        probe.make("tick", 1).await.unwrap();
    }
    let text = log.text();
    assert_eq!(text.matches("noeviction").count(), 1, "{text}");
    assert!(
        text.contains("allkeys-lru") && text.contains("WARN"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_is_set_up_well_is_not_warned_of() {
    let redis = Redis::start();
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.writer())
        .with_ansi(false);
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let probe = probe(&redis.url());
    assert_eq!(probe.policy().await.as_deref(), Some("noeviction"));
    probe.make("tick", 1).await.unwrap();
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn all_that_is_written_ends_by_itself_but_since_when_there_is_a_memory() {
    let redis = Redis::start();
    all_hold(&probe(&redis.url())).await;
    let keys = redis.cli(&["keys", "*"]);
    assert!(keys.lines().count() > 5, "{keys}");
    for key in keys.lines() {
        assert!(key.starts_with(&format!("ds1:{PROJECT}:{{e}}:")), "{key}");
        let left: i64 = redis.cli(&["pttl", key]).parse().unwrap();
        let stays = key.ends_with(":born") || key.ends_with(":marks-state");
        assert_eq!(left < 0, stays, "{key}: {left}");
    }
    let used = |key: &str| redis.cli(&["memory", "usage", key]).parse::<u32>().unwrap();
    let of_answer = keys.lines().filter(|key| key.ends_with(&"04".repeat(16)));
    let bytes: u32 = of_answer.map(used).sum();
    println!("a record with an answer of 3,000 and 1,500 bytes: {bytes} bytes");
    assert!((4_500..6_000).contains(&bytes), "{bytes}");
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn writer(&self) -> impl Fn() -> Self + Send + Sync + 'static {
        let log = self.clone();
        move || log.clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
