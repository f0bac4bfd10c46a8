//! Claims that hold for every order of events.

use super::*;

/// Numbers that are the same on each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 >> 33).unwrap() % sides
    }
}

#[test]
fn whatever_happens_fetches_are_few_and_old_keys_are_not_used() {
    for seed in 1..=300 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let mut world = World::new(POLICY);
        let begin = world.now;
        let (mut demanded, mut scheduled, mut fetched_at) = (0, 0, None);
        let (down, long) = (dice.roll(4), dice.roll(3) == 0);
        for _ in 0..2_000 {
            world.pass(f64::from(dice.roll(1_000)) / if long { 1.0 } else { 100.0 });
            let was_running = world.machine.is_running();
            let was_due = world.machine.is_due(&world.now);
            let age = world.machine.key_age(&world.now);
            let started = match dice.roll(8) {
                0 if was_running => {
                    let good = dice.roll(4) >= down;
                    if good {
                        fetched_at = Some(world.now);
                    }
                    world.machine.finish(good, dice.roll(1_001), &world.now);
                    false
                }
                1 => world.tick() == TimerDecision::Fetch,
                cached => {
                    let known = cached % 2 == 0 && fetched_at.is_some();
                    let step = world.machine.look_up(known, || true, &world.now);
                    if matches!(step, FetchDecision::Serve | FetchDecision::ServeAndFetch) {
                        let age = age.expect("keys");
                        assert!(known && age < POLICY.ttl + POLICY.stale);
                    }
                    if step == FetchDecision::Unknown {
                        let (ended, good) = world.machine.last.expect("a fetch");
                        assert!(!known && good);
                        assert!(world.now.since(&ended) < POLICY.cool_down);
                    }
                    if let FetchDecision::Join { .. } = step {
                        assert!(was_running);
                    }
                    matches!(
                        step,
                        FetchDecision::ServeAndFetch | FetchDecision::Fetch { .. }
                    )
                }
            };
            assert_eq!(world.machine.is_running() && !was_running, started);
            demanded += u32::from(started && !was_due);
            scheduled += u32::from(started && was_due);
        }
        let seconds = world.now.since(&begin).as_secs_f64();
        assert!(
            f64::from(demanded) <= seconds / 10.0 + 2.0,
            "{demanded} in {seconds}"
        );
        assert!(
            f64::from(scheduled) <= seconds / 9.0 + 1.0,
            "{scheduled} in {seconds}"
        );
    }
}

#[test]
fn a_flood_costs_no_more_than_its_allowance() {
    // Ten look-ups of unknown keys a second for a quarter of an hour, each fetch taking 50 ms.
    let mut world = World::loaded();
    let (mut demanded, mut scheduled) = (0, 0);
    for _ in 0..9_000 {
        world.pass(0.1);
        if world.tick() == TimerDecision::Fetch {
            scheduled += 1;
            world.finish(true);
        }
        match world.unknown() {
            FetchDecision::Fetch { .. } => {
                demanded += 1;
                world.pass(0.05);
                world.finish(true);
            }
            step => assert_eq!(step, FetchDecision::Unknown),
        }
        assert_eq!(world.known(), FetchDecision::Serve);
    }
    assert!((90..=93).contains(&demanded), "{demanded}");
    assert_eq!(scheduled, 0, "the demand keeps the keys fresh");
}

#[test]
fn nobody_is_sent_away_for_longer_than_until_the_next_fetch_may_start() {
    let mut world = World::loaded();
    let retry_after = |world: &mut World| world.machine.retry_after(&world.now).as_secs();
    assert_eq!(retry_after(&mut world), 0);
    assert_eq!(world.unknown(), WAIT);
    world.finish(false);
    assert_eq!(retry_after(&mut world), 0, "there is a second one");
    assert_eq!(world.unknown(), WAIT);
    world.finish(false);
    assert_eq!(retry_after(&mut world), 10);
    world.pass(7.0);
    assert_eq!(retry_after(&mut world), 3);
    world.pass(3.0);
    assert_eq!(retry_after(&mut world), 0);
}
