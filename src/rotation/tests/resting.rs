//! Requests beside a good session for which nothing is looked up but that there is nothing to be had.

use std::time::{Duration, SystemTime};

use super::bench::{Bench, KEEP, LIFE, rotated, unrotated};
use crate::{digest::Digest, rotation::Operation, token::RefreshToken};

/// Returns `true` if a token of its own user's rests beside a session that lives for so long.
fn rests_beside(bench: &mut Bench, token: &str, session: Duration) -> bool {
    let end = bench.now.date() + session;
    rests(bench, token, token, end, false)
}

fn rests(bench: &mut Bench, token: &str, user: &str, end: SystemTime, slowed_down: bool) -> bool {
    let (digest, user) = (Digest::of_test(&RefreshToken::new(token)), bench.user(user));
    bench.table.rests(digest, user, end, slowed_down, bench.now)
}

fn try_early(bench: &mut Bench, token: &str) {
    let holder = bench.arrive(token);
    let now = bench.now;
    let free = bench
        .table
        .with_family(holder.family, |family| family.try_early(holder.ticket, now));
    assert_eq!(free, Some(true));
    bench.table.leave(holder.family);
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_token_rests_for_a_minute_after_it_was_tried_early() {
    let mut bench = Bench::new(KEEP);
    assert!(!rests_beside(&mut bench, "a", MINUTE), "nobody knows it");
    bench.ask("a", &Operation::SignOut);
    assert!(!rests_beside(&mut bench, "b", MINUTE), "nobody knows it");
    try_early(&mut bench, "b");
    assert!(rests_beside(&mut bench, "b", MINUTE));
    bench.advance(MINUTE / 2);
    assert!(rests_beside(&mut bench, "b", MINUTE));
    bench.advance(MINUTE / 2);
    assert!(!rests_beside(&mut bench, "b", MINUTE));
}

#[test]
fn a_token_rests_beside_a_call_and_while_descope_asks_to_slow_down() {
    let mut bench = Bench::new(KEEP);
    let holder = bench.arrive("a");
    assert!(!rests_beside(&mut bench, "a", MINUTE));
    let end = bench.now.date() + MINUTE;
    assert!(rests(&mut bench, "a", "a", end, true));
    bench.next(&holder, &Operation::Refresh);
    assert!(rests_beside(&mut bench, "a", MINUTE));
}

#[test]
fn a_token_that_has_been_replaced_never_rests() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "a-2", "T1"));
    let end = bench.now.date() + LIFE;
    assert!(!rests(&mut bench, "a", "a", end, true));
}

#[test]
fn a_token_rests_for_its_own_user_alone() {
    let mut bench = Bench::new(KEEP);
    try_early(&mut bench, "a");
    let end = bench.now.date() + MINUTE;
    assert!(!rests(&mut bench, "a", "b", end, true));
    assert!(rests(&mut bench, "a", "a", end, true));
}

#[test]
fn a_token_does_not_rest_beside_a_session_that_is_older_than_the_answer() {
    let mut bench = Bench::new(KEEP);
    let mut outcome = unrotated(1, "T1").unwrap();
    outcome.expires_at = Some(bench.now.date() + MINUTE);
    bench.call("a", &Operation::Refresh, Ok(outcome));
    try_early(&mut bench, "a");
    assert!(!rests_beside(&mut bench, "a", MINUTE / 2));
    assert!(rests_beside(&mut bench, "a", MINUTE));
    bench.call("a", &Operation::Refresh, unrotated(1, "T1"));
    let end = bench.now.date() + LIFE;
    assert!(
        !rests(&mut bench, "a", "a", end, true),
        "whose end is unknown"
    );
}

#[test]
fn a_token_that_is_over_or_signed_out_does_not_rest() {
    let mut bench = Bench::new(KEEP);
    try_early(&mut bench, "a");
    let user = bench.user("a");
    let mut everywhere = bench.clone();
    everywhere.table.sign_out_everywhere(user, bench.now);
    assert!(!rests_beside(&mut everywhere, "a", MINUTE));
    let mut signed_out = bench.clone();
    let digest = Digest::of_test(&RefreshToken::new("a"));
    signed_out.table.sign_out_known(digest, bench.now);
    assert!(!rests_beside(&mut signed_out, "a", MINUTE));
    bench.advance(LIFE);
    let end = bench.now.date() + MINUTE;
    assert!(!rests(&mut bench, "a", "a", end, true));
}

#[test]
fn a_token_that_rests_has_been_presented() {
    let mut bench = Bench::new(KEEP);
    let mut outcome = rotated(1, "a-2", "T1").unwrap();
    let end = bench.now.date() + MINUTE;
    outcome.expires_at = Some(end);
    bench.call("a", &Operation::Refresh, Ok(outcome));
    let user = bench.user("a");
    assert!(bench.table.concerns(user), "nobody has shown the successor");
    assert!(rests(&mut bench, "a-2", "a", end, true));
    assert!(!bench.table.concerns(user));
}
