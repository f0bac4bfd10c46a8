//! The view, with sessions that are made by hand.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::{
    Mark, MarkKeys, MarkName, Revocation, RevocationView, Standing, Subject, mark::CutMark,
};
use crate::{
    clock::{Clock, Now, TestClock},
    ids::{TenantId, UserId},
};

mod clocks;

struct Seen {
    user: UserId,
    payload: String,
    issued: Option<f64>,
    tenants: Vec<&'static str>,
    cleared_of: AtomicU64,
}

impl Seen {
    fn new(user: &str, issued: f64) -> Self {
        Self {
            user: UserId::new(user).unwrap(),
            payload: format!("{user} {issued}"),
            issued: Some(issued),
            tenants: vec!["T1", "T2"],
            cleared_of: AtomicU64::new(0),
        }
    }
}

impl Subject for Seen {
    fn keys(&self) -> MarkKeys {
        MarkKeys::new(&self.user, &self.payload)
    }

    fn issued(&self) -> Option<f64> {
        self.issued
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn payload(&self) -> &str {
        &self.payload
    }

    fn cleared_of(&self) -> u64 {
        self.cleared_of.load(Relaxed)
    }

    fn note_cleared_of(&self, number: u64) {
        self.cleared_of.store(number, Relaxed);
    }

    fn any_tenant(&self, visit: &mut dyn FnMut(&str) -> bool) -> bool {
        self.tenants.iter().any(|tenant| visit(tenant))
    }
}

struct Bench {
    view: RevocationView,
    clock: TestClock,
}

impl Bench {
    fn new(settings: Revocation) -> Self {
        let clock = TestClock::new();
        clock.advance(Duration::from_secs(60));
        Self {
            view: RevocationView::new(settings, Clock::Test(clock.clone())),
            clock,
        }
    }

    /// One that other replicas' marks are to be learned of.
    fn shared(settings: Revocation) -> Self {
        let bench = Self::new(settings);
        bench.view.listen_to(Box::new(|_| {}));
        bench
    }

    fn now(&self) -> Now {
        self.view.clock().now()
    }

    fn second(&self) -> f64 {
        self.now().wall.as_secs_f64().floor()
    }

    fn mark(&self, mark: &Mark) {
        self.view.mark(&[mark.name().unwrap()], self.now());
    }

    fn standing(&self, seen: &Seen) -> Standing {
        self.view.standing(seen, &self.now())
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// All that was written until now has been read.
    fn hear(&self) {
        self.view.note_heard(self.now(), Duration::ZERO);
    }
}

const STRICT: Revocation = Revocation::strict(Duration::from_secs(1));

fn user(id: &str) -> Mark {
    Mark::user(&UserId::new(id).unwrap())
}

#[test]
fn a_mark_is_about_what_began_up_to_its_second_and_about_nobody_else() {
    let bench = Bench::new(STRICT);
    let now = bench.second();
    let tenant = |id: &str| Mark::tenant(&TenantId::new(id).unwrap());
    for (mark, marked, other) in [
        (user("U1"), Seen::new("U1", now), Seen::new("U2", now)),
        (
            tenant("T2"),
            Seen::new("U3", now),
            Seen {
                tenants: vec!["T3"],
                ..Seen::new("U3", now)
            },
        ),
    ] {
        assert_eq!(bench.standing(&marked), Standing::Good);
        bench.mark(&mark);
        assert_eq!(bench.standing(&marked), Standing::Revoked, "{mark:?}");
        assert_eq!(bench.standing(&other), Standing::Good, "{mark:?}");
        let fraction = Seen {
            issued: Some(now + 0.9),
            ..marked
        };
        assert_eq!(bench.standing(&fraction), Standing::Revoked);
        let next = Seen {
            issued: Some(now + 1.0),
            ..fraction
        };
        assert_eq!(bench.standing(&next), Standing::Good);
        let undated = Seen {
            issued: None,
            ..next
        };
        assert_eq!(bench.standing(&undated), Standing::Revoked);
    }
    let all = Bench::new(STRICT);
    all.mark(&Mark::everybody());
    assert_eq!(all.standing(&Seen::new("U9", now)), Standing::Revoked);
    assert_eq!(all.standing(&Seen::new("U9", now + 1.0)), Standing::Good);
}

#[test]
fn a_session_is_marked_alone_whenever_it_was_issued() {
    let bench = Bench::new(STRICT);
    let now = bench.second();
    let one = Seen::new("U1", now + 30.0);
    let name = MarkName::session(&one.payload).unwrap();
    bench.view.mark(&[name], bench.now());
    assert_eq!(bench.standing(&one), Standing::Revoked);
    assert_eq!(bench.standing(&Seen::new("U1", now + 31.0)), Standing::Good);
}

#[test]
fn a_mark_made_twice_is_one_and_its_later_cut_stands() {
    let bench = Bench::new(STRICT);
    let now = bench.second();
    bench.mark(&user("U1"));
    bench.pass(10);
    bench.mark(&user("U1"));
    assert_eq!(bench.view.status().marks, 1);
    assert_eq!(
        bench.standing(&Seen::new("U1", now + 10.0)),
        Standing::Revoked
    );
    // One that was told late takes nothing back.
    let earlier = CutMark {
        name: user("U1").name().unwrap(),
        cut: 5,
    };
    bench.view.note_told([earlier], bench.now());
    assert_eq!(
        bench.standing(&Seen::new("U1", now + 10.0)),
        Standing::Revoked
    );
}

#[test]
fn a_mark_of_a_replica_whose_clock_is_ahead_refuses_no_session_to_come() {
    let bench = Bench::new(STRICT);
    let now = bench.now().wall.as_secs();
    let ahead = CutMark {
        name: user("U1").name().unwrap(),
        cut: u32::try_from(now + 3_600).unwrap(),
    };
    bench.view.note_told([ahead], bench.now());
    let now = bench.second();
    assert_eq!(bench.standing(&Seen::new("U1", now)), Standing::Revoked);
    assert_eq!(bench.standing(&Seen::new("U1", now + 6.0)), Standing::Good);
}

#[test]
fn a_session_is_looked_for_once_after_each_mark_and_found_by_a_later_one() {
    let bench = Bench::new(STRICT);
    let seen = Seen::new("U1", bench.second());
    for other in 2..20 {
        bench.mark(&user(&format!("U{other}")));
        assert_eq!(bench.standing(&seen), Standing::Good);
        let cleared = seen.cleared_of();
        assert_eq!(bench.standing(&seen), Standing::Good);
        assert_eq!(seen.cleared_of(), cleared);
    }
    bench.mark(&user("U1"));
    assert_eq!(bench.standing(&seen), Standing::Revoked);
    assert_eq!(bench.standing(&seen), Standing::Revoked);
}

#[test]
fn the_newest_of_the_marks_of_one_second_counts_for_what_came_between_them() {
    let bench = Bench::new(STRICT);
    let seen = Seen::new("U1", bench.second());
    let mark = || {
        bench.mark(&user("U1"));
        bench.now().mono
    };
    let first = mark();
    assert_eq!(bench.view.revoked_at(&seen), Some(first));
    // An answer that came in between was of a call that Descope answered before the second.
    bench.clock.advance(Duration::from_millis(300));
    let second = mark();
    assert!(second > first);
    assert_eq!(bench.view.revoked_at(&seen), Some(second));
}

#[test]
fn marks_are_forgotten_when_no_session_can_be_that_old() {
    let longest = Duration::from_secs(600);
    let bench = Bench::new(STRICT.longest_session(longest));
    let old = Seen::new("U1", bench.second());
    bench.mark(&user("U1"));
    bench.pass(650);
    assert_eq!(bench.standing(&old), Standing::Revoked);
    bench.pass(20);
    // Whatever is marked next makes room.
    bench.mark(&user("U2"));
    assert_eq!(bench.view.status().marks, 1);
    assert_eq!(bench.standing(&old), Standing::Good);
}

#[test]
fn more_marks_than_there_is_room_for_are_never_dropped_unnoticed() {
    for (settings, lacking) in [
        (STRICT, Standing::Unknown),
        (Revocation::available(), Standing::Good),
    ] {
        let longest = Duration::from_secs(600);
        let bench = Bench::new(settings.max_marks(2).longest_session(longest));
        let stranger = Seen::new("U9", bench.second());
        for id in ["U1", "U2"] {
            bench.mark(&user(id));
        }
        // Again is not another one.
        bench.mark(&user("U2"));
        assert_eq!(bench.standing(&stranger), Standing::Good);
        bench.mark(&user("U3"));
        assert_eq!(bench.standing(&stranger), lacking);
        assert!(!bench.view.status().fresh);
        assert_eq!(bench.view.status().marks, 2);
        bench.pass(700);
        assert_eq!(bench.standing(&stranger), Standing::Good);
        assert!(bench.view.status().fresh);
    }
}

#[test]
fn a_view_is_relied_on_for_as_long_as_it_may_be() {
    let bench = Bench::shared(STRICT);
    let seen = Seen::new("U1", bench.second());
    assert_eq!(
        bench.standing(&seen),
        Standing::Unknown,
        "nothing was heard"
    );
    let asked = bench.now();
    bench.view.note_heard(asked, Duration::from_millis(200));
    bench.clock.advance(Duration::from_millis(800));
    assert_eq!(bench.standing(&seen), Standing::Good);
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(bench.standing(&seen), Standing::Unknown);
    // An answer that was overtaken makes nothing older.
    bench.hear();
    bench.view.note_heard(asked, Duration::ZERO);
    assert_eq!(bench.standing(&seen), Standing::Good);

    let available = Bench::shared(Revocation::available());
    assert_eq!(available.standing(&seen), Standing::Good);
    assert!(!available.view.status().fresh);
}

#[test]
fn what_was_marked_here_is_told_until_it_is_read_again() {
    let bench = Bench::shared(STRICT);
    bench.mark(&user("U1"));
    let unsent = bench.view.unsent(10);
    assert_eq!(unsent.len(), 1);
    bench.view.told(&unsent);
    assert_eq!(bench.view.unsent(10), []);
    // Again later it is news.
    bench.pass(5);
    bench.mark(&user("U1"));
    assert_eq!(bench.view.unsent(10).len(), 1);
    bench.view.told(&unsent);
    assert_eq!(bench.view.unsent(10).len(), 1, "the earlier one was told");
    bench.view.note_told(bench.view.unsent(10), bench.now());
    assert_eq!(bench.view.unsent(10), []);
    bench.view.forget_told();
    assert_eq!(bench.view.unsent(10).len(), 1);
    assert_eq!(bench.view.unsent(0), []);
}

#[test]
fn many_marks_are_all_found_and_strangers_are_not() {
    let bench = Bench::new(STRICT);
    let now = bench.second();
    let id = |number: u32| format!("U{number}");
    for number in 0..5_000 {
        bench.mark(&user(&id(number)));
    }
    for number in (0..5_000).step_by(97) {
        let seen = Seen::new(&id(number), now);
        assert_eq!(bench.standing(&seen), Standing::Revoked, "{number}");
    }
    for number in 5_000..10_000 {
        let seen = Seen::new(&id(number), now);
        assert_eq!(bench.standing(&seen), Standing::Good, "{number}");
    }
}

#[test]
fn a_name_is_read_as_it_was_written_and_shows_nobody() {
    for mark in [user("U1"), Mark::everybody()] {
        let name = mark.name().unwrap();
        assert_eq!(MarkName::from_bytes(&name.to_bytes()), Some(name));
    }
    let ann = UserId::new("U1").unwrap();
    let sign_outs = [
        MarkName::sign_out(&ann),
        MarkName::everywhere(&ann),
        MarkName::everywhere_confirmed(&ann),
        MarkName::signed_in_again(&ann),
    ];
    for name in sign_outs.map(Result::unwrap) {
        assert_eq!(MarkName::from_bytes(&name.to_bytes()), Some(name));
    }
    assert_eq!(MarkName::from_bytes(b"z0123456789abcdef"), None);
    let same = [
        user("X").name().unwrap(),
        Mark::tenant(&TenantId::new("X").unwrap()).name().unwrap(),
        MarkName::session("X").unwrap(),
    ];
    assert!(same[0] != same[1] && same[1] != same[2] && same[0] != same[2]);
}

#[test]
fn settings_out_of_range_are_named() {
    let second = Duration::from_secs(1);
    for (settings, named) in [
        (Revocation::strict(Duration::ZERO), "strict"),
        (Revocation::strict(61 * second), "strict"),
        (STRICT.longest_session(second), "longest_session"),
        (STRICT.tick(second), "tick"),
        (STRICT.tick(Duration::from_millis(49)), "tick"),
        (STRICT.max_marks(0), "max_marks"),
    ] {
        let message = settings.check().unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
    STRICT.check().unwrap();
    Revocation::strict(5 * second).tick(second).check().unwrap();
    Revocation::available().tick(12 * second).check().unwrap();
    let message = Revocation::available().tick(13 * second).check();
    assert!(message.unwrap_err().to_string().contains("tick"));
}
