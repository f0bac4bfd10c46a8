//! No token is found where others may read.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    process::{Command, Stdio},
    time::Duration,
};

use tower_descope_fleet::{Redis, until};

use crate::fleet::{Fleet, Setup, refresh_token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_in_redis_s_files_in_what_it_is_sent_or_in_a_log() {
    let redis = Redis::with(&[
        "--appendonly",
        "yes",
        "--aof-use-rdb-preamble",
        "no",
        "--rdbcompression",
        "no",
    ]);
    let url = redis.url();
    let setup = Setup {
        stale_after: Some(Duration::from_secs(1)),
        trace: true,
        ..Setup::default()
    };
    let fleet = Fleet::on(redis, url, setup).await;
    let heard = fleet.redis.folder().join("monitor.txt");
    let mut monitor = Command::new("redis-cli")
        .args(["-p", &fleet.redis.port().to_string(), "monitor"])
        .stdin(Stdio::null())
        .stdout(File::create(&heard).unwrap())
        .spawn()
        .unwrap();
    until("the monitor listens", || {
        fs::read(&heard).is_ok_and(|it| it.starts_with(b"OK"))
    });
    let mut issued = BTreeSet::new();
    let urls = fleet.urls();
    // Whose name would be found, which the others' are too short for.
    let user = "U2rtheUserWhoWasRevokedInThisTest";
    assert_eq!(fleet.browser(20).revoke(&urls[0], user).await.status, 204);
    for (number, mut browser) in fleet.expired(15).into_iter().enumerate() {
        let url = |step: usize| &urls[(number + step) % urls.len()];
        issued.insert(browser.refresh.clone());
        let lost = browser.page(url(0)).await;
        let visit = browser.visit(url(1)).await;
        let selected = browser.select(url(2), "T2").await;
        browser.keep(&selected);
        let refreshed = browser.call(url(0), "refresh").await;
        browser.keep(&refreshed);
        for answer in [&lost, &visit, &selected, &refreshed] {
            assert_eq!(answer.status, 200, "{}", answer.body);
            issued.extend(answer.refresh.clone());
            issued.extend(answer.session.clone());
        }
        if number % 3 == 0 {
            assert_eq!(browser.call(url(1), "logout").await.status, 200);
        }
    }
    let requests = fleet.fake.requests();
    let calls = requests
        .iter()
        .filter(|it| it.path.starts_with("/v1/auth/"));
    issued.extend(calls.map(refresh_token));
    fleet.drain().await;
    fleet.redis.cli(&["save"]);
    // The monitor has heard the last command, and so all before it.
    fleet.redis.cli(&["echo", "the end of this test"]);
    until("the monitor has heard all", || {
        String::from_utf8_lossy(&fs::read(&heard).unwrap()).contains("the end of this test")
    });
    monitor.kill().unwrap();
    monitor.wait().unwrap();

    let places = places(&fleet);
    let said = |name: &str| &places.iter().find(|(it, _)| it.contains(name)).unwrap().1;
    // Each place has what this test is about, else nothing would be found in it.
    for name in ["dump.rdb", "incr.aof", "monitor.txt"] {
        assert!(holds(said(name), b"{e}:c:"), "{name}");
        assert!(holds(said(name), b"{e}:marks"), "{name}");
        assert!(!holds(said(name), user.as_bytes()), "{name}");
    }
    for number in 0..3 {
        let log = said(&format!("replica-{number}.log"));
        assert!(holds(log, b"TRACE") && holds(log, b"hyper"), "{number}");
    }
    let mut found = Vec::new();
    for token in &issued {
        // Its claims and its signature: all tokens begin alike.
        for part in token.split('.').skip(1) {
            for (name, bytes) in &places {
                if holds(bytes, part.as_bytes()) {
                    found.push(name);
                }
            }
        }
    }
    let bytes: usize = places.iter().map(|(_, bytes)| bytes.len()).sum();
    println!(
        "{} tokens searched for in {} files of {} KB in all: {} found",
        issued.len(),
        places.len(),
        bytes / 1_024,
        found.len()
    );
    assert!(issued.len() > 100, "{}", issued.len());
    assert!(found.is_empty(), "{found:?}");
}

/// All files of Redis, of the monitor and of the replicas, with their contents.
fn places(fleet: &Fleet) -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![fleet.redis.folder().to_owned()];
    let mut places = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                places.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    places
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}
