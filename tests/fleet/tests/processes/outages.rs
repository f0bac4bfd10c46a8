//! Redis stands still, ends, forgets, refuses, is replaced by another one.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};
use tower_descope_fleet::Redis;

use crate::{
    browser::Browser,
    chance::Chance,
    fleet::{Fleet, Setup},
};

const SESSIONS: usize = 24;

/// Answers are kept for a second, so that most requests of one session after the other need a call.
fn setup(setup: Setup) -> Setup {
    Setup {
        keep: Duration::from_secs(1),
        ..setup
    }
}

/// What browsers have seen.
#[derive(Debug, Default)]
struct Seen {
    renewed: AtomicUsize,
    later: AtomicUsize,
    lost: AtomicUsize,
    ordinary: AtomicUsize,
    is_over: AtomicBool,
    /// The replicas by their URLs.
    urls: Vec<String>,
}

impl Seen {
    /// A browser whose session has expired comes again and again, at any replica. Now and then an answer
    /// is lost.
    async fn renew(self: Arc<Self>, mut browser: Browser, mut chance: Chance) {
        let (mut after, mut over_at) = (0, None);
        while after < 2 {
            let url = &self.urls[chance.below(self.urls.len())];
            let answer = browser.page(url).await;
            match answer.status {
                200 => {
                    self.renewed.fetch_add(1, Relaxed);
                    after += usize::from(over_at.is_some());
                    if chance.below(5) > 0 {
                        browser.keep(&answer);
                        browser.session = None;
                    }
                }
                503 => {
                    assert!(answer.is_untouched());
                    self.later.fetch_add(1, Relaxed);
                }
                status => {
                    println!("lost: {status} {}", answer.body);
                    self.lost.fetch_add(1, Relaxed);
                    return;
                }
            }
            if self.is_over.load(Relaxed) {
                let since = *over_at.get_or_insert_with(Instant::now);
                assert!(
                    since.elapsed() < Duration::from_mins(1),
                    "it is not served again"
                );
            }
            // No session is asked about more often than its limit on calls allows.
            sleep(Duration::from_millis(300)).await;
        }
    }

    /// A browser with a good session is served all the while.
    async fn browse(self: Arc<Self>, browser: Browser, done: Arc<AtomicBool>) {
        while !done.load(Relaxed) {
            for url in &self.urls {
                let answer = browser.page(url).await;
                assert_eq!(answer.status, 200, "a good session");
                assert!(answer.is_untouched());
                self.ordinary.fetch_add(1, Relaxed);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Lets browsers come before, during and after what is done to Redis. Nobody is signed out, no token goes
/// up twice. Returns how often somebody was told to come again.
async fn through(name: &str, fleet: &Fleet, outage: impl Future<Output = ()>) -> usize {
    let seen = Arc::new(Seen {
        urls: fleet.urls(),
        ..Seen::default()
    });
    let done = Arc::new(AtomicBool::new(false));
    let good = tokio::spawn(Arc::clone(&seen).browse(fleet.browser(SESSIONS), Arc::clone(&done)));
    let mut sessions = JoinSet::new();
    for (number, browser) in (2_000..).zip(fleet.expired(SESSIONS)) {
        sessions.spawn(Arc::clone(&seen).renew(browser, Chance::new(number)));
    }
    sleep(Duration::from_millis(700)).await;
    outage.await;
    seen.is_over.store(true, Relaxed);
    sessions.join_all().await;
    done.store(true, Relaxed);
    good.await.unwrap();
    let lost = seen.lost.load(Relaxed);
    println!(
        "{name}: {lost} of {SESSIONS} sessions lost; {:?} renewals, {:?} × 503, {:?} pages of a good \
         session; {} tokens spent",
        seen.renewed,
        seen.later,
        seen.ordinary,
        fleet.spent()
    );
    assert_eq!(lost, 0);
    seen.later.load(Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_loses_no_session() {
    let fleet = Fleet::start(setup(Setup::default())).await;
    for (name, span) in [("frozen for 0.5 s", 500), ("frozen for 3 s", 3_000)] {
        let later = through(name, &fleet, async {
            fleet.redis.signal("STOP");
            sleep(Duration::from_millis(span)).await;
            fleet.redis.signal("CONT");
        })
        .await;
        assert!(later > 0 || span < 1_000, "{name}");
    }
    assert_eq!(fleet.logged("has lost its memory"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_pauses_its_writes_loses_no_session() {
    let fleet = Fleet::start(setup(Setup::default())).await;
    let later = through("CLIENT PAUSE 3000 WRITE", &fleet, async {
        fleet.redis.cli(&["client", "pause", "3000", "write"]);
        sleep(Duration::from_secs(3)).await;
    })
    .await;
    assert!(later > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_with_its_file_loses_no_session_and_no_memory() {
    let redis = Redis::with(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let url = redis.url();
    let mut fleet = Fleet::on(redis, url, setup(Setup::short())).await;
    let later = killed("kill -9 with an append-only file", &mut fleet).await;
    assert!(later > 0);
    assert_eq!(fleet.logged("has lost its memory"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_without_a_file_loses_no_session() {
    let mut fleet = Fleet::start(setup(Setup::short())).await;
    let later = killed("kill -9 without persistence", &mut fleet).await;
    assert!(later > 0);
    assert_eq!(fleet.logged("has lost its memory"), 3);
}

/// Kills Redis under way, and starts it again half a second later.
async fn killed(name: &str, fleet: &mut Fleet) -> usize {
    let port = fleet.redis.port();
    let spare = Redis::start();
    let redis = Arc::new(Mutex::new(std::mem::replace(&mut fleet.redis, spare)));
    let killed = Arc::clone(&redis);
    let later = through(name, fleet, async move {
        killed.lock().unwrap().kill();
        sleep(Duration::from_millis(500)).await;
        killed.lock().unwrap().start_again();
    })
    .await;
    let redis = Arc::into_inner(redis).unwrap().into_inner().unwrap();
    assert_eq!(redis.port(), port);
    fleet.redis = redis;
    later
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_emptied_loses_no_session() {
    let fleet = Fleet::start(setup(Setup::short())).await;
    let later = through("FLUSHALL", &fleet, async {
        fleet.redis.cli(&["flushall"]);
    })
    .await;
    assert!(later > 0);
    assert_eq!(fleet.logged("has lost its memory"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_without_memory_loses_no_session() {
    let fleet = Fleet::start(setup(Setup::default())).await;
    let later = through("OOM for 2 s", &fleet, async {
        fleet.redis.cli(&["config", "set", "maxmemory", "1"]);
        sleep(Duration::from_secs(2)).await;
        fleet.redis.cli(&["config", "set", "maxmemory", "0"]);
    })
    .await;
    assert!(later > 0);
    assert_eq!(fleet.logged("has lost its memory"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_an_empty_redis_loses_no_session() {
    let (first, second) = (Redis::start(), Redis::start());
    let target = Arc::new(AtomicU16::new(first.port()));
    let url = forward(Arc::clone(&target)).await;
    let fleet = Fleet::on(first, url, setup(Setup::short())).await;
    let later = through("failover to an empty replica", &fleet, async {
        target.store(second.port(), Relaxed);
        fleet.redis.signal("KILL");
    })
    .await;
    assert!(later > 0);
    assert_eq!(fleet.logged("has lost its memory"), 3);
}

/// An address that leads to whichever server is the master.
async fn forward(target: Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let port = target.load(Relaxed);
            tokio::spawn(async move {
                if let Ok(mut master) = TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = copy_bidirectional(&mut stream, &mut master).await;
                }
            });
        }
    });
    format!("redis://127.0.0.1:{port}")
}
