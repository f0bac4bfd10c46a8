//! Many requests of many sessions at once.

use std::{collections::HashSet, time::Duration};

use tokio::task::JoinSet;

use crate::{
    browser::{Answer, Browser},
    fleet::{Fleet, REFRESH, Setup},
};

const SESSIONS: usize = 100;
const REQUESTS: usize = 30;

/// How many sessions are in the storm at a time: each machine has its limits, and this is not about those.
const AT_ONCE: usize = 8;

/// All requests of a session at once, over all replicas.
async fn burst(browser: Browser, urls: Vec<String>) -> Vec<Answer> {
    let mut requests = JoinSet::new();
    for number in 0..REQUESTS {
        let (browser, url) = (browser.clone(), urls[number % urls.len()].clone());
        requests.spawn(async move { browser.page(&url).await });
    }
    requests.join_all().await
}

/// The one refresh token that all of a session's answers bring.
fn successor(answers: &[Answer]) -> String {
    let all: HashSet<_> = answers.iter().map(|it| it.refresh.clone()).collect();
    assert_eq!(all.len(), 1, "one session");
    all.into_iter().next().unwrap().unwrap()
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|it| it.status == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_at_three_processes_refreshes_each_session_once_and_refuses_nobody() {
    let fleet = Fleet::start(Setup::default()).await;
    fleet.fake.delay_path(REFRESH, Duration::from_millis(50));
    let before = fleet.counts().scripts;
    let mut bursts = JoinSet::new();
    let (mut all, mut newest) = (Vec::new(), Vec::new());
    let mut waiting = fleet.expired(SESSIONS).into_iter();
    loop {
        while bursts.len() < AT_ONCE
            && let Some(browser) = waiting.next()
        {
            let urls = fleet.urls();
            bursts.spawn(async move { (browser.clone(), burst(browser, urls).await) });
        }
        let Some(done) = bursts.join_next().await else {
            break;
        };
        let (mut browser, answers) = done.unwrap();
        browser.refresh = successor(&answers);
        newest.push(browser);
        all.extend(answers);
    }
    let scripts = fleet.counts().scripts - before;
    println!(
        "storm: {SESSIONS} sessions, {} requests, {} × 200, {} refreshes, {scripts} scripts",
        all.len(),
        count(&all, 200),
        fleet.refreshes(),
    );
    assert_eq!(count(&all, 200), SESSIONS * REQUESTS);
    assert_eq!(fleet.refreshes(), SESSIONS);
    assert_eq!(fleet.spent(), SESSIONS);
    // What the browsers were given is in force.
    for browser in &newest {
        assert_eq!(browser.at_descope(&fleet.fake.url()).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_another_replica_s_call_has_its_answer_when_that_has() {
    const CALL: Duration = Duration::from_millis(300);
    let fleet = Fleet::start(Setup::default()).await;
    fleet.fake.delay_path(REFRESH, CALL);
    let mut all = Vec::new();
    for browser in fleet.expired(10) {
        let answers = burst(browser, fleet.urls()).await;
        successor(&answers);
        all.extend(answers);
    }
    assert_eq!(count(&all, 200), 10 * REQUESTS);
    assert_eq!(fleet.spent(), 10);
    let mut times: Vec<_> = all.iter().map(|it| it.took).collect();
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!(
        "p50 of {} requests over the call's time: {:.2} (p99 {:.2})",
        times.len(),
        median.as_secs_f64() / CALL.as_secs_f64(),
        times[times.len() * 99 / 100].as_secs_f64() / CALL.as_secs_f64(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stragglers_at_replicas_that_never_saw_the_session_get_the_newest_without_a_call() {
    const STRAGGLERS: usize = 300;
    let fleet = Fleet::start(Setup::default()).await;
    let mut given = Vec::new();
    for browser in fleet.expired(STRAGGLERS) {
        // The answer is lost on its way.
        let answer = browser.page(&fleet.replicas[0].url).await;
        assert_eq!(answer.status, 200);
        given.push((browser, answer.refresh.unwrap()));
    }
    let calls = fleet.refreshes();
    let mut newest = 0;
    for (number, (browser, token)) in given.iter().enumerate() {
        let answer = browser.page(&fleet.replicas[1 + number % 2].url).await;
        assert_eq!(answer.status, 200);
        newest += usize::from(answer.refresh.as_ref() == Some(token));
    }
    println!(
        "stragglers: {STRAGGLERS}, {newest} got the newest, {} more calls",
        fleet.refreshes() - calls
    );
    assert_eq!((newest, fleet.refreshes()), (STRAGGLERS, calls));
}
