//! For any sequence of events: as the policy says it, told by a model that keeps all of the past
//! and looks it through again for each answer.

use proptest::{prelude::*, sample::select};

use super::*;

/// An event that may happen.
#[derive(Clone, Debug)]
enum Event {
    /// Time goes by, in tenths of a second.
    Pass(u32),
    /// The machine sleeps: the wall clock goes on, the monotonic one stands.
    Suspend(u32),
    /// The wall clock is set back.
    SetBack(u32),
    /// A request names a key.
    Known,
    Unknown,
    /// A request outside of any runtime.
    NoRuntime {
        known: bool,
    },
    WarmUp,
    TimerDecision,
    /// The running fetch ends.
    Finish {
        good: bool,
        jitter: u32,
        /// True if the set that it brings lacks the key that requests name.
        removed: bool,
        /// True if a failure is a set without any usable key.
        empty: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => select(vec![1_u32, 5, 49, 50, 99, 100, 101, 600, 1_200]).prop_map(Event::Pass),
        2 => select(vec![4_320_u32, 4_800, 6_000, 6_100, 36_000, 42_000]).prop_map(Event::Pass),
        1 => select(vec![10_u32, 3_000, 60_000]).prop_map(Event::Suspend),
        1 => select(vec![10_u32, 864_000]).prop_map(Event::SetBack),
        4 => Just(Event::Known),
        4 => Just(Event::Unknown),
        1 => any::<bool>().prop_map(|known| Event::NoRuntime { known }),
        1 => Just(Event::WarmUp),
        4 => Just(Event::TimerDecision),
        6 => (any::<bool>(), 0..=MAX_JITTER, any::<bool>(), any::<bool>())
            .prop_map(|(good, jitter, removed, empty)| {
                Event::Finish { good, jitter, removed, empty: empty && !good }
            }),
    ]
}

/// All that has been, and nothing worked out of it.
#[derive(Default)]
struct Past {
    /// Each fetch: when it started, whether on demand, and how it ended.
    fetches: Vec<Fetch>,
    /// How much time went by in all, whichever clock showed it.
    elapsed: Duration,
}

struct Fetch {
    started: Now,
    started_at: Duration,
    on_demand: bool,
    ended: Option<(Now, bool)>,
    removed: bool,
    empty: bool,
}

impl Past {
    fn running(&self) -> Option<&Fetch> {
        self.fetches.last().filter(|fetch| fetch.ended.is_none())
    }

    /// The fetch whose keys are cached.
    fn loaded(&self, policy: &KeyPolicy) -> Option<&Fetch> {
        let good = |fetch: &Fetch| matches!(fetch.ended, Some((_, true)));
        let at = self.fetches.iter().rposition(good)?;
        let loaded = &self.fetches[at];
        // Gone by the second empty set, or a later one, that was fetched past the time to live.
        let empty = self.fetches[at..].iter().filter(|fetch| fetch.empty);
        let ends = |fetch: &Fetch| fetch.started.since(&loaded.started) >= policy.ttl;
        let gone = empty.skip(1).any(ends);
        (!gone).then_some(loaded)
    }

    fn has_key(&self, policy: &KeyPolicy) -> bool {
        self.loaded(policy).is_some_and(|fetch| !fetch.removed)
    }

    fn last_ended(&self) -> Option<(Now, bool)> {
        self.fetches.iter().rev().find_map(|fetch| fetch.ended)
    }

    fn start(&mut self, on_demand: bool, now: Now) {
        self.fetches.push(Fetch {
            started: now,
            started_at: self.elapsed,
            on_demand,
            ended: None,
            removed: false,
            empty: false,
        });
    }

    /// Token bucket, counted over all of the past: in no stretch that ends now did demand start
    /// more than two fetches and one more per cool-down.
    fn within_budget(&self, policy: &KeyPolicy) -> bool {
        let demanded: Vec<&Fetch> = self.fetches.iter().filter(|it| it.on_demand).collect();
        demanded.iter().enumerate().all(|(at, first)| {
            let since = demanded.len() - at;
            let stretch = self.elapsed.saturating_sub(first.started_at).as_secs_f64();
            let allowance = 2.0 + stretch / policy.cool_down.as_secs_f64();
            f64::from(u32::try_from(since).unwrap()) <= allowance + 1e-6
        })
    }
}

fn policies() -> impl Strategy<Value = KeyPolicy> {
    let seconds = |list: Vec<u64>| select(list).prop_map(Duration::from_secs);
    (
        seconds(vec![600, 10, 86_400]),
        seconds(vec![10, 1, 300]),
        seconds(vec![3_600, 0]),
    )
        .prop_map(|(ttl, cool_down, stale)| KeyPolicy {
            ttl,
            cool_down,
            stale,
            ..POLICY
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fetches_keep_to_their_budget_and_no_key_outlives_its_bound(
        policy in policies(),
        events in proptest::collection::vec(event(), 1..200),
    ) {
        let mut world = World::new(policy);
        let mut past = Past::default();
        for event in &events {
            let tenths = |tenths: u32| Duration::from_millis(u64::from(tenths) * 100);
            let now = world.now;
            let due = world.machine.is_due(&now);
            let known = past.has_key(&policy);
            let age = past.loaded(&policy).map(|fetch| now.since(&fetch.started));
            let running = past.running().is_some();
            let step = match *event {
                Event::Pass(by) => {
                    world.pass(tenths(by).as_secs_f64());
                    past.elapsed += tenths(by);
                    continue;
                }
                Event::Suspend(by) => {
                    world.now.wall += tenths(by);
                    past.elapsed += tenths(by);
                    continue;
                }
                Event::SetBack(by) => {
                    world.now.wall -= tenths(by);
                    continue;
                }
                Event::Finish { .. } if !running => continue,
                Event::Finish { good, jitter, removed, empty } => {
                    let had = past.loaded(&policy).is_some();
                    let withdrawn = if empty {
                        world.machine.finish_empty(jitter, &now)
                    } else {
                        world.machine.finish(good, jitter, &now);
                        false
                    };
                    let fetch = past.fetches.last_mut().unwrap();
                    fetch.ended = Some((now, good));
                    fetch.removed = removed;
                    fetch.empty = empty;
                    prop_assert_eq!(withdrawn, empty && had && past.loaded(&policy).is_none());
                    continue;
                }
                Event::TimerDecision => {
                    match world.tick() {
                        TimerDecision::Fetch => {
                            prop_assert!(!running && due);
                            past.start(false, now);
                        }
                        TimerDecision::Idle => prop_assert!(running || past.last_ended().is_none()),
                        TimerDecision::Sleep(rest) => prop_assert!(!running && !due && !rest.is_zero()),
                    }
                    continue;
                }
                Event::Known => world.machine.look_up(known, || true, &now),
                Event::Unknown => {
                    let lacks = world.machine.knows_to_lack(&now);
                    let step = world.machine.look_up(false, || true, &now);
                    prop_assert_eq!(lacks, step == FetchDecision::Unknown);
                    step
                }
                Event::NoRuntime { known: named } => {
                    world.machine.look_up(known && named, || false, &now)
                }
                Event::WarmUp => world.machine.warm_up(|| true, &now),
            };
            let asked = match event {
                Event::Unknown => false,
                Event::NoRuntime { known: named } => known && *named,
                Event::WarmUp => age.is_some(),
                _ => known,
            };
            match step {
                FetchDecision::Serve | FetchDecision::ServeAndFetch => {
                    // The bound: fresh for the TTL and one cool-down, stale no longer than that.
                    let bound = policy.ttl + policy.stale.max(policy.cool_down);
                    prop_assert!(asked && age.is_some_and(|age| age < bound), "{step:?} {age:?}");
                }
                FetchDecision::Join { or_stale } => prop_assert!(running && (!or_stale || asked)),
                FetchDecision::Fetch { or_stale } => prop_assert!(!running && (!or_stale || asked)),
                FetchDecision::Unknown => {
                    // Only on the word of a fetch that ended well and is younger than the
                    // cool-down; an empty bucket alone does not say that there is no such key.
                    let (ended, good) = past.last_ended().unwrap();
                    prop_assert!(!asked && good && now.since(&ended) < policy.cool_down);
                }
                FetchDecision::Unavailable { retry_after } => {
                    prop_assert!(!running && retry_after <= policy.cool_down);
                    let usable = age.is_some_and(|age| age < policy.ttl + policy.stale);
                    prop_assert!(!(asked && usable));
                }
                FetchDecision::NoRuntime => {
                    let outside = matches!(event, Event::NoRuntime { .. });
                    prop_assert!(outside && !running);
                }
            }
            // Past TTL and cool-down a key serves only if a fetch has failed since, or none may be
            // started: with the server up, a removed key is gone by then.
            let late = age.is_some_and(|age| age >= policy.ttl + policy.cool_down);
            if late && step == FetchDecision::Serve && !matches!(event, Event::NoRuntime { .. }) {
                // By their order: clocks that were set back do not tell it.
                let tried = past.last_ended().is_some_and(|(_, good)| !good);
                prop_assert!(tried, "late, and nobody tried");
            }
            if matches!(step, FetchDecision::Fetch { .. } | FetchDecision::ServeAndFetch) {
                past.start(!due, now);
                prop_assert!(past.within_budget(&policy), "over the budget");
            }
        }
    }
}
