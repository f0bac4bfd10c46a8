//! The state machine of keys, by rules and by random sequences.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU32,
    time::Duration,
};

use proptest::prelude::*;

use super::{
    key::ExchangeOutcome,
    settings::ExchangePolicy,
    table::{ExchangeStep, ExchangeTable},
};
use crate::{clock::Now, digest::Digest};

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
            table: ExchangeTable::new(policy()),
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
        self.table.present(digest(key), true, || 0, &self.now)
    }

    fn end(&mut self, key: u8, number: u64, outcome: ExchangeOutcome<u32>) {
        self.table.finish(digest(key), number, outcome, &self.now);
    }

    fn exchange(&mut self, key: u8) -> u64 {
        match self.ask(key) {
            ExchangeStep::Exchange(number, _) => number,
            other => panic!("no exchange: {other:?}"),
        }
    }

    fn good(&mut self, key: u8, value: u32) {
        let number = self.exchange(key);
        self.end(key, number, session(value));
    }
}

fn digest(key: u8) -> Digest {
    Digest::from([key; 32])
}

fn session(value: u32) -> ExchangeOutcome<u32> {
    ExchangeOutcome::Session(value, Duration::from_secs(LIFE))
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
    world.end(1, number, session(7));
    assert_eq!(served(&world.ask(1)), Some((7, None)));
    world.pass((LIFE - 31) * 1_000);
    assert_eq!(served(&world.ask(1)), Some((7, None)));
    world.pass(1_000);
    let Some((7, Some(renewal))) = served(&world.ask(1)) else {
        panic!("no renewal");
    };
    assert_eq!(served(&world.ask(1)), Some((7, None)), "one at a time");
    world.end(1, renewal, session(8));
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
fn a_rate_limit_stops_all_exchanges_but_no_session() {
    let mut world = World::new();
    world.good(1, 7);
    world.pass((LIFE - 10) * 1_000);
    let number = world.exchange(2);
    world.end(
        2,
        number,
        ExchangeOutcome::RateLimited(Duration::from_secs(5)),
    );
    assert_eq!(served(&world.ask(1)), Some((7, None)));
    for key in [2, 3] {
        assert_eq!(
            unavailable(&world.ask(key)),
            Some(("rate_limited", Duration::from_secs(5)))
        );
    }
    world.pass(5_000);
    assert!(matches!(served(&world.ask(1)), Some((7, Some(_)))));
    world.exchange(2);
}

#[test]
fn a_lost_exchange_is_replaced_and_its_late_result_changes_nothing() {
    let mut world = World::new();
    let lost = world.exchange(1);
    world.pass(14_000);
    let number = world.exchange(1);
    world.end(1, lost, ExchangeOutcome::Refused);
    assert_eq!(world.ask(1), ExchangeStep::Join(0));
    world.end(1, number, session(7));
    assert_eq!(served(&world.ask(1)), Some((7, None)));
}

#[test]
fn an_invalidated_session_is_not_served_again_but_its_successor_is() {
    let mut world = World::new();
    let number = world.exchange(1);
    world.end(1, number, session(7));
    world.table.invalidate(digest(1), number);
    let next = world.exchange(1);
    world.end(1, next, session(8));
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
    let step = world.table.present(digest(1), false, || 0, &world.now);
    assert_eq!(unavailable(&step), Some(("no_runtime", Duration::ZERO)));
    assert_eq!(world.table.sizes(), (0, 0));
}

#[derive(Clone, Debug)]
enum Act {
    Ask(u8),
    /// Ends the exchange of this number, counted from the latest, again and again perhaps.
    End(usize, u8),
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..12_u8).prop_map(Act::Ask),
        3 => (0..6_usize, 0..5_u8).prop_map(|(back, how)| Act::End(back, how)),
        1 => (0..3_000_u64).prop_map(Act::Pass),
        1 => (0..400_000_u64).prop_map(Act::Pass),
    ];
    proptest::collection::vec(act, 1..200)
}

/// An independent record of what happened, and the rules that every step has to keep.
#[derive(Default)]
struct Seen {
    /// By number: the key, when it was started, and whether it was ended.
    exchanges: BTreeMap<u64, (u8, Now, bool)>,
    sessions: HashMap<u32, (u8, Now)>,
    /// The newest session and refusal of each key, by what ended its newest exchange.
    refused: HashMap<u8, Now>,
    was_good: HashMap<u8, bool>,
    rate_limited: Option<(Now, Duration)>,
    unknown: u32,
}

proptest! {
    #[test]
    fn whatever_happens_the_rules_hold(acts in acts()) {
        let mut world = World::new();
        let mut seen = Seen::default();
        for act in acts {
            match act {
                Act::Pass(millis) => world.pass(millis),
                Act::Ask(key) => {
                    let step = world.ask(key);
                    seen.check(key, &step, &world);
                }
                Act::End(back, how) => {
                    let number = seen.exchanges.keys().rev().nth(back).copied();
                    if let Some(number) = number {
                        seen.end(number, how, &mut world);
                    }
                }
            }
            let (known, unknown) = world.table.sizes();
            prop_assert!(known <= 4 && unknown <= 4, "{known} {unknown}");
        }
    }
}

impl Seen {
    fn check(&mut self, key: u8, step: &TestStep, world: &World) {
        let now = world.now;
        let number = match step {
            ExchangeStep::Serve {
                session, exchange, ..
            } => {
                let (owner, since) = self.sessions[session];
                assert_eq!(owner, key, "a session of its own key");
                assert!(now.since(&since) < Duration::from_secs(LIFE), "not expired");
                let refused = self.refused.get(&key);
                let after = |refused: &Now| since.mono > refused.mono;
                assert!(refused.is_none_or(after), "not revoked");
                *exchange
            }
            ExchangeStep::Exchange(number, _) => Some(*number),
            ExchangeStep::Join(_) => {
                assert!(self.is_running(key, &now), "something to wait for");
                None
            }
            ExchangeStep::Refuse => {
                let since = self.refused.get(&key).expect("it was refused");
                assert!(
                    now.since(since) < Duration::from_secs(30),
                    "only for a while"
                );
                None
            }
            ExchangeStep::Unavailable { .. } => None,
        };
        if let Some(number) = number {
            assert!(!self.is_running(key, &now), "one exchange per key");
            let held_back = |(since, after): (Now, Duration)| now.since(&since) < after;
            assert!(!self.rate_limited.is_some_and(held_back), "a 429 stops all");
            if !self.was_good.contains_key(&key) {
                self.unknown += 1;
                let passed = now.since(&world.start).as_millis() / 200;
                assert!(u128::from(self.unknown) <= 3 + passed, "the budget holds");
            }
            self.exchanges.insert(number, (key, now, false));
        }
    }

    fn is_running(&self, key: u8, now: &Now) -> bool {
        self.exchanges.values().any(|(owner, since, ended)| {
            *owner == key && !ended && now.since(since) < Duration::from_secs(14)
        })
    }

    fn end(&mut self, number: u64, how: u8, world: &mut World) {
        let now = world.now;
        let (key, _, ended) = self.exchanges[&number];
        let latest =
            |(other, (owner, ..)): (&u64, &(u8, Now, bool))| (*owner == key).then_some(*other);
        let newest = self.exchanges.iter().filter_map(latest).next_back();
        let counts = !ended && newest == Some(number);
        let value = u32::try_from(number).unwrap();
        let outcome = match how {
            0 | 1 => session(value),
            2 => ExchangeOutcome::Refused,
            3 => ExchangeOutcome::Failed,
            _ => ExchangeOutcome::RateLimited(Duration::from_secs(2)),
        };
        if let ExchangeOutcome::RateLimited(after) = outcome {
            let left = |(since, after): (Now, Duration)| after.saturating_sub(now.since(&since));
            if after > self.rate_limited.map(left).unwrap_or_default() {
                self.rate_limited = Some((now, after));
            }
        }
        if counts {
            match outcome {
                ExchangeOutcome::Session(..) => {
                    self.sessions.insert(value, (key, now));
                    self.refused.remove(&key);
                    self.was_good.insert(key, true);
                }
                ExchangeOutcome::Refused => {
                    self.refused.insert(key, now);
                    self.was_good.remove(&key);
                }
                ExchangeOutcome::Failed | ExchangeOutcome::RateLimited(_) => {}
            }
        }
        self.exchanges.entry(number).and_modify(|it| it.2 = true);
        world.end(key, number, outcome);
    }
}
