//! Marks under a wall clock that is set.

use std::time::{Duration, SystemTime};

use super::{
    super::{Mark, MarkName, Revocation, Standing},
    Bench, STRICT, Seen, user,
};
use crate::ids::TenantId;

const HOUR: Duration = Duration::from_secs(3_600);

/// The room for marks.
const MAX: usize = 2;

/// Marks in a bench whose clock is right, and the time then.
fn bench(settings: Revocation) -> (Bench, SystemTime) {
    let bench = Bench::new(settings);
    let right = bench.clock.now();
    (bench, right)
}

/// All that could be forgotten, or corrected, is.
fn tidy(bench: &Bench) {
    bench.pass(61);
    bench.view.note_told([], bench.now());
}

#[test]
fn a_clock_that_is_ahead_for_a_while_takes_no_mark_back() {
    let longest = Duration::from_secs(600);
    let (bench, right) = bench(STRICT.longest_session(longest).max_marks(MAX));
    let seen = Seen::new("U1", bench.second());
    for id in ["U1", "U2", "U3"] {
        bench.mark(&user(id));
    }
    bench.clock.set_wall(right + HOUR);
    tidy(&bench);
    assert!(!bench.view.status().fresh, "one is missing as before");
    bench.clock.set_wall(right + Duration::from_secs(61));
    assert_eq!(bench.view.status().marks, MAX);
    assert_eq!(bench.standing(&seen), Standing::Revoked);
    bench.pass(longest.as_secs());
    tidy(&bench);
    assert_eq!(bench.view.status().marks, 0, "its time is over");
    assert!(bench.view.status().fresh);
}

#[test]
fn a_mark_made_while_this_clock_is_ahead_refuses_no_session_once_it_is_right() {
    for looks_only in [false, true] {
        let (bench, right) = bench(STRICT);
        let began = bench.second();
        let token = Seen::new("U2", began);
        let name = MarkName::session(&token.payload).unwrap();
        bench.clock.set_wall(right + HOUR);
        bench.mark(&user("U1"));
        bench.mark(&Mark::tenant(&TenantId::new("T3").unwrap()));
        bench.view.mark(&[name], bench.now());
        // It reads its own marks again, as all replicas do.
        bench.view.note_told(bench.view.unsent(10), bench.now());
        bench.clock.set_wall(right);
        bench.pass(61);
        if !looks_only {
            tidy(&bench);
        }
        let of = |user, tenants: &[&'static str], after: f64| Seen {
            tenants: tenants.to_vec(),
            ..Seen::new(user, began + after)
        };
        for (user, tenants) in [("U1", &["T1"][..]), ("U4", &["T3"])] {
            let standing = |after| bench.standing(&of(user, tenants, after));
            assert_eq!(standing(0.0), Standing::Revoked);
            assert_eq!(standing(6.0), Standing::Good, "it began after the mark");
            assert_eq!(standing(61.0), Standing::Good);
        }
        assert_eq!(bench.standing(&token), Standing::Revoked);
        assert_eq!(bench.view.status().marks, 3);
    }
}

#[test]
fn everybody_marked_while_this_clock_is_ahead_may_come_again_once_it_is_right() {
    let (bench, right) = bench(STRICT.longest_session(HOUR));
    bench.clock.set_wall(right + HOUR * 100);
    bench.mark(&Mark::everybody());
    bench.clock.set_wall(right);
    let began = bench.second();
    assert_eq!(bench.standing(&Seen::new("U1", began)), Standing::Revoked);
    let next = Seen::new("U1", began + 6.0);
    assert_eq!(bench.standing(&next), Standing::Good);
    // It is forgotten as one that was made by the right clock.
    bench.pass(HOUR.as_secs() + 70);
    tidy(&bench);
    assert_eq!(bench.view.status().marks, 0);
}

#[test]
fn a_mark_missing_for_want_of_room_while_the_clock_is_ahead_locks_nobody_out_for_longer() {
    let (bench, right) = bench(STRICT.longest_session(HOUR).max_marks(MAX));
    let stranger = Seen::new("U9", bench.second());
    bench.clock.set_wall(right + HOUR * 100);
    for id in ["U1", "U2", "U3"] {
        bench.mark(&user(id));
    }
    bench.clock.set_wall(right);
    tidy(&bench);
    assert_eq!(bench.standing(&stranger), Standing::Unknown);
    bench.pass(HOUR.as_secs() + 70);
    assert_eq!(bench.standing(&stranger), Standing::Good);
}

#[test]
fn a_clock_that_is_set_back_behind_its_start_takes_no_mark_back() {
    let (bench, right) = bench(STRICT);
    let seen = Seen::new("U1", bench.second());
    bench.mark(&user("U1"));
    bench.clock.set_wall(right - HOUR);
    for _ in 0..2 {
        assert_eq!(bench.standing(&seen), Standing::Revoked);
        tidy(&bench);
    }
    bench.clock.set_wall(right + Duration::from_secs(122));
    assert_eq!(bench.standing(&seen), Standing::Revoked);
}
