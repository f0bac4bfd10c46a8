//! The rules of delivery: an answer is delivered when its token is presented.

use std::time::Duration;

use super::{
    super::{
        call::Operation,
        chain::{KeepTimes, MAX_LINKS},
        table::Bounds,
    },
    bench::{Bench, KEEP, LIFE, Seen, WITHOUT_RECORD, failed, rotated, select, sends, unrotated},
};
use crate::{
    digest::Digest,
    error::ErrorKind,
    token::{REMEMBER_DELIVERED, RefreshToken},
};

const SECOND: Duration = Duration::from_secs(1);
const LATE: Seen = Seen::Refuse(ErrorKind::RefreshTokenReplaced, false);

fn bench_that_keeps(keep: Duration, undelivered: Option<Duration>) -> Bench {
    let bounds = Bounds {
        families: 1_000,
        bytes: usize::MAX,
    };
    Bench::with(KeepTimes { keep, undelivered }, bounds)
}

/// Notes a token that a request shows beside a good session.
fn show(bench: &mut Bench, token: &str) -> bool {
    let digest = Digest::of_test(&RefreshToken::new(token));
    bench.table.present(digest, bench.now)
}

#[test]
fn a_token_whose_successor_nobody_has_shown_is_never_sent_as_long_as_that_lives() {
    for gap in [0, 59, 61, 3_600, 3 * 24 * 3_600] {
        let mut bench = Bench::new(KEEP);
        bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
        bench.advance(Duration::from_secs(gap));
        let expected = if gap < 60 {
            Seen::Answer(1)
        } else {
            sends("b")
        };
        assert_eq!(bench.ask("a", &Operation::Refresh), expected, "{gap}");
    }
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    bench.advance(LIFE);
    assert_eq!(
        bench.ask("a", &Operation::Refresh),
        sends("a"),
        "both are over"
    );
}

#[test]
fn long_after_the_call_its_session_is_given_only_to_whoever_shows_one() {
    for shows_session in [true, false] {
        let mut bench = Bench::new(KEEP);
        bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
        bench.advance(KEEP);
        bench.shows_session = shows_session;
        let expected = if shows_session {
            Seen::Answer(1)
        } else {
            sends("b")
        };
        let seen = bench.ask("a", &Operation::Refresh);
        match (seen, expected) {
            (Seen::Answer(answer), Seen::Answer(1)) => assert_eq!(answer % WITHOUT_RECORD, 1),
            (seen, expected) => assert_eq!(seen, expected),
        }
    }
}

#[test]
fn after_delivery_a_predecessor_is_answered_then_refused_and_then_judged_by_descope() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    // A slow response: its token is shown ten minutes later.
    bench.advance(Duration::from_secs(600));
    assert!(!show(&mut bench, "b"));
    bench.advance(KEEP.checked_sub(SECOND).unwrap());
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("b"));
    let mut late = bench.clone();
    late.advance(SECOND);
    assert_eq!(late.ask("a", &Operation::Refresh), LATE);
    assert_eq!(late.ask("a", &select("T2")), LATE);
    // Time counts from the delivery.
    late.advance(REMEMBER_DELIVERED.checked_sub(KEEP + SECOND).unwrap());
    assert_eq!(late.ask("a", &Operation::Refresh), LATE);
    late.advance(SECOND);
    assert_eq!(late.ask("a", &Operation::Refresh), sends("a"));
}

#[test]
fn showing_a_token_delivers_all_before_it_and_none_after() {
    let mut bench = Bench::new(KEEP);
    for (number, token, successor) in [(1, "a", "b"), (2, "b", "c"), (3, "c", "d")] {
        bench.call(token, &Operation::Refresh, rotated(number, successor, "T1"));
    }
    bench.advance(KEEP);
    // The second tab shows "c": its own successor is still undelivered.
    assert!(show(&mut bench, "c"));
    bench.advance(KEEP);
    assert_eq!(bench.ask("a", &Operation::Refresh), LATE);
    assert_eq!(bench.ask("b", &Operation::Refresh), LATE);
    assert_eq!(bench.ask("c", &Operation::Refresh), sends("d"));
}

#[test]
fn a_late_token_signs_out_with_the_newest() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    show(&mut bench, "b");
    bench.advance(KEEP);
    assert_eq!(bench.ask("a", &Operation::SignOut), sends("b"));
}

#[test]
fn a_wall_clock_that_is_set_forgets_nothing_and_prolongs_nothing() {
    for wall in [-86_400_i64, 62, 86_400] {
        let mut bench = Bench::new(KEEP);
        bench.advance(Duration::from_secs(1_000_000));
        bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
        let set = |bench: &mut Bench| {
            let span = Duration::from_secs(wall.unsigned_abs());
            bench.now.wall = if wall < 0 {
                bench.now.wall.checked_sub(span).unwrap()
            } else {
                bench.now.wall + span
            };
        };
        set(&mut bench);
        assert_eq!(
            bench.ask("a", &Operation::Refresh),
            Seen::Answer(1),
            "{wall}"
        );
        show(&mut bench, "b");
        bench.advance(KEEP);
        set(&mut bench);
        assert_eq!(bench.ask("a", &Operation::Refresh), LATE, "{wall}");
    }
}

#[test]
fn with_nothing_to_be_kept_a_replaced_token_is_sent() {
    let mut bench = bench_that_keeps(Duration::ZERO, Some(Duration::ZERO));
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("a"));
    // One of the two is enough.
    let mut bench = bench_that_keeps(Duration::ZERO, None);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("b"));
    let mut bench = bench_that_keeps(KEEP, Some(Duration::ZERO));
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    assert_eq!(bench.ask("a", &Operation::Refresh), Seen::Answer(1));
    bench.advance(KEEP);
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("a"));
    let mut bench = bench_that_keeps(KEEP, Some(Duration::from_secs(300)));
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    bench.advance(Duration::from_secs(299));
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("b"));
    bench.advance(SECOND);
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("a"));
}

#[test]
fn of_a_long_chain_the_newest_and_the_one_last_shown_stay() {
    let mut bench = bench_that_keeps(KEEP, None);
    // A loop that always shows its first token and selects in turn.
    for number in 0..1_000_u32 {
        let arrival = bench.arrive("c0");
        let tenant = select(if number % 2 == 0 { "T1" } else { "T2" });
        let current = format!("c{number}");
        assert_eq!(bench.next(&arrival, &tenant), sends(&current));
        let id = if number % 2 == 0 { "T1" } else { "T2" };
        let successor = format!("c{}", number + 1);
        bench.done(arrival.family, rotated(number, &successor, id));
        bench.table.leave(arrival.family);
        bench.advance(SECOND);
    }
    assert_eq!(bench.table.len(), (1, MAX_LINKS));
    // Nobody has shown any of them.
    assert_eq!(bench.clone().ask("c0", &select("T1")), sends("c1000"));
    assert_eq!(bench.ask("c999", &select("T1")), sends("c1000"));
}

#[test]
fn one_user_s_families_give_way_before_anybody_else_s() {
    let bounds = Bounds {
        families: 200,
        bytes: usize::MAX,
    };
    let times = KeepTimes {
        keep: KEEP,
        undelivered: None,
    };
    let mut bench = Bench::with(times, bounds);
    for number in 0..50 {
        let (token, successor) = (format!("u{number}-a"), format!("u{number}-b"));
        bench.call(&token, &Operation::Refresh, rotated(1, &successor, "T1"));
    }
    bench.advance(KEEP);
    // Ten thousand sign-ins of one account, each refreshed once.
    for number in 0..10_000 {
        let (token, successor) = (format!("eve-a{number}"), format!("eve-b{number}"));
        bench.call(&token, &Operation::Refresh, rotated(1, &successor, "T1"));
    }
    assert!(bench.table.len().0 <= 200);
    for number in 0..50 {
        let (token, successor) = (format!("u{number}-a"), format!("u{number}-b"));
        assert_eq!(bench.ask(&token, &Operation::Refresh), sends(&successor));
    }
    assert_eq!(bench.table.lost, 0);
}

#[test]
fn records_give_way_before_sessions_and_sessions_before_successors() {
    let families = 10_usize;
    // Each family has an answer of 1,000 bytes, and some hundreds for itself.
    let mut full = Bench::of_size(KEEP, families);
    for number in 0..families {
        let (token, successor) = (format!("a{number}"), format!("b{number}"));
        full.call(&token, &Operation::Refresh, rotated(1, &successor, "T1"));
    }
    for (spared, lost) in [(0, false), (4_000, false), (9_000, false), (16_000, true)] {
        let mut bench = full.clone();
        bench.table.bounds.bytes = bench.table.bytes - spared;
        let now = bench.now;
        bench.table.make_room(now);
        assert!(bench.table.bytes <= bench.table.bounds.bytes);
        assert_eq!(bench.table.lost > 0, lost, "{spared}");
        if !lost {
            for number in 0..families {
                let seen = bench.ask(&format!("a{number}"), &Operation::Refresh);
                let successor = sends(&format!("b{number}"));
                assert!(
                    matches!(seen, Seen::Answer(_)) || seen == successor,
                    "{seen:?}"
                );
            }
        }
    }
}

#[test]
fn what_gives_way_last_is_within_its_keep_time_or_signed_out() {
    let mut bench = Bench::of_size(KEEP, 8);
    bench.call("old-a", &Operation::Refresh, rotated(1, "old-b", "T1"));
    bench.advance(KEEP);
    bench.forget("out");
    for number in 0..6 {
        let (token, successor) = (format!("a{number}"), format!("b{number}"));
        bench.call(&token, &Operation::Refresh, rotated(1, &successor, "T1"));
    }
    show(&mut bench, "b5");
    bench.call("n0", &Operation::Refresh, unrotated(1, "T1"));
    assert_eq!(bench.table.lost, 0, "the old one gave way");
    bench.call("n1", &Operation::Refresh, rotated(1, "n2", "T1"));
    bench.call("n3", &Operation::Refresh, rotated(1, "n4", "T1"));
    assert_eq!(bench.table.lost, 1, "one whose token has been shown");
    for number in 0..5 {
        let seen = bench.ask(&format!("a{number}"), &Operation::Refresh);
        assert_eq!(seen, Seen::Answer(1), "{number}");
    }
    let over = Seen::Refuse(ErrorKind::SessionEnded, false);
    assert_eq!(bench.ask("out", &Operation::Refresh), over);
}

#[test]
fn a_user_is_looked_at_only_while_a_successor_is_undelivered() {
    let mut bench = Bench::new(KEEP);
    let user = bench.user("ann-a");
    let concerns = |bench: &Bench| bench.users.may_have(user.place) && bench.table.concerns(user);
    assert!(!concerns(&bench));
    bench.call("ann-a", &Operation::Refresh, rotated(1, "ann-b", "T1"));
    assert!(concerns(&bench));
    assert!(!bench.table.concerns(bench.user("bob-a")));
    show(&mut bench, "ann-b");
    assert!(!concerns(&bench));
    bench.call("ann-b", &Operation::Refresh, rotated(2, "ann-c", "T1"));
    bench.forget("ann-c");
    assert!(!concerns(&bench), "signed out");
}

#[test]
fn a_session_makes_ten_calls_at_once_and_then_one_a_second() {
    let mut bench = Bench::new(KEEP);
    let mut sent = 0;
    for number in 0..500 {
        let tenant = select(&format!("T{number}"));
        if bench.ask_and_end("a", &tenant, unrotated(number, &format!("T{number}"))) {
            sent += 1;
        }
    }
    assert_eq!(sent, 10);
    let throttled = Seen::Refuse(ErrorKind::Throttled, false);
    assert_eq!(bench.ask("a", &select("T1000")), throttled);
    bench.advance(SECOND);
    assert_eq!(bench.ask("a", &select("T1000")), sends("a"));
}

#[test]
fn a_refusal_of_descope_s_stands_for_longer_each_time() {
    let mut bench = Bench::new(KEEP);
    let refused = Seen::Refuse(ErrorKind::Refused, false);
    for stands in [10, 20, 40, 80, 160, 320, 600, 600] {
        bench.call("a", &Operation::Refresh, failed(ErrorKind::Refused));
        bench.advance(Duration::from_secs(stands - 1));
        assert_eq!(bench.ask("a", &Operation::Refresh), refused, "{stands}");
        bench.advance(SECOND);
    }
    // A selection is asked again: the user may have been let in.
    bench.call("b", &select("T2"), failed(ErrorKind::Refused));
    assert_eq!(bench.ask("b", &select("T2")), sends("b"));
}

#[test]
fn a_token_that_only_an_answer_has_named_delivers_nothing() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    bench.has_shown = false;
    let named = bench.arrive("b");
    bench.has_shown = true;
    bench.advance(KEEP * 2);
    bench.shows_session = true;
    assert_eq!(bench.ask("a", &Operation::Refresh), Seen::Answer(1));
    // It has the same place as one that is shown.
    assert_eq!(bench.next(&named, &Operation::Refresh), sends("b"));
    bench.done(named.family, rotated(2, "c", "T1"));
    bench.table.leave(named.family);
    assert_eq!(bench.ask("b", &Operation::Refresh), Seen::Answer(2));
    bench.advance(KEEP);
    assert_eq!(bench.ask("a", &Operation::Refresh), LATE);
}
