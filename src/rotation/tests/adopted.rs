//! The rules of sign-ins: tokens that were seen, sessions that another one replaced, and sessions that
//! began here.

use std::time::Duration;

use super::bench::{
    Bench, KEEP, LIFE, Seen, WITHOUT_RECORD, failed, rotated, select, sends, unrotated,
};
use crate::{
    digest::Digest,
    error::{Error, ErrorKind},
    rotation::{
        call::{CallOutcome, Operation},
        family::{Family, Newest},
        table::FamilyId,
    },
    token::{REMEMBER_DELIVERED, RefreshToken},
};

const SECOND: Duration = Duration::from_secs(1);
const LATE: Seen = Seen::Refuse(ErrorKind::RefreshTokenReplaced, false);
/// Ended, and the browser's cookies are another session's.
const OVER: Seen = Seen::Refuse(ErrorKind::SessionEnded, false);
const REMOVED: Seen = Seen::Refuse(ErrorKind::SessionEnded, true);

impl Bench {
    /// The family of a token, which is presented by that.
    fn family(&mut self, token: &str) -> FamilyId {
        let arrival = self.arrive(token);
        self.table.leave(arrival.family);
        arrival.family
    }

    fn change(&mut self, token: &str, change: impl FnOnce(&mut Family<u32>)) {
        let family = self.family(token);
        assert!(self.table.with_family(family, change).is_some());
    }

    fn withdraw(&mut self, token: &str) {
        let (digest, now) = (Digest::of_test(&RefreshToken::new(token)), self.now);
        self.change(token, |family| family.withdraw(digest, now));
    }

    /// A sign-in that exchanges a token which was seen.
    fn exchange_seen(&mut self, token: &str, result: Result<CallOutcome<u32>, Error>) {
        let adopting = self.arrive(token);
        self.withdraw(token);
        assert_eq!(self.next(&adopting, &Operation::Refresh), sends(token));
        self.done(adopting.family, result);
        self.table.leave(adopting.family);
    }

    fn supersede(&mut self, token: &str) {
        let now = self.now;
        self.change(token, |family| family.supersede(now));
    }

    fn note_adopted(&mut self, token: &str) {
        let family = self.family(token);
        self.table.note_adopted(family);
    }
}

#[test]
fn a_withdrawn_token_is_answered_for_nobody_once_it_is_replaced() {
    for shows_session in [false, true] {
        let mut bench = Bench::new(KEEP);
        bench.shows_session = shows_session;
        // Somebody waits with it already.
        let waiting = bench.arrive("a");
        bench.withdraw("a");
        bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
        assert_eq!(bench.next(&waiting, &Operation::Refresh), LATE);
        assert_eq!(bench.next(&waiting, &select("T1")), LATE);
        bench.table.leave(waiting.family);
        for (after, at) in [(0, 0), (59, 59), (2, 61), (838, 899)] {
            bench.advance(Duration::from_secs(after));
            for operation in [Operation::Refresh, select("T1"), select("T2")] {
                assert_eq!(bench.ask("a", &operation), LATE, "{at}");
            }
        }
        bench.advance(SECOND);
        assert_eq!(
            bench.ask("a", &Operation::Refresh),
            sends("a"),
            "Descope judges"
        );
    }
}

#[test]
fn the_successor_of_a_withdrawn_token_is_rotated_and_answered_as_any() {
    let mut bench = Bench::new(KEEP);
    bench.exchange_seen("a", rotated(1, "b", "T1"));
    bench.call("b", &Operation::Refresh, rotated(2, "c", "T1"));
    // Its answer was lost, or a second request ran beside it.
    assert_eq!(bench.ask("b", &Operation::Refresh), Seen::Answer(2));
    bench.advance(KEEP * 10);
    assert_eq!(bench.ask("b", &Operation::Refresh), sends("c"));
    assert_eq!(bench.ask("a", &Operation::Refresh), LATE);
}

#[test]
fn what_was_before_a_withdrawn_token_is_withdrawn_with_it() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    assert_eq!(bench.ask("a", &Operation::Refresh), Seen::Answer(1));
    bench.withdraw("b");
    bench.call("b", &Operation::Refresh, rotated(2, "c", "T1"));
    for token in ["a", "b"] {
        assert_eq!(bench.ask(token, &Operation::Refresh), LATE, "{token}");
    }
    bench.call("c", &Operation::Refresh, rotated(3, "d", "T1"));
    assert_eq!(bench.ask("c", &Operation::Refresh), Seen::Answer(3));
}

#[test]
fn a_withdrawn_token_that_was_replaced_before_is_refused_at_once() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    assert_eq!(bench.ask("a", &Operation::Refresh), Seen::Answer(1));
    bench.withdraw("a");
    assert_eq!(bench.ask("a", &Operation::Refresh), LATE);
    bench.call("b", &Operation::Refresh, rotated(2, "c", "T1"));
    assert_eq!(
        bench.ask("b", &Operation::Refresh),
        Seen::Answer(2),
        "its own holder"
    );
}

#[test]
fn a_token_stays_withdrawn_though_the_call_with_it_failed() {
    let mut bench = Bench::new(KEEP);
    bench.exchange_seen("a", failed(ErrorKind::UpstreamUnavailable));
    bench.advance(SECOND);
    // The same sign-in, once more; whoever has it sent, it is worth nothing afterwards.
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    assert_eq!(bench.ask("a", &Operation::Refresh), LATE);
}

#[test]
fn a_token_that_is_reinstated_is_replaced_later_as_any() {
    let mut bench = Bench::new(KEEP);
    bench.exchange_seen("a", unrotated(1, "T1"));
    bench.change("a", Family::reinstate);
    bench.advance(KEEP);
    bench.call("a", &Operation::Refresh, rotated(2, "b", "T1"));
    assert_eq!(bench.ask("a", &Operation::Refresh), Seen::Answer(2));
    bench.advance(KEEP * 10);
    assert_eq!(bench.ask("a", &Operation::Refresh), sends("b"));
}

#[test]
fn nothing_that_is_kept_is_for_the_holder_of_a_withdrawn_token() {
    let mut bench = Bench::new(KEEP);
    bench.shows_session = true;
    bench.exchange_seen("a", rotated(1, "b", "T1"));
    for (token, is_for_it) in [("a", false), ("b", true)] {
        let arrival = bench.arrive(token);
        let family = bench.table.family(arrival.family).unwrap();
        let (ticket, now) = (arrival.ticket, bench.now);
        assert_eq!(family.kept(ticket, now).is_some(), is_for_it, "{token}");
        assert_eq!(family.current(ticket, now).is_ok(), is_for_it, "{token}");
        assert!(family.successor(ticket, now).is_none() || !is_for_it);
        assert!(!family.has_rotated(ticket), "{token}");
        bench.table.leave(arrival.family);
    }
    // A sign-out with it is meant for the session all the same.
    assert_eq!(bench.ask("a", &Operation::SignOut), sends("b"));
}

#[test]
fn a_superseded_session_answers_nobody_and_removes_no_cookies_however_late() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    let up = bench.arrive("b");
    assert_eq!(bench.next(&up, &Operation::Refresh), sends("b"));
    bench.supersede("a");
    assert!(!bench.done(up.family, rotated(2, "c", "T1")));
    bench.table.leave(up.family);
    for after in [0, 60, 900, 1_800] {
        bench.advance(Duration::from_secs(after));
        for token in ["a", "b", "c"] {
            assert_eq!(
                bench.ask(token, &Operation::Refresh),
                OVER,
                "{token} {after}"
            );
            assert_eq!(bench.ask(token, &select("T2")), OVER, "{token} {after}");
        }
    }
    let family = bench.family("c");
    let newest = bench.table.family(family).unwrap().newest();
    assert!(matches!(newest, Newest::Ended));
    // Descope goes on with it, so a sign-out has something to say.
    assert_eq!(bench.ask("a", &Operation::SignOut), sends("c"));
}

#[test]
fn of_a_superseded_session_nothing_need_be_remembered_for_long() {
    let mut bench = Bench::new(KEEP);
    bench.supersede("u1-a");
    assert_eq!(bench.table.len(), (1, 1));
    bench.advance(KEEP + 2 * Duration::from_secs(3_600));
    bench.call("u2-a", &Operation::Refresh, unrotated(1, "T1"));
    assert_eq!(bench.table.len(), (1, 1), "the other one alone");
}

#[test]
fn a_session_that_has_ended_is_not_superseded_as_well() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, failed(ErrorKind::SessionEnded));
    bench.supersede("a");
    bench.advance(KEEP);
    assert_eq!(
        bench.ask("a", &Operation::Refresh),
        REMOVED,
        "Descope's word"
    );
}

#[test]
fn after_a_sign_in_no_end_of_another_session_of_its_user_removes_cookies() {
    let hour = Duration::from_secs(3_600);
    for adopted in ["u-new", "v-new"] {
        let expected = || if adopted == "u-new" { OVER } else { REMOVED };
        for after in [Duration::ZERO, KEEP, hour, 24 * hour] {
            let mut bench = Bench::of_size(KEEP, 100);
            bench.note_adopted(adopted);
            bench.advance(after);
            // Descope's word.
            let gone = failed(ErrorKind::SessionEnded);
            bench.call("u-gone", &Operation::Refresh, gone);
            assert_eq!(
                bench.ask("u-gone", &Operation::Refresh),
                expected(),
                "{after:?}"
            );
            // A sign-out whose own response removed the cookies long ago.
            bench.forget("u-out");
            bench.advance(REMEMBER_DELIVERED);
            assert_eq!(
                bench.ask("u-out", &Operation::Refresh),
                expected(),
                "{after:?}"
            );
            // A token that was used elsewhere and still comes after the keep time.
            let reused = failed(ErrorKind::RefreshTokenReused);
            bench.call("u-used", &Operation::Refresh, reused);
            bench.advance(KEEP);
            let seen = bench.ask("u-used", &Operation::Refresh);
            let removes = adopted != "u-new";
            assert_eq!(seen, Seen::Refuse(ErrorKind::RefreshTokenReused, removes));
        }
    }
}

#[test]
fn a_session_that_began_here_removes_cookies_with_its_own_end() {
    let mut bench = Bench::new(KEEP);
    bench.note_adopted("u-new");
    let gone = failed(ErrorKind::SessionEnded);
    bench.call("u-new", &Operation::Refresh, gone);
    assert_eq!(bench.ask("u-new", &Operation::Refresh), REMOVED);
    // And from then on it spares no other one's.
    let gone = failed(ErrorKind::SessionEnded);
    bench.call("u-old", &Operation::Refresh, gone);
    assert_eq!(bench.ask("u-old", &Operation::Refresh), REMOVED);
}

#[test]
fn a_session_that_began_here_is_remembered_for_its_life_and_gives_way_where_room_is_needed() {
    let mut bench = Bench::of_size(KEEP, 8);
    bench.note_adopted("u-new");
    bench.advance(LIFE.checked_sub(SECOND).unwrap());
    bench.call("v-a", &Operation::Refresh, unrotated(1, "T1"));
    assert_eq!(bench.table.len().0, 2);
    bench.advance(KEEP * 2);
    bench.call("w-a", &Operation::Refresh, unrotated(1, "T1"));
    assert_eq!(bench.table.len().0, 1, "both others are over");
    let mut bench = Bench::of_size(KEEP, 8);
    for user in 0..20 {
        bench.note_adopted(&format!("u{user}-new"));
        bench.advance(SECOND);
    }
    assert!(bench.table.len().0 <= 8);
    assert_eq!(bench.table.lost, 0, "nobody is signed out by it");
}

impl Bench {
    /// A sign-in with a session that no call has brought, and the token that is in force with it.
    fn take(&mut self, token: &str, answer: u32) {
        let (digest, now) = (Digest::of_test(&RefreshToken::new(token)), self.now);
        let outcome = unrotated(answer, "T1").unwrap();
        self.change(token, |family| {
            let is_older = |kept: &u32| kept % WITHOUT_RECORD < answer;
            family.take_newer(&outcome, digest, is_older, now);
        });
    }

    fn newest(&mut self, token: &str) -> Newest<u32> {
        let family = self.family(token);
        self.table.family(family).unwrap().newest()
    }
}

#[test]
fn the_session_of_a_sign_in_takes_the_place_of_an_older_one() {
    let mut bench = Bench::new(KEEP);
    bench.take("a", 2);
    assert!(matches!(bench.newest("a"), Newest::None), "nothing to take");
    bench.call("a", &Operation::Refresh, unrotated(1, "T1"));
    bench.take("a", 2);
    assert!(matches!(bench.newest("a"), Newest::Answer(2)));
    // What came since is newer.
    bench.call("a", &Operation::Refresh, unrotated(3, "T1"));
    bench.take("a", 2);
    assert!(matches!(bench.newest("a"), Newest::Answer(3)));
    // And what names a token that has been replaced is not for whoever holds that.
    bench.call("a", &Operation::Refresh, rotated(4, "b", "T1"));
    bench.take("a", 5);
    assert!(matches!(bench.newest("a"), Newest::Answer(4)));
    bench.take("b", 6);
    assert_eq!(bench.ask("a", &Operation::Refresh), Seen::Answer(6));
    bench.forget("b");
    bench.take("b", 7);
    assert!(matches!(bench.newest("b"), Newest::Ended));
}

#[test]
fn a_call_that_is_under_way_when_somebody_signs_in_brings_a_newer_session() {
    let mut bench = Bench::new(KEEP);
    bench.call("a", &Operation::Refresh, unrotated(1, "T1"));
    let renewal = bench.arrive("a");
    assert_eq!(bench.next(&renewal, &Operation::Refresh), sends("a"));
    bench.take("a", 2);
    assert!(matches!(bench.newest("a"), Newest::Answer(2)));
    let waiting = bench.arrive("a");
    assert_eq!(bench.next(&waiting, &Operation::Refresh), Seen::Wait);
    assert!(bench.done(renewal.family, unrotated(3, "T1")));
    assert!(matches!(bench.newest("a"), Newest::Answer(3)));
    assert_eq!(bench.next(&waiting, &Operation::Refresh), Seen::Answer(3));
}
