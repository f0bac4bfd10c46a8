//! Time as a parameter: the wall clock for claims, a monotonic one for ages.
//!
//! Everything that expires (keys, cool-downs, kept answers, tokens) asks a [`Clock`]; socket
//! time-outs stay with the runtime. With the feature `test-util` a [`TestClock`] moved by hand can
//! take the place of the system's clocks, so that no test ever sleeps to wait for an expiry.

use std::time::{Duration, SystemTime};

#[cfg(feature = "test-util")]
pub use self::test::TestClock;

#[cfg(target_os = "linux")]
use self::linux as system;
#[cfg(not(target_os = "linux"))]
use self::portable as system;

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

/// One reading of both clocks. Up to some milliseconds old; see [`linux`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Since the Unix epoch, for claims, which are dated. A clock before it counts as at it.
    pub(crate) wall: Duration,
    /// Since some moment in the past, for ages, which must not follow a clock that is set back.
    pub(crate) mono: Duration,
}

impl Now {
    /// Beyond all that a clock shows.
    pub(crate) const NEVER: Self = Self {
        wall: Duration::MAX,
        mono: Duration::MAX,
    };

    /// What the wall clock shows.
    pub(crate) fn date(&self) -> SystemTime {
        // A clock shows only what can be said.
        SystemTime::UNIX_EPOCH
            .checked_add(self.wall)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// How long ago `then` was: the larger of what the two clocks say, so that neither a machine
    /// that was suspended (its monotonic clock may stand still) nor a wall clock set back makes
    /// something look younger than it is.
    pub(crate) fn since(&self, then: &Self) -> Duration {
        let mono = self.mono.saturating_sub(then.mono);
        let wall = self.wall.saturating_sub(then.wall);
        mono.max(wall)
    }

    /// This much later on both clocks; as far as a duration goes, if that is beyond it.
    pub(crate) fn later(&self, by: Duration) -> Self {
        Self {
            wall: self.wall.saturating_add(by),
            mono: self.mono.saturating_add(by),
        }
    }
}

/// In whole seconds, as far as a `u32` goes: since the Unix epoch, until the year 2106. For what
/// decides nothing but how soon something is looked at or forgotten.
pub(crate) fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
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

    /// Completes once `duration` has passed on this clock's monotonic side.
    pub(crate) async fn sleep(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            #[cfg(feature = "test-util")]
            Self::Test(clock) => clock.sleep(duration).await,
        }
    }
}

/// The clocks as the kernel's last tick left them, 1 to 10 ms ago. Nothing here is told apart by so
/// little, and a warm request would otherwise spend a fifth of its time on reading them exactly.
#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    use super::Now;

    #[inline]
    pub(super) fn now() -> Now {
        Now {
            wall: read(ClockId::RealtimeCoarse),
            mono: read(ClockId::MonotonicCoarse),
        }
    }

    #[inline]
    fn read(clock: ClockId) -> Duration {
        // Fails for a clock before 1970 only.
        clock_gettime(clock).try_into().unwrap_or_default()
    }
}

#[cfg(any(test, not(target_os = "linux")))]
mod portable {
    use std::{
        sync::LazyLock,
        time::{Instant, SystemTime},
    };

    use super::Now;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn now() -> Now {
        let start = *START;
        Now {
            wall: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
            mono: start.elapsed(),
        }
    }
}

#[cfg(feature = "test-util")]
mod test {
    use std::{
        sync::Arc,
        time::{Duration, SystemTime},
    };

    use tokio::sync::watch;

    use super::Now;

    /// A clock that stands still until a test moves it.
    ///
    /// Clones share one time. Give the same clock to the service under test
    /// (`DescopeBuilder::clock`) and to the fake, and both live in the same simulated time:
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_descope::test_util::TestClock;
    ///
    /// let clock = TestClock::new();
    /// let before = clock.now();
    /// clock.advance(Duration::from_secs(600));
    /// assert_eq!(clock.now(), before + Duration::from_secs(600));
    /// ```
    #[derive(Clone, Debug)]
    pub struct TestClock {
        time: Arc<watch::Sender<Times>>,
    }

    #[derive(Clone, Copy, Debug)]
    struct Times {
        wall: SystemTime,
        elapsed: Duration,
    }

    impl TestClock {
        /// A clock that starts at the current time, cut to whole seconds (as tokens are dated).
        pub fn new() -> Self {
            let since_epoch = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            Self::at(SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs()))
        }

        /// A clock that starts at `wall`.
        pub fn at(wall: SystemTime) -> Self {
            let times = Times {
                wall,
                elapsed: Duration::ZERO,
            };
            Self {
                time: Arc::new(watch::Sender::new(times)),
            }
        }

        /// What the wall clock shows.
        pub fn now(&self) -> SystemTime {
            self.time.borrow().wall
        }

        /// What the wall clock shows, in whole seconds since the Unix epoch.
        pub fn unix(&self) -> u64 {
            self.now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs()
        }

        /// Moves both clocks forward.
        pub fn advance(&self, by: Duration) {
            self.time.send_modify(|time| {
                // A test may go as far as it likes, and stays at the last time there is.
                time.wall = time.wall.checked_add(by).unwrap_or(time.wall);
                time.elapsed = time.elapsed.saturating_add(by);
            });
        }

        /// Sets the wall clock, forward or back, while the monotonic clock stands: what an
        /// operator or NTP does to a machine.
        pub fn set_wall(&self, wall: SystemTime) {
            self.time.send_modify(|time| time.wall = wall);
        }

        pub(super) fn read(&self) -> Now {
            let time = *self.time.borrow();
            Now {
                wall: time
                    .wall
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default(),
                mono: time.elapsed,
            }
        }

        pub(super) async fn sleep(&self, duration: Duration) {
            let mut time = self.time.subscribe();
            let until = time.borrow().elapsed.saturating_add(duration);
            // The sender lives in `self`, so this cannot fail.
            let _ = time.wait_for(|time| time.elapsed >= until).await;
        }
    }

    impl Default for TestClock {
        fn default() -> Self {
            Self::new()
        }
    }
}

#[cfg(test)]
mod tests {
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
