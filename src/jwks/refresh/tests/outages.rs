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

#[test]
fn keys_end_with_the_second_set_without_any_that_is_fetched_past_their_time_to_live() {
    let mut world = World::loaded();
    let empty = |world: &mut World| {
        assert_eq!(world.tick(), TimerDecision::Fetch);
        world.machine.finish_empty(0, &world.now)
    };
    // At 480, 489, 507 and 543 seconds: before the end of the 600.
    for pass in [480.0, 9.0, 18.0, 36.0] {
        world.pass(pass);
        assert!(!empty(&mut world));
        assert_eq!(world.known(), FetchDecision::Serve);
    }
    world.pass(56.9);
    assert_eq!(world.known(), FetchDecision::ServeAndFetch);
    assert!(!world.machine.finish_empty(0, &world.now), "599.9 seconds");
    world.pass(54.0);
    assert!(empty(&mut world));
    assert!(!world.machine.is_usable(&world.now));
    // A key that is not there is not known not to exist.
    let decision = world.unknown();
    assert!(
        matches!(decision, FetchDecision::Fetch { or_stale: false }),
        "{decision:?}"
    );
    assert!(!world.machine.finish_empty(0, &world.now));
    assert_eq!(world.unknown(), WAIT);
    world.finish(false);
    assert!(matches!(world.unknown(), FetchDecision::Unavailable { .. }));
}

#[test]
fn a_failure_in_between_neither_counts_as_a_set_without_keys_nor_makes_one_forgotten() {
    let mut world = World::loaded();
    world.pass(480.0);
    world.scheduled_failure();
    world.pass(200.0);
    world.scheduled_failure();
    world.pass(200.0);
    assert_eq!(world.tick(), TimerDecision::Fetch);
    assert!(!world.machine.finish_empty(0, &world.now), "the first one");
    world.pass(200.0);
    world.scheduled_failure();
    world.pass(200.0);
    assert_eq!(world.tick(), TimerDecision::Fetch);
    assert!(world.machine.finish_empty(0, &world.now));
}
