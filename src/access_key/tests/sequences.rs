//! Random sequences, against an independent record of what happened.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;

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
        3 => (0..6_usize, 0..6_u8).prop_map(|(back, how)| Act::End(back, how)),
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
    limit: Option<Limit>,
    unknown: u32,
}

/// A 429 that is in force.
struct Limit {
    since: Now,
    lasts: Duration,
    /// The newest exchange when it began, and at the last 429.
    first: u64,
    last: u64,
    /// When it began, or a stranger went up since.
    probe: Now,
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
            self.check_limit(key, &now);
            if !self.was_good.contains_key(&key) {
                self.unknown += 1;
                let passed = now.since(&world.start).as_millis() / 200;
                assert!(u128::from(self.unknown) <= 3 + passed, "the budget holds");
            }
            self.exchanges.insert(number, (key, now, false));
        }
    }

    /// While a 429 is in force, keys that were never good go up once a minute, and of the others
    /// one at a time. (One that was good and evicted since may be the one of the minute.)
    fn check_limit(&mut self, key: u8, now: &Now) {
        let was_good = self.was_good.contains_key(&key);
        let Some(limit) = self.limit.as_mut() else {
            return;
        };
        if now.since(&limit.since) >= limit.lasts {
            return;
        }
        let is_probe = now.since(&limit.probe) >= Duration::from_secs(60);
        let is_machine = |owner: &u8| self.was_good.contains_key(owner);
        let running = |(number, (owner, since, ended)): (&u64, &(u8, Now, bool))| {
            let is_lost = now.since(since) >= Duration::from_secs(14);
            *number > limit.first && is_machine(owner) && !ended && !is_lost
        };
        let is_alone = !self.exchanges.iter().any(running);
        assert!(is_probe || (was_good && is_alone), "a 429 is in force");
        if !was_good {
            limit.probe = *now;
        }
    }

    fn note_limit(&mut self, number: u64, newest: u64, outcome: &ExchangeOutcome<u32>, now: &Now) {
        let in_force = |limit: &Limit| now.since(&limit.since) < limit.lasts;
        match outcome {
            ExchangeOutcome::RateLimited(lasts) => match self.limit.take_if(|it| in_force(it)) {
                Some(limit) => {
                    let left = limit.lasts.saturating_sub(now.since(&limit.since));
                    let lasts = left.max(*lasts);
                    self.limit = Some(Limit {
                        since: *now,
                        lasts,
                        last: newest,
                        ..limit
                    });
                }
                None => {
                    self.limit = Some(Limit {
                        since: *now,
                        lasts: *lasts,
                        first: newest,
                        last: newest,
                        probe: *now,
                    });
                }
            },
            ExchangeOutcome::Session { .. } => {
                self.limit.take_if(|limit| number > limit.last);
            }
            ExchangeOutcome::Refused | ExchangeOutcome::Failed => {}
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
        let newest_of_key = self.exchanges.iter().filter_map(latest).next_back();
        let counts = !ended && newest_of_key == Some(number);
        let value = u32::try_from(number).unwrap();
        let outcome = match how {
            0 | 1 => session(key, value),
            2 => ExchangeOutcome::Refused,
            3 => ExchangeOutcome::Failed,
            4 => ExchangeOutcome::RateLimited(Duration::from_secs(2)),
            _ => ExchangeOutcome::RateLimited(Duration::from_secs(200)),
        };
        let newest = self.exchanges.keys().next_back().copied();
        self.note_limit(number, newest.unwrap_or_default(), &outcome, &now);
        if counts {
            match outcome {
                ExchangeOutcome::Session { .. } => {
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
