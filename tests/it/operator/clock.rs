//! A clock that is ahead.

use std::time::Duration;

use tower_descope::test_util::TestClock;
use tracing::Level;

use super::assert_told_once;
use crate::{
    routes::routes,
    support::{Log, browser::Browser, world::fake},
};

#[tokio::test]
async fn a_new_session_that_has_expired_when_it_comes_says_that_the_clock_is_ahead() {
    let (fake, log) = (fake().start().await, Log::default());
    let clock = TestClock::at(fake.clock().now() + Duration::from_secs(3_600));
    let descope = fake.descope_builder().clock(clock.clone()).build().unwrap();
    let _kept = log.up_to(Level::INFO);
    let mut ann = Browser::ann(&fake);
    for _ in 0..5 {
        let before = ann.clone();
        let answer = ann.refresh(&routes(&descope)).await;
        assert_eq!(
            (answer.status, answer.error()),
            (503, "renewal_unavailable")
        );
        assert_eq!(ann, before);
        clock.advance(Duration::from_secs(2));
        fake.clock().advance(Duration::from_secs(2));
    }
    assert_told_once(
        &log,
        Level::ERROR,
        "clock ahead of Descope",
        "set this machine's clock",
    );
    assert_told_once(
        &log,
        Level::ERROR,
        "clock ahead of Descope",
        "ahead_seconds=3600",
    );
}
