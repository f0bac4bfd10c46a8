//! The rules of ends: signing out, and answers of which only the successor can be used.

use std::time::Duration;

use super::{
    super::{
        call::{CallOutcome, Operation},
        table::FamilyId,
    },
    bench::{Bench, KEEP, LIFE, Seen, failed, orphaned, rotated, select, sends},
};
use crate::{
    digest::Digest,
    error::{Error, ErrorKind},
    token::{REMEMBER_DELIVERED, RefreshToken},
};

const SECOND: Duration = Duration::from_secs(1);
/// Signed out here: the response of the sign-out has removed the cookies.
const OVER: Seen = Seen::Refuse(ErrorKind::SessionEnded, false);

/// The token that a call which only reads is made with.
fn current(bench: &mut Bench, token: &str) -> Result<String, ErrorKind> {
    let arrival = bench.arrive(token);
    let family = bench.table.family(arrival.family).unwrap();
    let current = family.current(arrival.ticket, bench.now);
    bench.table.leave(arrival.family);
    current
        .map(|token| token.expose().to_owned())
        .map_err(|error| error.kind())
}

fn signed_out(bench: &mut Bench, family: FamilyId, confirmed: bool) {
    let now = bench.now;
    let noted = bench
        .table
        .with_family(family, |family| family.signed_out(now, confirmed));
    assert!(noted.is_some());
}

fn sign_out(bench: &mut Bench, token: &str, revoked: bool) {
    let arrival = bench.arrive(token);
    bench.forget(token);
    assert!(matches!(
        bench.next(&arrival, &Operation::SignOut),
        Seen::Send(_)
    ));
    signed_out(bench, arrival.family, revoked);
    bench.table.leave(arrival.family);
}

#[test]
fn a_successor_is_not_lost_with_the_answer_that_brought_it() {
    for kind in [ErrorKind::KeysUnavailable, ErrorKind::UpstreamInvalid] {
        let mut bench = Bench::new(KEEP);
        bench.call("a", &select("T1"), rotated(1, "b", "T1"));
        bench.call("b", &select("T2"), orphaned(kind, "c"));
        // The kept answer names a token that has been rotated.
        for token in ["a", "b"] {
            let rests = Seen::Refuse(kind, false);
            assert_eq!(bench.ask(token, &Operation::Refresh), rests);
        }
        bench.advance(SECOND);
        assert_eq!(current(&mut bench, "a").unwrap(), "c");
        bench.call("a", &Operation::Refresh, rotated(2, "d", "T1"));
        assert_eq!(bench.ask("b", &Operation::Refresh), Seen::Answer(2));
    }
}

#[test]
fn a_successor_that_no_browser_has_is_kept_for_its_life() {
    let mut bench = Bench::new(KEEP);
    bench.call(
        "a",
        &Operation::Refresh,
        orphaned(ErrorKind::KeysUnavailable, "b"),
    );
    for number in 0..59 {
        bench.advance(SECOND);
        // Other browsers come and go, and what is stale is thrown out.
        let other = format!("x{number}");
        bench.call(&other, &Operation::Refresh, failed(ErrorKind::Refused));
    }
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("b"));

    let mut bench = Bench::new(KEEP);
    bench.call(
        "a",
        &Operation::Refresh,
        orphaned(ErrorKind::KeysUnavailable, "b"),
    );
    bench.advance(LIFE.checked_sub(SECOND).unwrap());
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("b"));
    bench.advance(SECOND);
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("a"), "forgotten");
}

#[test]
fn a_wish_that_waited_goes_up_with_the_successor_after_its_rest() {
    let mut bench = Bench::new(KEEP);
    let (first, second) = (bench.arrive("a"), bench.arrive("a"));
    assert_eq!(bench.next(&first, &Operation::Refresh), sends("a"));
    let outcome = orphaned(ErrorKind::UpstreamInvalid, "b");
    assert!(!bench.done(first.family, outcome));
    let rests = Seen::Refuse(ErrorKind::UpstreamInvalid, false);
    assert_eq!(bench.next(&second, &Operation::Refresh), rests);
    bench.advance(SECOND);
    assert_eq!(bench.next(&second, &select("T1")), sends("b"));
}

#[test]
fn an_answer_is_not_kept_beyond_its_session() {
    let mut bench = Bench::new(KEEP);
    let end = bench.now.later(10 * SECOND).date();
    let short = rotated(1, "b", "T1").map(|outcome| CallOutcome {
        expires_at: Some(end),
        ..outcome
    });
    bench.call("a", &Operation::Refresh, short);
    bench.advance(9 * SECOND);
    assert_eq!(bench.ask("a", &Operation::Refresh), Seen::Answer(1));
    bench.advance(SECOND);
    assert_eq!(
        bench.ask("a", &Operation::Refresh),
        sends("b"),
        "with the newest"
    );
}

#[test]
fn a_sign_out_waits_for_what_is_up_and_goes_up_with_the_successor() {
    let mut bench = Bench::new(KEEP);
    let up = bench.arrive("a");
    assert_eq!(bench.next(&up, &Operation::Refresh), sends("a"));
    let out = bench.arrive("a");
    bench.forget("a");
    assert_eq!(bench.next(&out, &Operation::SignOut), Seen::Wait);
    assert!(!bench.done(up.family, rotated(1, "b", "T1")), "signed out");
    assert_eq!(bench.next(&out, &Operation::SignOut), sends("b"));
    assert_eq!(bench.ask("a", &Operation::Refresh), OVER);
    signed_out(&mut bench, out.family, true);
    for token in ["a", "b"] {
        assert_eq!(bench.ask(token, &Operation::Refresh), OVER, "{token}");
        assert_eq!(bench.ask(token, &Operation::SignOut), OVER, "{token}");
        assert_eq!(current(&mut bench, token), Err(ErrorKind::SessionEnded));
    }
}

#[test]
fn a_sign_out_that_descope_does_not_know_of_may_be_repeated() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    sign_out(&mut bench, "a", false);
    assert_eq!(bench.ask("b", &Operation::Refresh), OVER);
    sign_out(&mut bench, "a", true);
    assert_eq!(bench.ask("b", &Operation::SignOut), OVER);
}

#[test]
fn a_sign_out_is_not_answered_with_a_failure_that_stands() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, failed(ErrorKind::UpstreamTimeout));
    assert_eq!(bench.ask("a", &Operation::SignOut), sends("a"));
}

#[test]
fn what_descope_says_of_a_token_counts_whatever_the_call() {
    for (kind, ends) in [
        (ErrorKind::SessionEnded, true),
        (ErrorKind::RefreshTokenReused, false),
    ] {
        let mut bench = Bench::new(KEEP);
        bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
        let arrival = bench.arrive("b");
        let error = Error::new(kind, "x");
        let now = bench.now;
        let learned = bench
            .table
            .with_family(arrival.family, |family| family.learned(error, now));
        let error = learned.unwrap();
        assert_eq!(error.ends_session(), ends);
        bench.table.leave(arrival.family);
        assert_eq!(
            bench.ask("b", &Operation::Refresh),
            Seen::Refuse(kind, ends)
        );
        assert_eq!(current(&mut bench, "a"), Err(kind));
    }
    let mut bench = Bench::new(KEEP);
    let arrival = bench.arrive("a");
    let error = Error::new(ErrorKind::UpstreamTimeout, "x");
    let now = bench.now;
    let learned = bench
        .table
        .with_family(arrival.family, |family| family.learned(error, now));
    assert!(learned.is_some());
    assert_eq!(bench.next(&arrival, &Operation::Refresh), sends("a"));
}

#[test]
fn an_unverified_token_is_remembered_as_signed_out_and_fills_no_table() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    for token in ["x", "a"] {
        let digest = Digest::of_test(&RefreshToken::new(token));
        bench.table.sign_out_unverified(digest, bench.now);
    }
    assert_eq!(bench.table.len(), (1, 2));
    assert_eq!(bench.ask("b", &Operation::Refresh), OVER);
    assert_eq!(bench.ask("x", &Operation::Refresh), OVER);
    // A flood drives out only its like: known families stay.
    for number in 0..5_000 {
        let digest = Digest::of_test(&RefreshToken::new(format!("z{number}")));
        bench.table.sign_out_unverified(digest, bench.now);
    }
    assert_eq!(bench.ask("z1", &Operation::Refresh), sends("z1"));
    assert_eq!(bench.ask("z4999", &Operation::Refresh), OVER);
    assert_eq!(bench.ask("b", &Operation::Refresh), OVER);
}

#[test]
fn a_clock_that_is_set_forward_removes_no_cookies_and_sends_no_token_again() {
    let day = Duration::from_secs(86_400);
    for step in [SECOND * 2, KEEP + SECOND, REMEMBER_DELIVERED, day] {
        let mut bench = Bench::of_size(KEEP, 100);
        bench.call(
            "used",
            &Operation::Refresh,
            failed(ErrorKind::RefreshTokenReused),
        );
        bench.call(
            "slow",
            &Operation::Refresh,
            failed(ErrorKind::UpstreamTimeout),
        );
        bench.forget("out");
        let old = bench.arrive("old");
        let now = bench.now;
        bench
            .table
            .with_family(old.family, |family| family.supersede(now));
        bench.table.leave(old.family);
        bench.step(step);
        bench.advance(SECOND * 3 / 10);
        for (token, kind) in [
            ("used", ErrorKind::RefreshTokenReused),
            ("slow", ErrorKind::UpstreamTimeout),
            ("out", ErrorKind::SessionEnded),
            ("old", ErrorKind::SessionEnded),
        ] {
            let seen = bench.ask(token, &Operation::Refresh);
            assert_eq!(seen, Seen::Refuse(kind, false), "{token} {step:?}");
        }
    }
}

/// The word of another replica's that the user signed out there.
fn learned_elsewhere(bench: &mut Bench, token: &str) {
    let arrival = bench.arrive(token);
    let now = bench.now;
    let ended = Error::new(ErrorKind::SessionEnded, "the user signed out").with_session_ended();
    let noted = bench.table.with_family(arrival.family, |family| {
        family.learned(ended.leaving_cookies(), now).kind()
    });
    assert_eq!(noted, Some(ErrorKind::SessionEnded));
    bench.table.leave(arrival.family);
}

#[test]
fn a_sign_out_at_another_replica_is_told_to_descope_by_that_one_and_forgotten_here_in_time() {
    for signs_out_here in [false, true] {
        let mut bench = Bench::new(KEEP);
        learned_elsewhere(&mut bench, "a");
        assert_eq!(bench.ask("a", &Operation::Refresh), OVER);
        learned_elsewhere(&mut bench, "a");
        if signs_out_here {
            sign_out(&mut bench, "a", false);
        }
        bench.advance(KEEP + 2 * 3_600 * SECOND);
        // Making room forgets what is over.
        bench.call("b", &Operation::Refresh, rotated(1, "c", "T1"));
        let digest = Digest::of_test(&RefreshToken::new("a"));
        assert_eq!(bench.table.knows(digest), signs_out_here);
    }
}
