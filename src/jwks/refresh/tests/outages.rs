//! The use of keys while no fetch brings new ones.

use super::*;

#[test]
fn an_outage_delays_nobody_twice() {
    let mut world = World::loaded();
    world.pass(2_000.0);
    assert_eq!(world.known(), WAIT_OR_STALE);
    world.pass(3.0);
    world.finish(false);
    // The timer goes on trying, with the longest back-off and the whole deadline each time.
    for _ in 0..20 {
        let TimerDecision::Sleep(rest) = world.tick() else {
            panic!("backing off");
        };
        assert_eq!(world.known(), FetchDecision::Serve);
        world.pass(rest.as_secs_f64());
        assert_eq!(world.tick(), TimerDecision::Fetch);
        assert_eq!(world.known(), FetchDecision::Serve);
        world.pass(3.0);
        assert_eq!(world.known(), FetchDecision::Serve);
        world.machine.finish(false, MAX_JITTER, &world.now);
        assert_eq!(world.known(), FetchDecision::Serve);
    }
}

#[test]
fn an_old_failure_excuses_nothing() {
    let mut world = World::loaded();
    world.pass(480.0);
    world.scheduled_failure();
    // The machine was suspended.
    world.pass(1_500.0);
    assert_eq!(world.known(), WAIT_OR_STALE);
}

#[test]
fn a_failure_excuses_late_keys_for_one_longest_round_of_tries() {
    // A back-off of 60 s with a tenth of jitter, and two deadlines.
    for (seconds, expected) in [(71.9, FetchDecision::ServeAndFetch), (72.0, WAIT_OR_STALE)] {
        let mut world = World::loaded();
        world.pass(2_000.0);
        assert_eq!(world.known(), WAIT_OR_STALE);
        world.finish(false);
        world.pass(seconds);
        assert_eq!(world.known(), expected);
    }
}

#[test]
fn past_the_hard_limit_keys_serve_no_more() {
    let mut world = World::loaded();
    world.pass(4_199.9);
    assert!(world.machine.is_usable(&world.now));
    world.pass(0.1);
    assert!(!world.machine.is_usable(&world.now));
    assert_eq!(world.known(), WAIT, "it is tried first");
    assert_eq!(world.known(), JOIN);
    world.finish(false);
    assert_eq!(world.known(), WAIT);
    world.finish(false);
    assert_eq!(world.known(), WAIT);
    world.finish(false);
    assert_eq!(world.known(), unavailable(10));
    world.pass(10.0);
    assert_eq!(world.known(), WAIT);
    world.finish(true);
    assert_eq!(world.known(), FetchDecision::Serve);
}

#[test]
fn without_a_stale_window_keys_end_after_the_ttl_and_one_cool_down() {
    let mut world = World::new(KeyPolicy {
        stale: Duration::ZERO,
        ..POLICY
    });
    assert_eq!(world.unknown(), WAIT);
    world.finish(true);
    world.pass(480.0);
    world.scheduled_failure();
    world.pass(129.9);
    assert_eq!(world.known(), FetchDecision::ServeAndFetch);
    world.finish(false);
    world.pass(0.1);
    assert_eq!(world.known(), WAIT);
}
