//! The rules, one by one.

use std::time::Duration;

use super::{
    super::{
        call::Operation,
        family::{Family, FamilyStep},
    },
    bench::{Bench, KEEP, LIFE, Seen, failed, rotated, select, sends, unrotated},
};
use crate::{digest::Digest, error::ErrorKind, token::RefreshToken};

const LATE: Seen = Seen::Refuse(ErrorKind::RefreshTokenReplaced, false);

/// Signed out here: the response of the sign-out has removed the cookies.
const OVER: Seen = Seen::Refuse(ErrorKind::SessionEnded, false);

#[test]
fn one_call_at_a_time() {
    let mut bench = Bench::new(KEEP);
    let first = bench.arrive("a");
    let second = bench.arrive("a");
    assert_eq!(bench.next(&first, &Operation::Refresh), sends("a"));
    assert_eq!(bench.next(&second, &Operation::Refresh), Seen::Wait);
    assert_eq!(
        bench.ask("b", &Operation::Refresh),
        sends("b"),
        "another browser"
    );
}

#[test]
fn what_a_wish_that_waited_gets() {
    for (before, op, expected) in [
        (rotated(1, "b", "T1"), Operation::Refresh, Seen::Answer(1)),
        (rotated(1, "b", "T1"), select("T1"), Seen::Answer(1)),
        (rotated(1, "b", "T1"), select("T2"), sends("b")),
        (unrotated(1, "T1"), Operation::Refresh, Seen::Answer(1)),
        (unrotated(1, "T1"), select("T2"), sends("a")),
        // The same token as "new" one.
        (rotated(1, "a", "T1"), select("T2"), sends("a")),
        (
            failed(ErrorKind::Refused),
            select("T1"),
            Seen::Refuse(ErrorKind::Refused, false),
        ),
        (failed(ErrorKind::Refused), select("T2"), sends("a")),
        (failed(ErrorKind::Refused), Operation::Refresh, sends("a")),
        (
            failed(ErrorKind::UpstreamTimeout),
            select("T2"),
            Seen::Refuse(ErrorKind::UpstreamTimeout, false),
        ),
        (
            failed(ErrorKind::UpstreamInvalid),
            Operation::Refresh,
            Seen::Refuse(ErrorKind::UpstreamInvalid, false),
        ),
        (
            failed(ErrorKind::SessionEnded),
            Operation::Refresh,
            Seen::Refuse(ErrorKind::SessionEnded, true),
        ),
        (
            failed(ErrorKind::RefreshTokenReused),
            Operation::Refresh,
            Seen::Refuse(ErrorKind::RefreshTokenReused, false),
        ),
    ] {
        // Even with nothing kept for later.
        for keep in [KEEP, Duration::ZERO] {
            let mut bench = Bench::new(keep);
            let first = bench.arrive("a");
            let waiting = bench.arrive("a");
            assert_eq!(bench.next(&first, &select("T1")), sends("a"));
            bench.done(first.family, before.clone());
            assert_eq!(bench.next(&waiting, &op), expected, "{op:?} {before:?}");
        }
    }
}

#[test]
fn a_select_is_not_answered_with_what_a_later_select_undid() {
    let mut bench = Bench::new(KEEP);
    let arrivals = [bench.arrive("a"), bench.arrive("a"), bench.arrive("a")];
    assert_eq!(bench.next(&arrivals[0], &select("T1")), sends("a"));
    bench.done(arrivals[0].family, rotated(1, "b", "T1"));
    assert_eq!(bench.next(&arrivals[1], &select("T2")), sends("b"));
    bench.done(arrivals[0].family, rotated(2, "c", "T2"));
    assert_eq!(bench.next(&arrivals[2], &select("T1")), sends("c"));
}

#[test]
fn a_predecessor_gets_the_newest_answer_within_the_keep_time() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &select("T1"), rotated(1, "b", "T1"));
    bench.advance(Duration::from_secs(30));
    bench.call("b", &select("T2"), rotated(2, "c", "T2"));
    bench.advance(Duration::from_secs(29));
    for predecessor in ["a", "b"] {
        assert_eq!(bench.ask(predecessor, &Operation::Refresh), Seen::Answer(2));
        assert_eq!(bench.ask(predecessor, &select("T2")), Seen::Answer(2));
    }
    bench.advance(Duration::from_secs(31));
    // A minute after its successor was presented it is only late.
    assert_eq!(bench.ask("a", &Operation::Refresh), LATE);
    assert_eq!(bench.ask("a", &select("T2")), LATE);
    // Nobody has presented the newest token: it is sent, and never its predecessor.
    assert_eq!(bench.ask("b", &select("T1")), sends("c"));
}

#[test]
fn the_current_token_is_a_fresh_wish() {
    for outcome in [rotated(1, "b", "T1"), unrotated(1, "T1")] {
        let mut bench = Bench::new(KEEP);
        let current = match &outcome {
            Ok(outcome) if outcome.successor.is_some() => "b",
            _ => "a",
        };
        bench.call("a", &select("T1"), outcome);
        assert_eq!(bench.ask(current, &select("T1")), sends(current));
    }
}

#[test]
fn a_failure_that_leaves_the_fate_open_stands_for_a_second() {
    for kind in [
        ErrorKind::UpstreamUnavailable,
        ErrorKind::UpstreamTimeout,
        ErrorKind::UpstreamInvalid,
        ErrorKind::RateLimited,
        ErrorKind::KeysUnavailable,
    ] {
        let mut bench = Bench::new(KEEP);
        bench.call("a", &select("T1"), failed(kind));
        bench.advance(Duration::from_millis(600));
        let arrival = bench.arrive("a");
        let Some(FamilyStep::Refuse(error)) =
            bench.table.next(&arrival, &Operation::Refresh, bench.now)
        else {
            panic!("{kind:?} must stand");
        };
        assert_eq!(error.kind(), kind);
        assert_eq!(error.retry_after(), Some(Duration::from_millis(400)));
        bench.advance(Duration::from_millis(400));
        assert_eq!(bench.next(&arrival, &Operation::Refresh), sends("a"));
    }
    // Descope's word, and a call that was never made.
    for kind in [ErrorKind::Refused, ErrorKind::Throttled] {
        let mut bench = Bench::new(KEEP);
        bench.call("a", &select("T1"), failed(kind));
        assert_eq!(bench.ask("a", &select("T1")), sends("a"));
    }
}

#[test]
fn a_failure_of_the_successor_does_not_cost_the_kept_answer() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &select("T1"), rotated(1, "b", "T1"));
    bench.call("b", &select("T2"), failed(ErrorKind::UpstreamTimeout));
    assert_eq!(bench.ask("a", &Operation::Refresh), Seen::Answer(1));
    assert_eq!(
        bench.ask("a", &select("T2")),
        Seen::Refuse(ErrorKind::UpstreamTimeout, false)
    );
}

#[test]
fn a_reused_token_removes_cookies_only_if_it_comes_again_after_the_keep_time() {
    const REUSED: Seen = Seen::Refuse(ErrorKind::RefreshTokenReused, false);
    let mut bench = Bench::new(KEEP);
    bench.call(
        "a",
        &Operation::Refresh,
        failed(ErrorKind::RefreshTokenReused),
    );
    assert_eq!(bench.ask("a", &Operation::Refresh), REUSED);
    bench.advance(KEEP.checked_sub(Duration::from_secs(1)).unwrap());
    assert_eq!(bench.ask("a", &select("T1")), REUSED);
    bench.advance(Duration::from_secs(1));
    assert_eq!(
        bench.ask("a", &Operation::Refresh),
        Seen::Refuse(ErrorKind::RefreshTokenReused, true)
    );
    bench.advance(Duration::from_secs(3_600));
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("a"), "forgotten");
}

#[test]
fn after_logout_nothing_of_the_family_signs_in_again() {
    for presented in ["a", "b"] {
        let mut bench = Bench::new(KEEP);
        bench.call("a", &select("T1"), rotated(1, "b", "T1"));
        bench.forget(presented);
        for token in ["a", "b"] {
            assert_eq!(bench.ask(token, &Operation::Refresh), OVER);
            assert_eq!(bench.ask(token, &select("T1")), OVER);
        }
    }
    // A call that was under way brings its caller nothing, and is not kept.
    let mut bench = Bench::new(KEEP);
    let arrival = bench.arrive("a");
    assert_eq!(bench.next(&arrival, &Operation::Refresh), sends("a"));
    bench.forget("a");
    let token = RefreshToken::new("b");
    let digest = Some(Digest::of_test(&token));
    let result = bench
        .table
        .done(arrival.family, bench.now, rotated(1, "b", "T1"), digest);
    let error = result.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionEnded);
    assert_eq!(bench.ask("a", &Operation::Refresh), OVER);
    // A token not seen before.
    bench.forget("z");
    assert_eq!(bench.ask("z", &Operation::Refresh), OVER);
}

#[test]
fn the_table_is_bounded_and_empties_itself() {
    let mut bench = Bench::new(KEEP);
    for index in 0..20 {
        bench.call(
            &format!("a{index}"),
            &Operation::Refresh,
            unrotated(index, "T1"),
        );
        assert!(bench.table.len().0 <= 4);
    }
    // One chain, however long.
    for index in 0..20 {
        let (token, successor) = (format!("c{index}"), format!("c{}", index + 1));
        bench.call(
            &token,
            &Operation::Refresh,
            rotated(index, &successor, "T1"),
        );
        bench.advance(Duration::from_secs(1));
    }
    assert_eq!(bench.ask("c19", &Operation::Refresh), Seen::Answer(19));
    let (families, links) = bench.table.len();
    assert!(families <= 4 && links <= 3 + 21, "{families} {links}");

    bench.advance(LIFE);
    let arrival = bench.arrive("z");
    bench.table.leave(arrival.family);
    assert_eq!(bench.table.len(), (1, 1));
}

#[test]
fn a_full_table_gives_up_its_dead_and_then_an_eighth_of_the_others() {
    let mut bench = Bench::of_size(KEEP, 80);
    for index in 0..80 {
        bench.call(
            &format!("a{index}"),
            &Operation::Refresh,
            unrotated(index, "T1"),
        );
    }
    for index in 40..52 {
        let arrival = bench.arrive(&format!("a{index}"));
        let now = bench.now;
        // Descope knows of it.
        let end = |family: &mut Family<u32>| family.signed_out(now, true);
        assert!(bench.table.with_family(arrival.family, end).is_some());
        bench.table.leave(arrival.family);
    }
    bench.call("b0", &Operation::Refresh, unrotated(100, "T1"));
    assert_eq!(bench.table.len().0, 70, "eleven gave way to one");
    for index in 1..11 {
        bench.call(
            &format!("b{index}"),
            &Operation::Refresh,
            unrotated(100, "T1"),
        );
    }
    assert_eq!(bench.table.len().0, 80);
    for index in 0..40 {
        let answer = bench.ask(&format!("a{index}"), &Operation::Refresh);
        assert_ne!(answer, OVER, "nobody alive went: {index}");
    }
    bench.call("c", &Operation::Refresh, unrotated(200, "T1"));
    assert_eq!(bench.table.len().0, 70);
}

#[test]
fn those_in_use_stay_above_the_bound() {
    let mut bench = Bench::new(KEEP);
    let arrivals: Vec<_> = (0..6)
        .map(|index| bench.arrive(&format!("a{index}")))
        .collect();
    for (index, arrival) in arrivals.iter().enumerate() {
        let sent = sends(&format!("a{index}"));
        assert_eq!(bench.next(arrival, &Operation::Refresh), sent);
    }
    let again = bench.arrive("a0");
    assert_eq!(bench.next(&again, &Operation::Refresh), Seen::Wait);
}

#[test]
fn a_look_that_is_answered_late_brings_no_spent_token_back() {
    for has_gone_on in [false, true] {
        let mut bench = Bench::new(KEEP);
        let arrival = bench.arrive("a");
        let id = arrival.family;
        // Another replica has exchanged it, and so has this one by the time that it learns of it.
        let outcome = rotated(1, "b", "T1").unwrap();
        if has_gone_on {
            bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
            bench.call("b", &select("T2"), rotated(2, "c", "T2"));
        }
        let digest = outcome.successor.as_ref().map(Digest::of_test);
        let asked = RefreshToken::new("a");
        bench.table.adopt(id, &asked, &outcome, digest, bench.now);
        bench.advance(Duration::from_secs(1));
        let now = bench.now;
        let current = bench.table.with_family(id, |family| family.unseen(now));
        let expected = if has_gone_on { "c" } else { "b" };
        assert_eq!(current, Some(Some(RefreshToken::new(expected))));
        bench.table.leave(id);
    }
}
