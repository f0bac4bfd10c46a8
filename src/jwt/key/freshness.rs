use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::clock::Now;

/// How long a key may be used without a look at the set that it is in: for as long as that set is
/// fresh.
///
/// The set's owner writes it, so that a cached session costs one look at its key, and no search for
/// the key in the set (which makes a hit a fifth slower). It is two clocks, written one after the
/// other: a reader in between sees an old end beside a new one, and the earlier of the two counts.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    wall: AtomicU64,
    mono: AtomicU64,
}

impl Freshness {
    pub(super) fn set(&self, end: &Now) {
        self.wall.store(nanos(end.wall), Relaxed);
        self.mono.store(nanos(end.mono), Relaxed);
    }

    /// Ends it for good.
    pub(super) fn end(&self) {
        self.wall.store(0, Relaxed);
        self.mono.store(0, Relaxed);
    }

    #[inline]
    pub(super) fn covers(&self, now: &Now) -> bool {
        nanos(now.wall) < self.wall.load(Relaxed) && nanos(now.mono) < self.mono.load(Relaxed)
    }
}

/// As far as they go: to the year 2554, where the caller has to ask for the key by its name.
#[inline]
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: u64, mono: u64) -> Now {
        Now {
            wall: Duration::from_nanos(wall),
            mono: Duration::from_nanos(mono),
        }
    }

    #[test]
    fn a_key_is_fresh_until_the_first_of_two_clocks_says_otherwise() {
        let freshness = Freshness::default();
        assert!(!freshness.covers(&at(0, 0)), "it has not begun");
        freshness.set(&at(10, 20));
        assert!(freshness.covers(&at(0, 0)) && freshness.covers(&at(9, 19)));
        assert!(!freshness.covers(&at(10, 19)) && !freshness.covers(&at(9, 20)));
        freshness.set(&at(30, 40));
        assert!(freshness.covers(&at(29, 39)), "it was prolonged");
        freshness.end();
        assert!(!freshness.covers(&at(0, 0)));
    }

    #[test]
    fn without_an_end_a_key_is_fresh_as_long_as_a_clock_can_tell() {
        let freshness = Freshness::default();
        freshness.set(&Now::NEVER);
        let last = u64::MAX - 1;
        assert!(freshness.covers(&at(last, last)));
        assert!(!freshness.covers(&Now::NEVER));
    }
}
