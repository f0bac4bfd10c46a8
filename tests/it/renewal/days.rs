//! Whole days in simulated time.

use std::time::Duration;

use tower_descope::{Descope, test_util::Canned};

use crate::{
    support::{App, call},
    support::{
        browser::Browser,
        world::{REFRESH, early, fake, late},
    },
};

const SESSION: u64 = 600;
const EXPIRIES: u64 = 144;
const STEP: u64 = 60;

/// Six requests at once, with the cookies that the browser has now; it keeps what each answers.
/// `check` gets each status and body.
async fn six(app: &App, browser: &mut Browser, check: impl Fn(u16, &str)) {
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (app, request) = (app.clone(), browser.get());
            tokio::spawn(async move { call(&app, request).await })
        })
        .collect();
    for task in tasks {
        let response = task.await.unwrap();
        check(response.status().as_u16(), response.body());
        browser.keep(response.headers());
    }
}

async fn keys_at_hand(descope: &Descope) {
    // Keys live ten minutes too; their fetches are not what is counted here.
    descope.warm_up().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_without_a_401_and_one_refresh_for_each_expiry() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    // The leeway belongs to the session's life.
    let step = Duration::from_secs((SESSION + 10) / 10);
    for _ in 0..EXPIRIES * 10 {
        six(&app, &mut browser, |status, body| {
            assert_eq!((status, body), (200, "U1@T1"));
        })
        .await;
        fake.clock().advance(step);
    }
    let refreshed = u64::try_from(fake.calls(REFRESH)).unwrap();
    assert!(
        (EXPIRIES - 1..=EXPIRIES).contains(&refreshed),
        "{refreshed} calls for {EXPIRIES} expiries"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_early_renewals_is_not_held_up_by_a_failure_now_and_then() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = early(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let mut failed = 0;
    for step in 0..EXPIRIES * SESSION / 30 {
        // Every fifth renewal meets an outage: early, the session bears it; late, 503 says so.
        let calls = fake.calls(REFRESH);
        if calls % 5 == 4 && failed < calls {
            failed = calls + 1;
            fake.respond_next(REFRESH, Canned::error(503, "E990503", "x"));
        }
        six(&app, &mut browser, |status, body| {
            assert_eq!((status, body), (200, "U1@T1"), "step {step}");
        })
        .await;
        fake.clock().advance(Duration::from_secs(30));
    }
    assert!(failed > 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_in_which_each_twentieth_answer_fails_loses_nobody() {
    let fake = fake().start().await;
    let descope = fake.descope();
    let app = late(&descope);
    let mut browser = Browser::signed_in(&fake, "ann@example.test");
    let (mut planned, mut outages) = (0, 0);
    for _ in 0..EXPIRIES * SESSION / STEP {
        keys_at_hand(&descope).await;
        if fake.calls(REFRESH) / 20 >= planned {
            planned += 1;
            fake.respond_next(REFRESH, Canned::error(503, "E990503", "x"));
        }
        let before = browser.clone();
        let unavailable = std::cell::Cell::new(false);
        six(&app, &mut browser, |status, body| {
            assert!(
                status == 503 || (status, body) == (200, "U1@T1"),
                "{status} {body}"
            );
            unavailable.set(unavailable.get() || status == 503);
        })
        .await;
        for name in ["DS", "DSR"] {
            assert!(browser.jar.contains_key(name), "{name} is lost");
        }
        if unavailable.get() {
            outages += 1;
            assert_eq!(browser, before);
        }
        fake.clock().advance(Duration::from_secs(STEP));
    }
    assert!(outages >= 5, "{outages} outages");
    assert_eq!(browser.visit(&app).await.status(), 200);
}

/// A small generator of numbers that are the same each time (Knuth's, MMIX).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_browsers_never_get_each_others_cookies() {
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let fake = fake().rotation(seed % 2 == 0).start().await;
        let descope = fake.descope();
        let apps = [late(&descope), early(&descope)];
        let mut browsers = [
            (Browser::signed_in(&fake, "ann@example.test"), "U1@T1"),
            (Browser::signed_in(&fake, "bob@example.test"), "U2@T1"),
        ];
        for _ in 0..60 {
            let step = [1, 30, 300, 700][usize::try_from(dice.throw(4)).unwrap()];
            fake.clock().advance(Duration::from_secs(step));
            // Requests of both, shuffled, all under way at once.
            let mut tasks = Vec::new();
            for _ in 0..=dice.throw(5) {
                let who = usize::from(dice.throw(2) == 1);
                let app = apps[usize::from(dice.throw(2) == 1)].clone();
                let request = browsers[who].0.get();
                tasks.push((who, tokio::spawn(async move { call(&app, request).await })));
            }
            for (who, task) in tasks {
                let response = task.await.unwrap();
                let (browser, expected) = &mut browsers[who];
                assert_eq!(response.body(), expected, "seed {seed}");
                // Now and then an answer is lost on its way.
                if dice.throw(8) > 0 {
                    browser.keep(response.headers());
                }
            }
            // The next request heals that, as it comes within the keep time.
            for (browser, expected) in &mut browsers {
                assert_eq!(browser.visit(&apps[1]).await.body(), expected);
            }
            for (browser, user) in &browsers {
                for token in browser.jar.values() {
                    assert_eq!(subject(token), user[..2], "seed {seed}");
                }
            }
        }
    }
}

/// Whose token it is, by its own word.
fn subject(token: &str) -> String {
    use base64::Engine as _;

    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(payload);
    let claims: serde_json::Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    claims["sub"].as_str().unwrap().to_owned()
}
