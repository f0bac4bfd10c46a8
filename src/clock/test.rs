//! A clock for tests.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

use super::now::Now;

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

    /// The time of the wall clock.
    pub fn now(&self) -> SystemTime {
        self.time.borrow().wall
    }

    /// The time of the wall clock, in whole seconds since the Unix epoch.
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
