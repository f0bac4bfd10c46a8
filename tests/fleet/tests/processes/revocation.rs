//! Sessions that are refused before their time is over: by every replica, soon, and by none too late.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep};

use crate::{
    browser::Browser,
    fleet::{Fleet, Setup},
};

/// How long nothing may be heard of the others.
const BOUND: Duration = Duration::from_secs(1);

/// A clock that is read here may be that much behind the replicas'.
const COARSE: Duration = Duration::from_millis(50);

fn strict() -> Setup {
    Setup {
        stale_after: Some(BOUND),
        ..Setup::default()
    }
}

fn user(number: usize) -> String {
    format!("U{number}")
}

/// Asks a replica until it refuses; returns when it did. Whoever is served is so within the bound after
/// `marked`.
async fn until_refused(browser: &Browser, url: &str, marked: Instant) -> Instant {
    loop {
        let sent = Instant::now();
        let answer = browser.plain(url).await;
        match answer.status {
            401 => {
                assert!(answer.body.contains("session_revoked"), "{}", answer.body);
                return Instant::now();
            }
            503 => assert!(
                answer.body.contains("revocation_unavailable"),
                "{}",
                answer.body
            ),
            status => {
                assert_eq!(status, 200);
                let late = sent.saturating_duration_since(marked);
                assert!(late <= BOUND + COARSE, "served {late:?} after the mark");
            }
        }
        assert!(
            marked.elapsed() < Duration::from_secs(20),
            "it is never known"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_made_at_any_replica_is_known_at_all_of_them() {
    const MARKS: usize = 100;
    let fleet = Fleet::start(strict()).await;
    let urls = fleet.urls();
    let mut taken = Vec::new();
    // A few at a time: it is no test of how much this machine can do.
    for batch in (0..MARKS).collect::<Vec<_>>().chunks(5) {
        let mut running = JoinSet::new();
        for &number in batch {
            let (browser, urls) = (fleet.browser(number), urls.clone());
            running.spawn(async move {
                for url in &urls {
                    assert_eq!(browser.plain(url).await.status, 200);
                }
                let begun = Instant::now();
                let revoked = browser.revoke(&urls[number % 3], &user(number)).await;
                assert_eq!(revoked.status, 204);
                let marked = Instant::now();
                let waits = urls.iter().map(|url| until_refused(&browser, url, marked));
                let mut last = begun;
                for wait in waits {
                    last = last.max(wait.await);
                }
                last - begun
            });
        }
        taken.extend(running.join_all().await);
    }
    taken.sort();
    println!(
        "{MARKS} marks, from the call to 401 at all of three replicas: p50 {:?}, p99 {:?}, at most {:?}",
        taken[MARKS / 2],
        taken[MARKS * 99 / 100],
        taken[MARKS - 1]
    );
    let bystander = fleet.browser(MARKS + 1);
    for url in &urls {
        assert_eq!(bystander.plain(url).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_out_at_one_replica_is_refused_by_the_others() {
    let fleet = Fleet::start(strict()).await;
    let urls = fleet.urls();
    let (ann, other_device) = (fleet.browser(1), fleet.browser(1));
    let out = ann.call(&urls[0], "logout").await;
    assert_eq!(out.status, 200, "{}", out.body);
    let marked = Instant::now();
    for url in &urls {
        until_refused(&ann, url, marked).await;
        assert_eq!(other_device.plain(url).await.status, 200);
        // Nor is it renewed.
        assert_eq!(ann.page(url).await.status, 401);
    }
    // And everywhere.
    let out = other_device.call(&urls[1], "logoutall").await;
    assert_eq!(out.status, 200, "{}", out.body);
    let marked = Instant::now();
    for url in &urls {
        until_refused(&other_device, url, marked).await;
    }
}

/// What became of requests with a session that nobody revokes: when each was sent, and its status.
#[derive(Default)]
struct Watch {
    seen: Mutex<Vec<(Instant, u16)>>,
    is_over: AtomicBool,
}

impl Watch {
    async fn run(self: Arc<Self>, browser: Browser, url: String) {
        while !self.is_over.load(Relaxed) {
            let sent = Instant::now();
            let status = browser.plain(&url).await.status;
            assert!(status == 200 || status == 503, "{status}");
            self.seen.lock().unwrap().push((sent, status));
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn count(&self, status: u16, from: Instant, to: Instant) -> usize {
        let seen = self.seen.lock().unwrap();
        let fits = |&&(sent, it): &&(Instant, u16)| it == status && sent >= from && sent <= to;
        seen.iter().filter(fits).count()
    }
}

/// Redis does not answer for a while, or takes no writes. In it somebody is revoked at one replica.
async fn through(
    name: &str,
    fleet: &mut Fleet,
    number: usize,
    cut_off: impl FnOnce(&mut Fleet),
    restore: impl FnOnce(&mut Fleet),
) {
    let urls = fleet.urls();
    let watch = Arc::new(Watch::default());
    let mut watching = JoinSet::new();
    for url in &urls {
        watching.spawn(Arc::clone(&watch).run(fleet.browser(number + 100), url.clone()));
    }
    sleep(Duration::from_millis(500)).await;
    cut_off(fleet);
    let begun = Instant::now();
    sleep(Duration::from_millis(200)).await;
    let revoked = fleet.browser(number);
    let (browser, id) = (revoked.clone(), user(number));
    let url = urls[0].clone();
    let marking = tokio::spawn(async move { browser.revoke(&url, &id).await });
    let marked = until_refused(&revoked, &urls[0], Instant::now()).await;
    let mut others = JoinSet::new();
    for url in &urls[1..] {
        let (revoked, url) = (revoked.clone(), url.clone());
        others.spawn(async move { until_refused(&revoked, &url, marked).await });
    }
    sleep((begun + Duration::from_secs(3)).saturating_duration_since(Instant::now())).await;
    let ending = Instant::now();
    restore(fleet);
    let ended = Instant::now();
    let answer = marking.await.unwrap();
    assert_eq!(answer.status, 202, "it holds here, and is told later");
    let known = others.join_all().await;
    let known = known.iter().max().unwrap().saturating_duration_since(ended);
    sleep((ended + Duration::from_secs(4)).saturating_duration_since(Instant::now())).await;
    watch.is_over.store(true, Relaxed);
    watching.join_all().await;
    let (stale, over) = (begun + BOUND + COARSE, ended + Duration::from_secs(4));
    println!(
        "{name}: while it lasts {} × 200 and {} × 503, afterwards {} × 200 and {} × 503; the mark is known \
         {known:?} after it",
        watch.count(200, begun, ending),
        watch.count(503, begun, ending),
        watch.count(200, ended, over),
        watch.count(503, ended, over),
    );
    assert_eq!(
        watch.count(200, stale, ending),
        0,
        "{name}: served too late"
    );
    assert!(watch.count(503, stale, ending) > 0, "{name}");
    assert!(watch.count(200, ended, over) > 0, "{name}");
    for url in &urls {
        let bystander = fleet.browser(number + 100);
        assert_eq!(bystander.plain(url).await.status, 200, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_served_past_the_bound_while_redis_stands_still() {
    let mut fleet = Fleet::start(strict()).await;
    let stop = |fleet: &mut Fleet| fleet.redis.signal("STOP");
    let go_on = |fleet: &mut Fleet| fleet.redis.signal("CONT");
    through("frozen for 3 s", &mut fleet, 1, stop, go_on).await;
    let pause = |fleet: &mut Fleet| {
        fleet.redis.cli(&["client", "pause", "30000", "write"]);
    };
    let unpause = |fleet: &mut Fleet| {
        fleet.redis.cli(&["client", "unpause"]);
    };
    through("CLIENT PAUSE WRITE for 3 s", &mut fleet, 2, pause, unpause).await;
    let kill = |fleet: &mut Fleet| fleet.redis.kill();
    let start = |fleet: &mut Fleet| fleet.redis.start_again();
    through("killed for 3 s", &mut fleet, 3, kill, start).await;
    let full = |fleet: &mut Fleet| {
        fleet.redis.cli(&["config", "set", "maxmemory", "1"]);
    };
    let room = |fleet: &mut Fleet| {
        fleet.redis.cli(&["config", "set", "maxmemory", "0"]);
    };
    through("OOM for 3 s", &mut fleet, 4, full, room).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_forgot_is_known_again_by_all_and_by_who_begins_afterwards() {
    const MARKS: usize = 30;
    let fleet = Fleet::start(strict()).await;
    let urls = fleet.urls();
    let mut browsers = HashMap::new();
    for number in 0..MARKS {
        let browser = fleet.browser(number);
        let revoked = browser.revoke(&urls[number % 3], &user(number)).await;
        assert_eq!(revoked.status, 204);
        let marked = Instant::now();
        for url in &urls {
            until_refused(&browser, url, marked).await;
        }
        browsers.insert(number, browser);
    }
    let bystander = fleet.browser(MARKS + 1);
    let marks = format!("ds1:{}:{{e}}:marks", tower_descope_fleet::PROJECT);
    let losses: [(&str, &[&str]); 2] =
        [("all of it", &["flushall"]), ("the log", &["del", &marks])];
    for (number, (name, command)) in (3..).zip(losses) {
        let before = fleet.logged("has lost its memory");
        fleet.redis.cli(command);
        // It prints its port once it is warm, and so knows all.
        let newcomer = fleet.replica(number);
        let marked = Instant::now();
        for browser in browsers.values() {
            assert_eq!(browser.plain(&newcomer.url).await.status, 401, "{name}");
            for url in &urls {
                until_refused(browser, url, marked).await;
            }
        }
        assert_eq!(bystander.plain(&newcomer.url).await.status, 200, "{name}");
        assert!(fleet.logged("has lost its memory") >= before + 3, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_cost_redis_nothing_beyond_the_looks_at_the_log() {
    const REQUESTS: usize = 10_000;
    let fleet = Fleet::start(strict()).await;
    let urls = fleet.urls();
    // So that there is something to look for.
    let out = fleet.browser(20);
    assert_eq!(out.revoke(&urls[0], &user(20)).await.status, 204);
    sleep(Duration::from_millis(500)).await;
    let (before, begun) = (fleet.counts(), Instant::now());
    let mut tasks = JoinSet::new();
    for user in 0..10 {
        let (browser, urls) = (fleet.browser(user), urls.clone());
        tasks.spawn(async move {
            for number in 0..REQUESTS / 10 {
                let answer = browser.page(&urls[number % urls.len()]).await;
                // A machine that is short of time may not look in time, and says so.
                assert!(answer.status == 200 || answer.status == 503);
                assert!(answer.is_untouched());
            }
        });
    }
    tasks.join_all().await;
    let (after, took) = (fleet.counts(), begun.elapsed());
    let (scripts, ticks) = (after.scripts - before.scripts, after.births - before.births);
    let looks = after.records - before.records;
    println!("{REQUESTS} requests in {took:?}: {scripts} scripts, {ticks} ticks, {looks} looks");
    // A look reads the state of the log, a tick since when there is a memory; nothing else was asked. One of them may
    // have been counted by half.
    assert!(scripts.abs_diff(ticks + looks) <= 2, "{scripts}");
    let most = 15 * (took.as_millis() / 1_000 + 1);
    assert!(u128::from(looks) <= most, "{looks}");
}
