//! The process that has claimed a token is killed, or stands still.

use std::{
    collections::HashSet,
    env,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep};

use crate::{
    browser::{Answer, Browser},
    chance::Chance,
    fleet::{Fleet, REFRESH, Setup},
};

/// Asks until there is an answer that is not 503.
async fn settled(browser: Browser, url: String) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = browser.page(&url).await;
        if answer.status != 503 {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "nobody goes on");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Pages of these browsers at one replica, all at once.
fn pages(browsers: &[Browser], url: &str) -> JoinSet<(usize, Answer)> {
    pages_with(browsers, url, Duration::ZERO)
}

/// The same, one after the other with a pause between them.
fn pages_with(browsers: &[Browser], url: &str, pause: Duration) -> JoinSet<(usize, Answer)> {
    let mut pages = JoinSet::new();
    for (number, browser) in browsers.iter().cloned().enumerate() {
        let url = url.to_owned();
        let pause = pause * u32::try_from(number).unwrap();
        pages.spawn(async move {
            sleep(pause).await;
            (number, browser.page(&url).await)
        });
    }
    pages
}

/// The answers, once none of them is 503, by whose they are.
async fn all_settled(browsers: &[Browser], url: impl Fn(usize) -> String) -> Vec<Answer> {
    let mut answers = JoinSet::new();
    for (number, browser) in browsers.iter().cloned().enumerate() {
        let url = url(number);
        answers.spawn(async move { (number, settled(browser, url).await) });
    }
    let mut answers = answers.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_owner_costs_only_the_sessions_whose_call_was_under_way() {
    const SESSIONS: usize = 20;
    let rounds: u64 = env::var("FLEET_ROUNDS").map_or(3, |it| it.parse().unwrap());
    let mut fleet = Fleet::start(Setup::short()).await;
    fleet.fake.delay_path(REFRESH, Duration::from_millis(100));
    let (mut in_flight, mut lost, mut longest) = (0, 0, Duration::ZERO);
    for round in 0..rounds {
        let mut chance = Chance::new(1_000 + round);
        let browsers = fleet.expired(SESSIONS);
        let first = fleet.sent().len();
        let mut at_owner = pages_with(&browsers, &fleet.replicas[0].url, Duration::from_millis(20));
        sleep(Duration::from_millis(chance.below(500).try_into().unwrap())).await;
        fleet.replicas[0].kill();
        let killed = Instant::now();
        // What it had sent may still be on its way; nobody else has been asked yet.
        sleep(Duration::from_millis(200)).await;
        let sent: HashSet<_> = fleet.sent().into_iter().skip(first).collect();
        let mut answered = HashSet::new();
        while let Some(page) = at_owner.join_next().await {
            let (number, answer) = page.unwrap();
            assert!([0, 200].contains(&answer.status), "{}", answer.status);
            if answer.status == 200 {
                answered.insert(number);
            }
        }
        let others = [1, 2].map(|number| fleet.replicas[number].url.clone());
        let answers = all_settled(&browsers, |number| others[number % 2].clone()).await;
        longest = longest.max(killed.elapsed());
        for (number, answer) in answers.iter().enumerate() {
            let was_sent = sent.contains(&browsers[number].refresh);
            let may_be_lost = was_sent && !answered.contains(&number);
            in_flight += usize::from(may_be_lost);
            lost += usize::from(answer.status == 401);
            assert!(answer.status == 200 || may_be_lost, "{round}: {number}");
        }
        // The others sent each token at most once.
        let mut by_others = fleet.sent().split_off(first + sent.len());
        let number = by_others.len();
        by_others.sort();
        by_others.dedup();
        assert_eq!(by_others.len(), number, "{round}: a token was spent twice");
        fleet.replicas[0] = fleet.replica(0);
    }
    println!(
        "owner killed {rounds} times: of {} sessions {in_flight} were under way and {lost} were lost; \
         the last waiter went on {longest:.1?} after the end",
        rounds * 20
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_stands_still_for_five_seconds_in_its_calls_loses_no_session() {
    const SESSIONS: usize = 20;
    let fleet = Fleet::start(Setup::default()).await;
    fleet.fake.delay_path(REFRESH, Duration::from_millis(500));
    let browsers = fleet.expired(SESSIONS);
    let at_owner = pages(&browsers, &fleet.replicas[0].url);
    fleet.fake.wait_for_calls(REFRESH, SESSIONS).await;
    fleet.replicas[0].signal("STOP");
    let others = fleet.urls();
    let waiting = tokio::spawn({
        let browsers = browsers.clone();
        async move { all_settled(&browsers, |number| others[1 + number % 2].clone()).await }
    });
    // Longer than nothing but the lease lets anybody wait.
    sleep(Duration::from_secs(5)).await;
    fleet.replicas[0].signal("CONT");
    let mut answers = waiting.await.unwrap();
    answers.extend(at_owner.join_all().await.into_iter().map(|(_, it)| it));
    let lost = answers.iter().filter(|it| it.status != 200).count();
    println!(
        "owner frozen for 5 s in {SESSIONS} calls: {lost} lost, {} calls",
        fleet.spent()
    );
    assert_eq!((lost, fleet.spent()), (0, SESSIONS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_by_a_replica_that_learns_of_its_claim_too_late() {
    let setup = Setup {
        replicas: 1,
        response: Duration::from_secs(5),
        ..Setup::short()
    };
    let fleet = Fleet::start(setup).await;
    let browsers = fleet.expired(10);
    fleet.redis.signal("STOP");
    let pages = pages(&browsers, &fleet.replicas[0].url);
    // A claim may be acted on for four seconds.
    sleep(Duration::from_millis(4_400)).await;
    fleet.redis.signal("CONT");
    for (_, answer) in pages.join_all().await {
        assert_eq!(answer.status, 503);
        assert!(answer.is_untouched());
    }
    // Their callers were answered long ago; what is done for them ends now.
    fleet.drain().await;
    let calls = fleet.refreshes();
    println!("claims of 4.4 s ago: 10, {calls} were acted on");
    assert_eq!(calls, 0);
    // They were given back: nobody waits for the end of a lease.
    let answers = all_settled(&browsers, |_| fleet.replicas[0].url.clone()).await;
    assert!(answers.iter().all(|it| it.status == 200));
    assert_eq!(fleet.spent(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_stood_still_beyond_its_lease_sends_nothing_and_gets_the_answer_of_others() {
    const SESSIONS: usize = 20;
    let setup = Setup {
        response: Duration::from_secs(5),
        ..Setup::short()
    };
    let fleet = Fleet::start(setup).await;
    let browsers = fleet.expired(SESSIONS);
    // The claims are on their way to Redis when the replica stops, and are made while it stands still.
    fleet.redis.signal("STOP");
    let at_owner = pages(&browsers, &fleet.replicas[0].url);
    sleep(Duration::from_millis(500)).await;
    fleet.replicas[0].signal("STOP");
    fleet.redis.signal("CONT");
    let others = fleet.urls();
    let answers = all_settled(&browsers, |number| others[1 + number % 2].clone()).await;
    assert!(answers.iter().all(|it| it.status == 200));
    let calls = fleet.spent();
    fleet.replicas[0].signal("CONT");
    let late = at_owner.join_all().await;
    let refused = late.iter().filter(|(_, it)| it.status == 503).count();
    let rest = late.iter().filter(|(_, it)| it.status == 200).count();
    println!("owner frozen beyond its lease: {refused} × 503, {rest} × 200, {calls} calls");
    assert_eq!(refused + rest, SESSIONS);
    fleet.drain().await;
    assert_eq!((calls, fleet.spent()), (SESSIONS, SESSIONS));
    // And all are signed in there, too.
    let answers = all_settled(&browsers, |_| fleet.replicas[0].url.clone()).await;
    assert!(answers.iter().all(|it| it.status == 200));
}
