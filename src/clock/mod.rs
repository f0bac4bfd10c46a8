//! Time as a parameter: the wall clock for claims, a monotonic one for ages.
//!
//! Everything that expires (keys, cool-downs, kept answers, tokens) asks a [`Clock`]; socket
//! time-outs stay with the runtime. With the feature `test-util` a [`TestClock`] moved by hand can
//! take the place of the system's clocks, so that no test ever sleeps to wait for an expiry.

use std::time::Duration;

#[cfg(target_os = "linux")]
use self::linux as system;
#[cfg(not(target_os = "linux"))]
use self::portable as system;
#[cfg(feature = "test-util")]
pub use self::test::TestClock;
pub(crate) use self::{
    convert::{rfc3339, since_epoch, system_time, whole_seconds},
    now::Now,
};

mod convert;
#[cfg(target_os = "linux")]
mod linux;
mod now;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;
#[cfg(feature = "test-util")]
mod test;

/// Where the current time comes from.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    /// The machine's clocks.
    #[default]
    System,
    /// A clock that a test moves.
    #[cfg(feature = "test-util")]
    Test(TestClock),
}

impl Clock {
    /// Reads both clocks.
    #[inline]
    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System => system::now(),
            #[cfg(feature = "test-util")]
            Self::Test(clock) => clock.read(),
        }
    }

    /// Returns `duration` if this clock is the machine's, and zero if a test moves it. For a pause
    /// within a call: a test cannot know when to move its clock past one.
    pub(crate) fn pause(&self, duration: Duration) -> Duration {
        match self {
            Self::System => duration,
            #[cfg(feature = "test-util")]
            Self::Test(_) => Duration::ZERO,
        }
    }

    /// Completes once a call to another machine has taken `duration`: on this clock, or, where a
    /// test moves it, in real time too, which is what that machine takes.
    pub(crate) async fn deadline(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            #[cfg(feature = "test-util")]
            Self::Test(clock) => tokio::select! {
                () = clock.sleep(duration) => {}
                () = tokio::time::sleep(duration) => {}
            },
        }
    }

    /// Completes once `duration` has passed on this clock's monotonic side.
    pub(crate) async fn sleep(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            #[cfg(feature = "test-util")]
            Self::Test(clock) => clock.sleep(duration).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn an_age_is_the_larger_of_what_both_clocks_say() {
        let then = Clock::System.now();
        let later = Duration::from_secs(7);
        let suspended = Now {
            wall: then.wall + later,
            mono: then.mono,
        };
        assert_eq!(suspended.since(&then), later);
        let set_back = Now {
            wall: then.wall.saturating_sub(Duration::from_secs(86_400)),
            mono: then.mono + later,
        };
        assert_eq!(set_back.since(&then), later);
    }

    #[test]
    fn the_system_s_clocks_agree_with_the_standard_library_s() {
        let second = Duration::from_secs(1);
        let apart = |one: Duration, other: Duration| one.abs_diff(other) < second;
        let (before, exact) = (Clock::System.now(), portable::now());
        assert!(apart(before.wall, exact.wall));
        let shown = before.date().duration_since(SystemTime::UNIX_EPOCH);
        assert_eq!(shown.unwrap(), before.wall);
        // The two begin at different moments, and go at the same pace.
        let later = loop {
            let later = Clock::System.now();
            if later.mono > before.mono {
                break later;
            }
        };
        assert!(apart(portable::now().since(&exact), later.since(&before)));
    }

    #[test]
    fn a_time_that_is_too_late_for_a_clock_panics_nowhere() {
        let now = Clock::System.now();
        for by in [Duration::ZERO, Duration::from_secs(7)] {
            assert_eq!(now.later(by).since(&now), by);
        }
        let end = now.later(Duration::MAX);
        assert!(end.wall >= now.wall && end.mono >= now.mono);
    }

    #[cfg(feature = "test-util")]
    #[test]
    fn a_test_clock_that_is_moved_beyond_all_times_stays_where_it_can() {
        let hand = TestClock::new();
        let before = hand.now();
        hand.advance(Duration::MAX);
        assert!(hand.now() >= before);
        hand.set_wall(SystemTime::UNIX_EPOCH);
        let now = Clock::Test(hand).now();
        assert_eq!(now.date(), SystemTime::UNIX_EPOCH);
    }

    #[cfg(feature = "test-util")]
    #[tokio::test]
    async fn sleep_on_a_test_clock_ends_when_the_clock_is_moved() {
        let hand = TestClock::new();
        let clock = Clock::Test(hand.clone());
        let mut sleep = std::pin::pin!(clock.sleep(Duration::from_secs(10)));
        tokio::select! {
            biased;
            () = &mut sleep => panic!("the clock has not moved"),
            () = tokio::task::yield_now() => {}
        }
        hand.advance(Duration::from_secs(10));
        sleep.await;
    }
}
