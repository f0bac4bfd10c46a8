use super::*;

mod floods;
mod model;
mod outages;

const POLICY: KeyPolicy = KeyPolicy {
    ttl: Duration::from_secs(600),
    cool_down: Duration::from_secs(10),
    cool_down_max: Duration::from_secs(60),
    stale: Duration::from_secs(3_600),
    deadline: Duration::from_secs(3),
    max_keys: 100,
    waiting: 64,
};

/// A machine and its clock.
struct World {
    machine: Refresh,
    now: Now,
}

impl World {
    fn new(policy: KeyPolicy) -> Self {
        Self {
            machine: Refresh::new(policy),
            now: Now {
                wall: Duration::from_secs(1_795_000_000),
                mono: Duration::ZERO,
            },
        }
    }

    /// With keys just fetched, on the schedule and not on demand.
    fn loaded() -> Self {
        let mut world = Self::new(POLICY);
        world.machine.start(&world.now);
        world.finish(true);
        world
    }

    fn pass(&mut self, seconds: f64) {
        let passed = Duration::from_secs_f64(seconds);
        self.now.wall += passed;
        self.now.mono += passed;
    }

    fn known(&mut self) -> FetchDecision {
        self.machine.look_up(true, || true, &self.now)
    }

    fn unknown(&mut self) -> FetchDecision {
        self.machine.look_up(false, || true, &self.now)
    }

    fn tick(&mut self) -> TimerDecision {
        self.machine.tick(&self.now)
    }

    fn finish(&mut self, good: bool) {
        self.machine.finish(good, 0, &self.now);
    }

    /// A scheduled fetch that fails at once.
    fn scheduled_failure(&mut self) {
        assert_eq!(self.tick(), TimerDecision::Fetch);
        self.finish(false);
    }
}

fn unavailable(seconds: u64) -> FetchDecision {
    FetchDecision::Unavailable {
        retry_after: Duration::from_secs(seconds),
    }
}

const WAIT: FetchDecision = FetchDecision::Fetch { or_stale: false };
const JOIN: FetchDecision = FetchDecision::Join { or_stale: false };
const WAIT_OR_STALE: FetchDecision = FetchDecision::Fetch { or_stale: true };
const JOIN_OR_STALE: FetchDecision = FetchDecision::Join { or_stale: true };

#[test]
fn the_first_look_up_fetches_and_the_others_join() {
    let mut world = World::new(POLICY);
    assert_eq!(world.unknown(), WAIT);
    assert!(world.machine.is_running());
    for _ in 0..100 {
        assert_eq!(world.unknown(), JOIN);
    }
    world.finish(true);
    assert_eq!(world.known(), FetchDecision::Serve);
}

#[test]
fn an_unknown_key_is_fetched_twice_at_once_then_once_per_cool_down() {
    let mut world = World::loaded();
    for _ in 0..2 {
        assert_eq!(world.unknown(), WAIT);
        world.finish(true);
        world.pass(1.0);
    }
    assert_eq!(world.unknown(), FetchDecision::Unknown);
    world.pass(7.9);
    assert_eq!(world.unknown(), FetchDecision::Unknown);
    world.pass(0.1);
    assert_eq!(world.unknown(), WAIT);
    world.finish(true);
    assert_eq!(world.unknown(), FetchDecision::Unknown);
    world.pass(1_000.0);
    world.machine.start(&world.now);
    world.finish(true);
    for _ in 0..2 {
        assert_eq!(world.unknown(), WAIT);
        world.finish(true);
    }
    assert_eq!(
        world.unknown(),
        FetchDecision::Unknown,
        "no more than the burst is saved up"
    );
}

#[test]
fn an_unknown_key_is_unavailable_if_the_last_fetch_failed() {
    let mut world = World::loaded();
    assert_eq!(world.unknown(), WAIT);
    world.finish(true);
    assert_eq!(world.unknown(), WAIT);
    world.finish(false);
    world.pass(4.0);
    assert_eq!(world.unknown(), unavailable(6));
    assert_eq!(
        world.known(),
        FetchDecision::Serve,
        "that is nothing to a known key"
    );
}

#[test]
fn without_any_keys_there_is_no_verdict() {
    let mut world = World::new(POLICY);
    for _ in 0..2 {
        assert_eq!(world.unknown(), WAIT);
        world.finish(false);
    }
    assert_eq!(world.unknown(), unavailable(10));
    // The schedule's back-off is over a little earlier than the bucket's; either starts it.
    world.pass(10.0);
    assert_eq!(world.unknown(), WAIT);
}

#[test]
fn the_schedule_refreshes_at_four_fifths_of_the_ttl_less_jitter() {
    for (jitter, at) in [(0, 480), (500, 456), (1_000, 432), (9_999, 432)] {
        let mut world = World::new(POLICY);
        assert_eq!(world.unknown(), WAIT);
        world.machine.finish(true, jitter, &world.now);
        assert_eq!(world.tick(), TimerDecision::Sleep(Duration::from_secs(at)));
    }
}

#[test]
fn keys_are_as_old_as_the_start_of_their_fetch() {
    let mut world = World::new(POLICY);
    assert_eq!(world.unknown(), WAIT);
    world.pass(2.0);
    world.finish(true);
    assert_eq!(
        world.machine.key_age(&world.now),
        Some(Duration::from_secs(2))
    );
    assert_eq!(world.tick(), TimerDecision::Sleep(Duration::from_secs(478)));
}

#[test]
fn failures_back_off_up_to_a_limit_with_jitter_both_ways() {
    let mut world = World::loaded();
    world.pass(480.0);
    assert_eq!(world.tick(), TimerDecision::Fetch);
    assert_eq!(world.tick(), TimerDecision::Idle, "one at a time");
    for (jitter, wait) in [
        (500, 10),
        (500, 20),
        (500, 40),
        (500, 60),
        (0, 54),
        (1_000, 66),
    ] {
        world.machine.finish(false, jitter, &world.now);
        assert_eq!(
            world.tick(),
            TimerDecision::Sleep(Duration::from_secs(wait))
        );
        world.pass(f64::from(u32::try_from(wait).unwrap()));
        assert_eq!(world.tick(), TimerDecision::Fetch);
    }
    world.finish(true);
    world.pass(480.0);
    assert_eq!(world.tick(), TimerDecision::Fetch);
    world.machine.finish(false, 500, &world.now);
    let first = TimerDecision::Sleep(Duration::from_secs(10));
    assert_eq!(world.tick(), first, "a success starts over");
}

#[test]
fn the_schedule_does_not_draw_on_the_bucket_nor_wait_for_it() {
    let mut world = World::loaded();
    for _ in 0..2 {
        assert_eq!(world.unknown(), WAIT);
        world.finish(true);
    }
    world.pass(480.0);
    // A flood keeps the bucket empty; the schedule fetches all the same.
    for _ in 0..2 {
        assert!(world.machine.bucket.try_take(&world.now));
    }
    assert_eq!(world.tick(), TimerDecision::Fetch);
    world.finish(true);
    world.pass(480.0);
    assert_eq!(world.tick(), TimerDecision::Fetch);
    world.finish(true);
    for _ in 0..2 {
        assert_eq!(world.unknown(), WAIT, "both tokens are there");
        world.finish(true);
    }
}

#[test]
fn aging_keys_serve_at_once_and_make_up_for_a_missed_timer() {
    let mut world = World::loaded();
    world.pass(479.0);
    assert_eq!(world.known(), FetchDecision::Serve);
    world.pass(1.0);
    assert_eq!(world.known(), FetchDecision::ServeAndFetch);
    assert_eq!(world.known(), FetchDecision::Serve);
    world.finish(false);
    world.pass(5.0);
    assert_eq!(world.known(), FetchDecision::Serve, "backing off");
    world.pass(5.0);
    assert_eq!(world.known(), FetchDecision::ServeAndFetch);
}

#[test]
fn late_keys_serve_only_after_a_try() {
    let mut world = World::loaded();
    world.pass(609.9);
    assert_eq!(world.known(), FetchDecision::ServeAndFetch);
    world.pass(0.1);
    assert_eq!(world.known(), JOIN_OR_STALE);
    world.finish(true);
    assert_eq!(world.known(), FetchDecision::Serve);

    let mut world = World::loaded();
    world.pass(2_000.0);
    assert_eq!(world.known(), WAIT_OR_STALE);
    assert_eq!(world.known(), JOIN_OR_STALE);
    world.finish(false);
    assert_eq!(world.known(), FetchDecision::Serve);
}

#[test]
fn a_suspended_machine_and_a_clock_set_back_do_not_make_keys_younger() {
    let mut world = World::loaded();
    world.now.wall += Duration::from_secs(5_000);
    assert_eq!(world.known(), WAIT, "the monotonic clock stood still");
    let mut world = World::loaded();
    world.now.mono += Duration::from_secs(5_000);
    world.now.wall -= Duration::from_secs(100_000);
    assert_eq!(world.known(), WAIT);
}

#[test]
fn no_key_is_said_to_be_unknown_on_the_word_of_an_old_fetch() {
    let mut world = World::new(POLICY);
    assert_eq!(world.unknown(), WAIT);
    world.now.wall -= Duration::from_secs(86_400);
    world.finish(false);
    assert_eq!(world.unknown(), WAIT);
    world.finish(true);
    assert_eq!(world.unknown(), FetchDecision::Unknown);
    // Suspended: only the wall clock goes on, and it is still behind where the bucket saw it.
    world.now.wall += POLICY.cool_down;
    assert_eq!(world.unknown(), unavailable(10));
}

#[test]
fn without_a_runtime_keys_serve_as_long_as_they_may() {
    let mut world = World::loaded();
    let step = |world: &mut World, cached| world.machine.look_up(cached, || false, &world.now);
    assert_eq!(step(&mut world, false), FetchDecision::NoRuntime);
    for (seconds, expected) in [
        (0.0, FetchDecision::Serve),
        (500.0, FetchDecision::Serve),
        (500.0, FetchDecision::Serve),
        (4_000.0, FetchDecision::NoRuntime),
    ] {
        world.pass(seconds);
        assert_eq!(step(&mut world, true), expected);
    }
    assert!(!world.machine.is_running());
    assert_eq!(world.known(), WAIT);
    assert_eq!(step(&mut world, true), JOIN, "joining takes no runtime");
}

#[test]
fn warming_up_fetches_unless_keys_are_fresh() {
    let mut world = World::new(POLICY);
    let step = |world: &mut World| world.machine.warm_up(|| true, &world.now);
    assert_eq!(step(&mut world), WAIT);
    assert_eq!(step(&mut world), JOIN);
    world.finish(false);
    assert_eq!(step(&mut world), WAIT);
    world.finish(false);
    assert_eq!(step(&mut world), unavailable(10));
    world.pass(20.0);
    assert_eq!(step(&mut world), WAIT);
    world.finish(true);
    assert_eq!(step(&mut world), FetchDecision::Serve);
    world.pass(500.0);
    assert_eq!(step(&mut world), WAIT_OR_STALE);
    world.finish(false);
    assert_eq!(
        world.machine.warm_up(|| false, &world.now),
        FetchDecision::Serve
    );
    world.pass(5_000.0);
    assert_eq!(
        world.machine.warm_up(|| false, &world.now),
        FetchDecision::NoRuntime
    );
}
