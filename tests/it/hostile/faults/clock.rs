//! The machine's wall clock is set, a day back or a day forward, while everything runs: by an
//! operator, by NTP, by a suspended machine that wakes up.

use std::time::Duration;

use tower_descope::{
    AccessKeys, Descope,
    test_util::{FakeDescope, TestClock},
};

use super::doors::{Caller, Door, fake};
use crate::support::{App, advance, app, eventually, verdict};

const DAY: Duration = Duration::from_secs(86_400);

/// What a session that is good for years comes to, whatever the clock shows.
const SERVED: &str = "U1@-";

/// A service whose clock is its own; the fake's stands where it was.
struct World {
    fake: FakeDescope,
    clock: TestClock,
    descope: Descope,
    app: App,
}

impl World {
    async fn new() -> Self {
        Self::of(fake().start().await).await
    }

    async fn of(fake: FakeDescope) -> Self {
        let clock = TestClock::at(fake.clock().now());
        let builder = fake.descope_builder().clock(clock.clone());
        let descope = builder
            .access_keys(AccessKeys::new().key_prefix("K2"))
            .build()
            .unwrap();
        descope.warm_up().await.unwrap();
        Self {
            app: app(&descope),
            fake,
            clock,
            descope,
        }
    }

    fn back(&self) {
        self.clock.set_wall(self.clock.now() - DAY);
    }

    fn forward(&self) {
        self.clock.set_wall(self.clock.now() + DAY);
    }

    /// Issued two days ago, and good for two more.
    fn ageless(&self) -> String {
        let session = self.fake.session("U1");
        session.issued_at(-172_800).expires_in(172_800).token()
    }

    async fn verdict(&self, token: &str) -> String {
        verdict(&self.app, token).await
    }

    async fn status(&self, door: Door) -> u16 {
        Caller::new(&self.fake, door)
            .call(&self.descope)
            .await
            .status
    }
}

#[tokio::test]
async fn a_clock_set_back_neither_ages_keys_nor_keeps_them() {
    let world = World::new().await;
    let old = world.ageless();
    assert_eq!(world.verdict(&old).await, SERVED);
    world.back();
    assert_eq!(world.verdict(&old).await, SERVED);
    assert_eq!(world.fake.key_fetches(), 1);
    // A removed key goes in time all the same, by the clock that nobody sets.
    let kid = world.fake.current_kid();
    world.fake.rotate_keys();
    advance(&world.clock, 611).await;
    eventually("the keys are fetched", || world.fake.key_fetches() > 1).await;
    eventually("the fetch has ended", || {
        !world.descope.key_status().is_fetching()
    })
    .await;
    assert_eq!(world.verdict(&old).await, "invalid_token", "{kid}");
    assert_eq!(world.verdict(&world.ageless()).await, SERVED);
}

#[tokio::test]
async fn a_clock_set_forward_costs_one_fetch_and_nothing_when_it_is_put_right() {
    let world = World::new().await;
    let token = world.ageless();
    assert_eq!(world.verdict(&token).await, SERVED);
    world.forward();
    let herd = (0..50).map(|_| {
        let (app, token) = (world.app.clone(), token.clone());
        tokio::spawn(async move { verdict(&app, &token).await })
    });
    for one in herd.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), SERVED);
    }
    assert_eq!(world.fake.key_fetches(), 2);
    for _ in 0..20 {
        world.back();
        assert_eq!(world.verdict(&token).await, SERVED);
        world.forward();
        assert_eq!(world.verdict(&token).await, SERVED);
    }
    assert_eq!(world.fake.key_fetches(), 2);
}

#[tokio::test]
async fn a_clock_set_forward_in_an_outage_is_a_503_until_either_is_over() {
    let world = World::new().await;
    let token = world.ageless();
    world.fake.fail_always(Some(500));
    world.forward();
    for _ in 0..5 {
        assert_eq!(world.verdict(&token).await, "keys_unavailable");
    }
    assert!(
        world.fake.key_fetches() <= 4,
        "{}",
        world.fake.key_fetches()
    );
    let fetches = world.fake.key_fetches();
    world.back();
    assert_eq!(world.verdict(&token).await, SERVED);
    assert_eq!(world.fake.key_fetches(), fetches, "the keys were never old");
    world.forward();
    assert_eq!(world.verdict(&token).await, "keys_unavailable");
    world.fake.fail_always(None);
    advance(&world.clock, 67).await;
    assert_eq!(world.verdict(&token).await, SERVED);
}

#[tokio::test]
async fn unknown_kids_cost_no_more_for_a_clock_that_jumps() {
    let world = World::new().await;
    let unknown = |n: usize| world.fake.session("U1").kid(&format!("SK{n}")).token();
    for cycle in 1..=10 {
        for n in 0..20 {
            assert_eq!(world.verdict(&unknown(n)).await, "invalid_token");
        }
        world.back();
        for n in 20..40 {
            assert_eq!(world.verdict(&unknown(n)).await, "invalid_token");
        }
        world.forward();
        // Each jump looks like a day, in which there are two at once and not a day's worth.
        let fetches = world.fake.key_fetches();
        assert!(fetches <= 1 + 2 * cycle, "{cycle}: {fetches}");
    }
}

#[tokio::test]
async fn a_session_is_refused_while_the_clock_is_wrong_and_good_again_when_it_is_right() {
    let world = World::new().await;
    let token = world.fake.session("U1").token();
    assert_eq!(world.verdict(&token).await, SERVED);
    world.back();
    assert_eq!(world.verdict(&token).await, "invalid_token");
    world.forward();
    assert_eq!(world.verdict(&token).await, SERVED);
    world.forward();
    assert_eq!(world.verdict(&token).await, "expired_token");
    world.back();
    assert_eq!(world.verdict(&token).await, SERVED);
}

#[tokio::test]
async fn no_call_writes_or_removes_a_cookie_by_a_wrong_clock() {
    for door in Door::ALL {
        for forward in [true, false] {
            let what = format!("{door:?}, forward: {forward}");
            let world = World::new().await;
            let caller = Caller::new(&world.fake, door);
            if forward {
                world.forward();
            } else {
                world.back();
            }
            let seen = caller.call(&world.descope).await;
            // What Descope grants now is over here, or not yet; who is unsure says so.
            let expected: &[u16] = match door {
                Door::Me | Door::MyTenants | Door::History if forward => &[200],
                Door::Logout | Door::LogoutAll => &[200],
                Door::Select if forward => &[502],
                Door::TryRefresh if !forward => &[200],
                Door::Exchange => &[503],
                _ if forward => &[503],
                _ => &[401],
            };
            assert!(expected.contains(&seen.status), "{what}: {seen:?}");
            if door.signs_out() {
                assert!(seen.removes_cookies(), "{what}");
            } else {
                assert!(seen.cookies.is_empty(), "{what}: {seen:?}");
            }
            world.clock.set_wall(world.fake.clock().now());
            world.clock.advance(Duration::from_secs(61));
            let seen = caller.call(&world.descope).await;
            assert!(caller.is_content_with(&seen), "{what}: {seen:?}");
        }
    }
}

/// Refresh tokens of twelve hours, and a clock that is a day ahead: by it every session is over.
#[tokio::test]
async fn a_clock_ahead_of_every_refresh_token_signs_nobody_out_and_asks_nobody() {
    for door in Door::ALL {
        if door.signs_out() || door == Door::Exchange {
            continue;
        }
        let fake = fake()
            .refresh_ttl(Duration::from_secs(43_200))
            .start()
            .await;
        let world = World::of(fake).await;
        let caller = Caller::new(&world.fake, door);
        world.forward();
        world.fake.clear_requests();
        let seen = caller.call(&world.descope).await;
        let expected = match door {
            Door::TryRefresh => (200, ""),
            _ => (401, "expired_token"),
        };
        assert_eq!((seen.status, &*seen.code), expected, "{door:?}");
        assert!(seen.cookies.is_empty(), "{door:?}: {seen:?}");
        assert_eq!(world.fake.calls(door.path()), 0, "{door:?}");
        // The clock is set right, and the browser still has all that it had.
        world.clock.set_wall(world.fake.clock().now());
        world.clock.advance(Duration::from_secs(61));
        let seen = caller.call(&world.descope).await;
        assert!(caller.is_content_with(&seen), "{door:?}: {seen:?}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_browser_that_repeats_itself_though_the_clock_was_set_back() {
    let fake = FakeDescope::builder()
        .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
        .start()
        .await;
    let clock = TestClock::at(fake.clock().now());
    let descope = fake.descope_builder().clock(clock.clone()).build().unwrap();
    let old = fake.refresh("U1").issued_at(-172_800).token();
    let caller = Caller::with(Door::Refresh, &format!("DSR={old}"));
    let first = caller.call(&descope).await;
    assert_eq!(first.status, 200);
    clock.set_wall(clock.now() - DAY);
    let second = caller.call(&descope).await;
    assert_eq!(second.status, 200);
    assert_eq!(fake.calls(Door::Refresh.path()), 1, "rotated once");
    // Beyond the keep time its successor is sent, and nothing else; of an answer that is dated in
    // the future only the next successor can be used.
    clock.advance(Duration::from_secs(61));
    assert_eq!(caller.call(&descope).await.status, 503);
    clock.set_wall(fake.clock().now());
    clock.advance(Duration::from_secs(1));
    assert_eq!(caller.call(&descope).await.status, 200);
    assert_eq!(fake.calls(Door::Refresh.path()), 3);
}

#[tokio::test]
async fn a_clock_a_little_behind_does_not_burn_the_session_that_it_refuses() {
    let fake = FakeDescope::builder()
        .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
        .start()
        .await;
    let clock = TestClock::at(fake.clock().now() - Duration::from_secs(90));
    let descope = fake.descope_builder().clock(clock.clone()).build().unwrap();
    let old = fake.refresh("U1").issued_at(-172_800).token();
    let caller = Caller::with(Door::Refresh, &format!("DSR={old}"));
    // Issued 90 seconds from now, where 60 are allowed: refused, but the old token is spent.
    for _ in 0..2 {
        let seen = caller.call(&descope).await;
        assert_eq!((seen.status, &*seen.code), (503, "renewal_unavailable"));
        assert!(seen.cookies.is_empty());
        clock.advance(Duration::from_secs(2));
    }
    clock.advance(Duration::from_secs(40));
    let seen = caller.call(&descope).await;
    assert!(caller.is_content_with(&seen), "{seen:?}");
}

#[tokio::test]
async fn a_machine_goes_on_when_the_clock_is_right_again() {
    let world = World::new().await;
    assert_eq!(world.status(Door::Exchange).await, 200);
    let right = world.clock.now();
    for wrong in [right - DAY, right + DAY] {
        world.clock.set_wall(wrong);
        assert_eq!(world.status(Door::Exchange).await, 503);
        world.clock.set_wall(right);
        world.clock.advance(Duration::from_secs(17));
        world.clock.set_wall(right);
        assert_eq!(world.status(Door::Exchange).await, 200);
    }
}
