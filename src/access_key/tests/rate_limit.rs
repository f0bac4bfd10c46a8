//! Rate limits of Descope: whom they stop, for how long, and how they end.

use super::*;

const SLOW: &str = "rate_limited";

fn limited(seconds: u64) -> ExchangeOutcome<u32> {
    ExchangeOutcome::RateLimited(Duration::from_secs(seconds))
}

/// A world in which key 1 was good and stranger 2 was told to slow down.
fn limited_world(seconds: u64) -> World {
    let mut world = World::new();
    world.good(1, 7);
    let number = world.exchange(2);
    world.end(2, number, limited(seconds));
    world
}

#[test]
fn a_rate_limit_stops_all_strangers_but_no_session() {
    let mut world = limited_world(5);
    assert_eq!(served(&world.ask(1)), Some((7, None)));
    for key in [2, 3] {
        assert_eq!(
            unavailable(&world.ask(key)),
            Some((SLOW, Duration::from_secs(5)))
        );
    }
    world.pass(5_000);
    world.exchange(2);
    world.exchange(3);
}

#[test]
fn a_stranger_s_rate_limit_leaves_known_keys_one_exchange_at_a_time() {
    let mut world = World::new();
    for key in 1..=3 {
        world.good(key, u32::from(key));
        world.pass(1_000);
    }
    world.pass((LIFE - 5) * 1_000);
    let stranger = world.exchange(9);
    world.end(9, stranger, limited(86_400));
    let Some((1, Some(renewal))) = served(&world.ask(1)) else {
        panic!("no renewal");
    };
    assert_eq!(served(&world.ask(2)), Some((2, None)), "not beside another");
    // A failure does not end it; the next one goes up.
    world.end(1, renewal, ExchangeOutcome::Failed);
    let Some((2, Some(renewal))) = served(&world.ask(2)) else {
        panic!("no renewal");
    };
    assert_eq!(served(&world.ask(3)), Some((3, None)));
    assert!(unavailable(&world.ask(9)).is_some());
    world.end(2, renewal, session(2, 12));
    assert!(matches!(served(&world.ask(3)), Some((3, Some(_)))));
    world.exchange(9);
}

#[test]
fn a_known_key_that_is_told_to_slow_down_pauses_for_a_minute_at_most() {
    for (said, pause) in [(17, 17), (86_400, 60)] {
        let mut world = World::new();
        world.good(1, 7);
        world.pass(LIFE * 1_000);
        let number = world.exchange(1);
        world.end(1, number, limited(said));
        assert_eq!(
            unavailable(&world.ask(1)),
            Some((SLOW, Duration::from_secs(pause)))
        );
        world.pass(pause * 1_000 - 1);
        assert!(unavailable(&world.ask(1)).is_some());
        world.pass(1);
        world.exchange(1);
    }
}

#[test]
fn strangers_are_stopped_for_a_quarter_of_an_hour_at_most_and_probes_do_not_prolong_it_for_others()
{
    let mut world = limited_world(86_400);
    assert_eq!(
        unavailable(&world.ask(2)),
        Some((SLOW, Duration::from_secs(60)))
    );
    let mut probes = 0;
    for second in 1..900 {
        world.pass(1_000);
        match world.ask(2) {
            ExchangeStep::Exchange(number, _) => {
                probes += 1;
                assert_eq!(second, 60 * probes);
                // The probe fails: what it says of the limit would begin it anew.
                world.end(2, number, ExchangeOutcome::Failed);
            }
            step => assert!(unavailable(&step).is_some()),
        }
        assert!(matches!(world.ask(3), ExchangeStep::Unavailable { .. }));
    }
    assert_eq!(probes, 14);
    world.pass(1_000);
    world.exchange(3);
}

#[test]
fn the_probe_is_the_first_of_those_that_wait_or_any_if_that_one_does_not_come() {
    let mut world = limited_world(900);
    for key in [3, 4, 4, 3, 5] {
        assert!(unavailable(&world.ask(key)).is_some());
    }
    world.pass(55_000);
    for key in [4, 3] {
        assert!(unavailable(&world.ask(key)).is_some());
    }
    world.pass(5_000);
    // Keys 3 and 4 had stayed away, and lost their places; key 6 never came before.
    for key in [6, 3] {
        assert!(unavailable(&world.ask(key)).is_some(), "{key}");
    }
    let number = world.exchange(4);
    assert!(unavailable(&world.ask(3)).is_some(), "one a minute");
    world.end(4, number, limited(900));
    world.pass(59_000);
    for key in [3, 4, 5] {
        assert!(unavailable(&world.ask(key)).is_some());
    }
    // Ten seconds overdue: nobody waits for the first one.
    world.pass(11_000);
    let number = world.exchange(5);
    world.end(5, number, session(5, 5));
    world.exchange(3);
}

#[test]
fn a_success_that_was_under_way_before_the_answer_does_not_end_the_limit() {
    let mut world = World::new();
    let before = world.exchange(1);
    let number = world.exchange(2);
    world.end(2, number, limited(30));
    world.end(1, before, session(1, 7));
    assert!(unavailable(&world.ask(2)).is_some());
    world.pass(30_000);
    world.exchange(2);
}

#[test]
fn an_expected_key_is_no_stranger() {
    let mut world = World::new();
    world.table = ExchangeTable::new(policy(), HashSet::from([digest(1), digest(2)]));
    for key in 10..13 {
        world.exchange(key);
    }
    assert!(
        unavailable(&world.ask(13)).is_some(),
        "the budget is used up"
    );
    world.good(1, 7);
    let number = world.exchange(2);
    // It is told to slow down: it pauses for a minute, and so do strangers, for longer.
    world.end(2, number, limited(900));
    world.pass(60_000);
    let number = world.exchange(2);
    assert!(unavailable(&world.ask(14)).is_some());
    // And what Descope refuses is refused.
    world.end(2, number, ExchangeOutcome::Refused);
    assert_eq!(world.ask(2), ExchangeStep::Refuse);
}
