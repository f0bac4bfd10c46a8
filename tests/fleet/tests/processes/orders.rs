//! Refreshes, selections and sign-outs of one session, at replicas and in orders of chance.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};

use crate::{
    browser::{Answer, Browser},
    chance::Chance,
    fleet::{Fleet, LOGOUT, Setup},
};

const ORDERS: usize = 200;
const AT_ONCE: usize = 8;

/// How long something may take that takes a fifth of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// What becomes of one session.
struct Course {
    chance: Chance,
    urls: Vec<String>,
    browser: Browser,
    /// All refresh tokens that it has had.
    tokens: Vec<String>,
    /// What was done, for whoever reads the failure.
    steps: Vec<String>,
}

impl Course {
    fn replica(&mut self) -> String {
        let number = self.chance.below(self.urls.len());
        self.steps.push(format!("at {number}"));
        self.urls[number].clone()
    }

    fn keep(&mut self, answer: &Answer) {
        self.browser.keep(answer);
        self.browser.session = None;
        self.tokens.extend(answer.refresh.clone());
    }

    /// Up to three steps one after the other, and then everything at once.
    async fn run(&mut self) {
        for _ in 0..=self.chance.below(3) {
            let (choice, url) = (self.chance.below(4), self.replica());
            self.steps
                .push(["visit", "lost", "select", "refresh"][choice].into());
            let answer = match choice {
                0 | 1 => self.browser.page(&url).await,
                2 => self.select(&url).await,
                _ => self.browser.call(&url, "refresh").await,
            };
            assert_eq!(answer.status, 200, "{:?} {}", self.steps, answer.body);
            self.tokens.extend(answer.refresh.clone());
            if choice != 1 {
                self.keep(&answer);
            }
        }
        self.steps.push("at once".into());
        let (page, select) = (self.replica(), self.replica());
        let (_, url) = (self.replica(), self.replica());
        let tab = self.browser.clone();
        let (page, other, selected) = tokio::join!(
            tab.page(&page),
            tab.call(&url, "refresh"),
            self.select(&select)
        );
        for answer in [page, other, selected] {
            assert_eq!(answer.status, 200, "{:?} {}", self.steps, answer.body);
            self.keep(&answer);
        }
    }

    async fn select(&mut self, url: &str) -> Answer {
        let tenant = ["T1", "T2"][self.chance.below(2)];
        let answer = self.browser.select(url, tenant).await;
        if answer.status == 200 {
            let mut chosen = self.browser.clone();
            chosen.keep(&answer);
            let page = chosen.page(url).await;
            assert!(page.body.ends_with(tenant), "{tenant}: {}", page.body);
        }
        answer
    }

    /// Whoever did not sign out is signed in at every replica, with every token that may still come.
    async fn is_alive(&mut self) {
        let url = self.replica();
        let answer = self.browser.visit(&url).await;
        assert_eq!(answer.status, 200, "{:?} {}", self.steps, answer.body);
        let newest = self.browser.refresh.clone();
        let first = self.tokens.first().unwrap().clone();
        for old in [first, newest.clone()] {
            for url in &self.urls {
                let mut straggler = self.browser.clone();
                straggler.refresh.clone_from(&old);
                if old != newest {
                    straggler.session = None;
                }
                let begun = Instant::now();
                // What a replica has seen a moment ago it relies on.
                loop {
                    let answer = straggler.visit(url).await;
                    assert_eq!(answer.status, 200, "{:?} {}", self.steps, answer.body);
                    if straggler.refresh == newest {
                        break;
                    }
                    assert!(begun.elapsed() < PATIENCE, "{:?}", self.steps);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    straggler.refresh.clone_from(&old);
                    straggler.session = None;
                }
            }
        }
    }

    /// A sign-out at one replica, while others refresh and select.
    async fn sign_out(&mut self) {
        let (out, page, select) = (self.replica(), self.replica(), self.replica());
        // A session token that is out is good until it expires.
        self.browser.session = None;
        let (tab, user) = (self.browser.clone(), self.browser.clone());
        let (out, page, select) = tokio::join!(
            user.call(&out, "logout"),
            tab.page(&page),
            tab.select(&select, "T2")
        );
        assert_eq!(out.status, 200, "{:?}", self.steps);
        self.tokens.extend(page.refresh);
        self.tokens.extend(select.refresh);
        // What a replica has seen a moment ago it relies on; then it is over everywhere, for good.
        for url in &self.urls {
            for token in &self.tokens {
                let mut stranger = self.browser.clone();
                stranger.refresh.clone_from(token);
                let begun = Instant::now();
                loop {
                    let answer = stranger.page(url).await;
                    if answer.status == 401 {
                        assert!(answer.is_untouched());
                        break;
                    }
                    assert!(
                        begun.elapsed() < PATIENCE,
                        "{:?} {}",
                        self.steps,
                        answer.status
                    );
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_every_order_and_at_every_replica_only_who_signed_out_is_signed_out() {
    let fleet = Fleet::start(Setup::default()).await;
    let mut courses = JoinSet::new();
    let (mut begun, mut out) = (0, 0);
    while begun < ORDERS || !courses.is_empty() {
        while begun < ORDERS && courses.len() < AT_ONCE {
            let browser = fleet.browser(begun).expired();
            let mut course = Course {
                chance: Chance::new(u64::try_from(begun).unwrap()),
                urls: fleet.urls(),
                tokens: vec![browser.refresh.clone()],
                browser,
                steps: Vec::new(),
            };
            begun += 1;
            courses.spawn(async move {
                course.run().await;
                course.is_alive().await;
                let signs_out = course.chance.below(2) == 0;
                if signs_out {
                    course.sign_out().await;
                }
                signs_out
            });
        }
        out += usize::from(courses.join_next().await.unwrap().unwrap());
    }
    println!(
        "{ORDERS} orders: {} exchanges, no token twice; {out} signed out, by {} calls",
        fleet.spent(),
        fleet.fake.calls(LOGOUT)
    );
    assert!(out > 0 && out < ORDERS, "both are tried");
    assert!(fleet.fake.calls(LOGOUT) >= out);
}
