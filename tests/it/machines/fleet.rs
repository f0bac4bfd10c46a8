//! Two hundred machines and a flood of made-up keys, through a restart and bad days at Descope.

use serde_json::json;
use tower_descope::{
    AccessKeys,
    test_util::{Canned, FakeDescope, TestClock},
};

use super::access_keys::{PATH, key};
use crate::support::{App, advance, app, eventually, verdict};

const MACHINES: usize = 200;

/// How many made-up keys come in a second, each of them before any machine.
const FLOOD: usize = 10;

struct Fleet {
    fake: FakeDescope,
    clock: TestClock,
    app: App,
    /// How many made-up keys have come.
    made_up: usize,
    /// Each made-up key comes so often, a second apart.
    repeated: usize,
}

/// How a machine was answered, as far as it matters here.
#[derive(PartialEq)]
enum Told {
    Admitted,
    Later,
}

impl Fleet {
    /// A service that has just been started: no key is known to it.
    async fn started(repeated: usize) -> Self {
        let clock = TestClock::new();
        let mut builder = FakeDescope::builder().clock(clock.clone());
        for n in 0..MACHINES {
            builder = builder.access_key(&key(n), |key| key.id(format!("K2m{n}")));
        }
        let fake = builder.start().await;
        let app = service(&fake).await;
        Self {
            fake,
            clock,
            app,
            made_up: 0,
            repeated,
        }
    }

    /// The process ends, and another takes its place, while the flood goes on.
    async fn restart(&mut self) {
        self.app = service(&self.fake).await;
    }

    /// A second of the flood.
    async fn flooded(&mut self) {
        for n in 0..FLOOD {
            let back = self.made_up % self.repeated * FLOOD;
            let number = (self.made_up + n).saturating_sub(back);
            let told = verdict(&self.app, &format!("K2made-up-{number:08}")).await;
            assert!(
                matches!(&*told, "invalid_token" | "exchange_unavailable"),
                "{told}"
            );
        }
        self.made_up += FLOOD;
        advance(&self.clock, 1).await;
    }

    async fn ask(&self, n: usize) -> Told {
        match verdict(&self.app, &key(n)).await {
            told if told == format!("K2m{n}@-") => Told::Admitted,
            told if told == "exchange_unavailable" => Told::Later,
            told => panic!("machine {n}: {told}"),
        }
    }

    /// All machines ask once a second, as long as they are not admitted. Returns after how many
    /// seconds all are.
    async fn all_admitted(&mut self) -> usize {
        let mut waiting: Vec<usize> = (0..MACHINES).collect();
        for second in 0..200 {
            let mut left = Vec::new();
            for n in waiting {
                if self.ask(n).await == Told::Later {
                    left.push(n);
                }
            }
            if left.is_empty() {
                return second;
            }
            waiting = left;
            self.flooded().await;
        }
        panic!("some machine is never admitted");
    }
}

async fn service(fake: &FakeDescope) -> App {
    let keys = AccessKeys::new().key_prefix("K2");
    let descope = fake.descope_builder().access_keys(keys).build().unwrap();
    descope.warm_up().await.unwrap();
    app(&descope)
}

fn slow_down(code: bool) -> Canned {
    let canned = if code {
        Canned::json(429, &json!({"errorCode": "E130429"}))
    } else {
        Canned::html(429, "<h1>no</h1>")
    };
    canned.header("retry-after", "86400")
}

#[tokio::test]
async fn one_machine_is_admitted_within_half_a_minute_of_a_restart_in_a_flood() {
    for repeated in [1, 2, 5] {
        let mut fleet = Fleet::started(repeated).await;
        for flooded_before in [0, 3, 60] {
            fleet.restart().await;
            for _ in 0..flooded_before {
                fleet.flooded().await;
            }
            let mut seconds = 0;
            while fleet.ask(0).await == Told::Later {
                seconds += 1;
                assert!(seconds <= 30, "{repeated}, {flooded_before}");
                fleet.flooded().await;
            }
        }
    }
}

#[tokio::test]
async fn a_fleet_is_back_as_soon_after_a_restart_in_a_flood_as_the_budget_allows() {
    let mut fleet = Fleet::started(1).await;
    for _ in 0..10 {
        fleet.flooded().await;
    }
    // Five a second.
    let seconds = fleet.all_admitted().await;
    assert!(seconds <= 45, "{seconds}");
}

#[tokio::test]
async fn a_rotation_of_keys_and_429s_in_a_flood_cost_a_fleet_nothing() {
    let mut fleet = Fleet::started(1).await;
    fleet.all_admitted().await;
    fleet.fake.rotate_keys();
    let old = fleet.fake.calls(&fleet.fake.keys_path());
    for _ in 0..500 {
        fleet.flooded().await;
    }
    // The sessions of the withdrawn key are over; some have been so for a while.
    let fake = &fleet.fake;
    eventually("new keys", || fake.calls(&fake.keys_path()) > old).await;
    for code in [true, false] {
        let limited = slow_down(code);
        fleet.fake.respond_next(PATH, limited);
        let stranger = format!("K2stranger-when-it-has-a-code-{code}");
        let told = verdict(&fleet.app, &stranger).await;
        assert_eq!(told, "exchange_unavailable");
        for n in 0..MACHINES {
            assert!(fleet.ask(n).await == Told::Admitted, "{n}, {code}");
        }
        // Past the life of their sessions.
        for _ in 0..10 {
            advance(&fleet.clock, 61).await;
            fleet.flooded().await;
        }
    }
    // One of their own is told to slow down: a minute later all are in again.
    fleet.fake.respond_next(PATH, slow_down(true));
    assert!(fleet.ask(0).await == Told::Later);
    for _ in 0..60 {
        assert!(fleet.ask(1).await == Told::Later);
        fleet.flooded().await;
    }
    for n in 0..MACHINES {
        assert!(fleet.ask(n).await == Told::Admitted, "{n}");
    }
}

#[tokio::test]
async fn a_fleet_that_starts_into_a_429_is_back_within_minutes_of_its_end() {
    let mut fleet = Fleet::started(1).await;
    fleet.fake.respond_next(PATH, slow_down(true));
    assert!(fleet.ask(0).await == Told::Later);
    // Descope is well again at once; nobody knows. The first probe tells.
    let seconds = fleet.all_admitted().await;
    assert!((60..=110).contains(&seconds), "{seconds}");
}
