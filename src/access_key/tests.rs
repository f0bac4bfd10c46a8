//! The state machine of keys, by rules, by random sequences and in floods of made-up keys.

use std::{collections::HashSet, num::NonZeroU32, time::Duration};

use super::{
    key::ExchangeOutcome,
    settings::ExchangePolicy,
    table::{ExchangeStep, ExchangeTable},
};
use crate::{clock::Now, digest::Digest, ids::UserId};

mod flood;
mod rate_limit;
mod sequences;

type TestStep = ExchangeStep<u32, u64>;

/// Life of a session in these tests.
const LIFE: u64 = 600;

struct World {
    table: ExchangeTable<u32, u64>,
    start: Now,
    now: Now,
}

fn policy() -> ExchangePolicy {
    ExchangePolicy {
        per_second: NonZeroU32::new(5).unwrap(),
        burst: 3,
        capacity: 4,
        keep_refusals: Duration::from_secs(30),
        renew_before: Duration::from_secs(30),
        lost_after: Duration::from_secs(14),
    }
}

impl World {
    fn new() -> Self {
        let now = Now {
            wall: Duration::from_secs(1_795_000_000),
            mono: Duration::from_secs(1_000),
        };
        Self {
            table: ExchangeTable::new(policy(), HashSet::new()),
            start: now,
            now,
        }
    }

    fn pass(&mut self, millis: u64) {
        let by = Duration::from_millis(millis);
        self.now.wall += by;
        self.now.mono += by;
    }

    /// Presents a key. All exchanges have the same handle to wait by: it does not matter here.
    fn ask(&mut self, key: u8) -> TestStep {
        self.table.present(digest(key), || true, || 0, &self.now)
    }

    fn end(&mut self, key: u8, number: u64, outcome: ExchangeOutcome<u32>) {
        assert!(self.table.finish(digest(key), number, outcome, &self.now));
    }

    fn exchange(&mut self, key: u8) -> u64 {
        match self.ask(key) {
            ExchangeStep::Exchange(number, _) => number,
            other => panic!("no exchange: {other:?}"),
        }
    }

    fn good(&mut self, key: u8, value: u32) {
        let number = self.exchange(key);
        self.end(key, number, session(key, value));
    }
}

fn digest(key: u8) -> Digest {
    Digest::from([key; 32])
}

fn session(key: u8, value: u32) -> ExchangeOutcome<u32> {
    ExchangeOutcome::Session {
        value,
        user: UserId::new(format!("K{key}")).unwrap(),
        life: Duration::from_secs(LIFE),
    }
}

fn served(step: &TestStep) -> Option<(u32, Option<u64>)> {
    match step {
        ExchangeStep::Serve {
            session, exchange, ..
        } => Some((*session, *exchange)),
        _ => None,
    }
}

fn unavailable(step: &TestStep) -> Option<(&'static str, Duration)> {
    match step {
        ExchangeStep::Unavailable {
            reason,
            retry_after,
        } => Some((reason, *retry_after)),
        _ => None,
    }
}

#[test]
fn a_key_is_exchanged_once_then_served_then_renewed_on_the_side() {
    let mut world = World::new();
    let number = world.exchange(1);
    assert_eq!(world.ask(1), ExchangeStep::Join(0));
    world.end(1, number, session(1, 7));
    assert_eq!(served(&world.ask(1)), Some((7, None)));
    world.pass((LIFE - 31) * 1_000);
    assert_eq!(served(&world.ask(1)), Some((7, None)));
    world.pass(1_000);
    let Some((7, Some(renewal))) = served(&world.ask(1)) else {
        panic!("no renewal");
    };
    assert_eq!(served(&world.ask(1)), Some((7, None)), "one at a time");
    world.end(1, renewal, session(1, 8));
    assert_eq!(served(&world.ask(1)), Some((8, None)));
}

#[test]
fn a_session_that_nobody_renewed_ends_and_the_key_is_still_known() {
    let mut world = World::new();
    world.good(1, 7);
    world.pass(LIFE * 1_000);
    for key in 10..13 {
        world.exchange(key);
    }
    assert_eq!(
        unavailable(&world.ask(13)).map(|(why, _)| why),
        Some("budget_spent")
    );
    world.exchange(1);
}

#[test]
fn a_failed_renewal_leaves_the_session_until_its_end_and_pauses_longer_each_time() {
    let mut world = World::new();
    world.good(1, 7);
    world.pass((LIFE - 20) * 1_000);
    for pause in [1_000, 2_000, 4_000] {
        let Some((7, Some(number))) = served(&world.ask(1)) else {
            panic!("no renewal");
        };
        world.end(1, number, ExchangeOutcome::Failed);
        assert_eq!(served(&world.ask(1)), Some((7, None)));
        world.pass(pause - 1);
        assert_eq!(served(&world.ask(1)), Some((7, None)));
        world.pass(1);
    }
    world.pass(13_000);
    let number = world.exchange(1);
    world.end(1, number, ExchangeOutcome::Failed);
    assert_eq!(
        unavailable(&world.ask(1)),
        Some(("exchange_failed", Duration::from_secs(8)))
    );
}

#[test]
fn a_refusal_ends_a_session_at_once_and_is_kept_for_its_time() {
    let mut world = World::new();
    world.good(1, 7);
    world.pass((LIFE - 10) * 1_000);
    let Some((7, Some(number))) = served(&world.ask(1)) else {
        panic!("no renewal");
    };
    world.end(1, number, ExchangeOutcome::Refused);
    assert_eq!(world.ask(1), ExchangeStep::Refuse);
    world.pass(29_999);
    assert_eq!(world.ask(1), ExchangeStep::Refuse);
    world.pass(1);
    world.exchange(1);
}

#[test]
fn a_session_of_another_user_is_a_failure_and_the_key_s_own_stays() {
    let mut world = World::new();
    world.good(1, 7);
    world.pass((LIFE - 20) * 1_000);
    let Some((7, Some(number))) = served(&world.ask(1)) else {
        panic!("no renewal");
    };
    let foreign = session(2, 8);
    let table = &mut world.table;
    assert!(!table.finish(digest(1), number, foreign.clone(), &world.now));
    assert_eq!(served(&world.ask(1)), Some((7, None)));
    // Neither is it when its own has expired, nor after a refusal, nor from a lost exchange.
    world.pass(20_000);
    let number = world.exchange(1);
    let table = &mut world.table;
    assert!(!table.finish(digest(1), number, foreign.clone(), &world.now));
    assert!(unavailable(&world.ask(1)).is_some());
    world.pass(2_000);
    let number = world.exchange(1);
    world.end(1, number, ExchangeOutcome::Refused);
    assert!(!world.table.finish(digest(1), number, foreign, &world.now));
    world.pass(30_000);
    let number = world.exchange(1);
    world.end(1, number, session(1, 9));
    assert_eq!(served(&world.ask(1)), Some((9, None)));
}

#[test]
fn a_lost_exchange_is_replaced_and_its_late_result_changes_nothing() {
    let mut world = World::new();
    let lost = world.exchange(1);
    world.pass(14_000);
    let number = world.exchange(1);
    world.end(1, lost, ExchangeOutcome::Refused);
    assert_eq!(world.ask(1), ExchangeStep::Join(0));
    world.end(1, number, session(1, 7));
    assert_eq!(served(&world.ask(1)), Some((7, None)));
}

#[test]
fn an_invalidated_session_is_not_served_again_but_its_successor_is() {
    let mut world = World::new();
    let number = world.exchange(1);
    world.end(1, number, session(1, 7));
    world.table.invalidate(digest(1), number);
    let next = world.exchange(1);
    world.end(1, next, session(1, 8));
    world.table.invalidate(digest(1), number);
    assert_eq!(served(&world.ask(1)), Some((8, None)));
}

#[test]
fn the_least_used_key_makes_room_and_unknown_keys_never_evict_a_known_one() {
    let mut world = World::new();
    for key in 1..=4 {
        world.good(key, u32::from(key));
        world.pass(1_000);
    }
    assert_eq!(served(&world.ask(1)), Some((1, None)));
    for key in 50..70 {
        let number = world.exchange(key);
        world.end(key, number, ExchangeOutcome::Refused);
        world.pass(1_000);
    }
    assert_eq!(world.table.sizes(), (4, 4));
    world.good(5, 5);
    assert_eq!(world.table.sizes().0, 4);
    assert_eq!(served(&world.ask(1)), Some((1, None)));
    assert!(served(&world.ask(2)).is_none(), "the least used one");
}

#[test]
fn without_a_runtime_nothing_is_started() {
    let mut world = World::new();
    let step = world.table.present(digest(1), || false, || 0, &world.now);
    assert_eq!(unavailable(&step), Some(("no_runtime", Duration::ZERO)));
    assert_eq!(world.table.sizes(), (0, 0));
}
