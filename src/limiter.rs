//! Limits on how often something happens: calls to Descope, and lines in the log.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tracing::Level;

use crate::clock::Now;

/// Limits a line of the log to one a minute.
#[derive(Debug, Default)]
pub(crate) struct OnceAMinute {
    /// The second of the last line on the monotonic clock, counted from 1; 0 before the first.
    last: AtomicU64,
}

impl OnceAMinute {
    /// Returns `true` for the first call, and for the first one a minute or more after the last that
    /// was due.
    pub(crate) fn is_due(&self, now: &Now) -> bool {
        let last = self.last.load(Relaxed);
        let now = second(now);
        // Of several calls at once one is due.
        is_over(last, now)
            && self
                .last
                .compare_exchange(last, now, Relaxed, Relaxed)
                .is_ok()
    }

    /// The level of a line of the log: `level` where it [is due](Self::is_due), else debug.
    pub(crate) fn level(&self, level: Level, now: &Now) -> Level {
        if self.is_due(now) {
            level
        } else {
            Level::DEBUG
        }
    }

    /// Returns `true` if the next call of [`is_due`](Self::is_due) would: worth a look for whatever
    /// there may be to say.
    pub(crate) fn may_be_due(&self, now: &Now) -> bool {
        is_over(self.last.load(Relaxed), second(now))
    }
}

fn second(now: &Now) -> u64 {
    now.mono.as_secs().saturating_add(1)
}

fn is_over(last: u64, now: u64) -> bool {
    last == 0 || now.saturating_sub(last) >= 60
}

/// A token bucket: `burst` calls at once, and one more per `interval`. It is pure; the time is an
/// argument.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    burst: u32,
    /// The time after which one call is allowed again.
    interval: Duration,
    /// How many of `burst` are taken.
    taken: u32,
    /// The start of the interval that gives back the next one; read only while one is taken.
    since: Option<Now>,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) fn new(burst: u32, interval: Duration) -> Self {
        Self {
            burst,
            interval,
            taken: 0,
            since: None,
        }
    }

    /// Takes one call from the bucket; returns `false` if none is left.
    pub(crate) fn try_take(&mut self, now: &Now) -> bool {
        if self.is_empty(now) {
            return false;
        }
        // A full bucket gives nothing back, so the interval begins with the first call taken.
        if self.taken == 0 {
            self.since = Some(*now);
        }
        self.taken += 1;
        true
    }

    /// Takes one call from the bucket; the error is how long to wait where none is left.
    pub(crate) fn take(&mut self, now: &Now) -> Result<(), Duration> {
        if self.try_take(now) {
            Ok(())
        } else {
            Err(self.until_next(now))
        }
    }

    /// Returns `true` if no call is left.
    pub(crate) fn is_empty(&mut self, now: &Now) -> bool {
        self.left(now) == 0
    }

    /// Returns how many calls are left.
    pub(crate) fn left(&mut self, now: &Now) -> u32 {
        self.refill(now);
        self.burst.saturating_sub(self.taken)
    }

    /// The time until a call is allowed again; zero if one is left.
    pub(crate) fn until_next(&mut self, now: &Now) -> Duration {
        let empty = self.is_empty(now);
        match self.since {
            Some(since) if empty => self.interval.saturating_sub(now.since(&since)),
            _ => Duration::ZERO,
        }
    }

    fn refill(&mut self, now: &Now) {
        while let Some(since) = self.since {
            if self.taken == 0 || now.since(&since) < self.interval {
                return;
            }
            self.taken -= 1;
            // By the interval, not to `now`: the rest of the time counts for the next one.
            self.since = Some(since.later(self.interval));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Now {
        Now {
            wall: Duration::from_secs(1_795_000_000 + seconds),
            mono: Duration::from_secs(1_000 + seconds),
        }
    }

    #[test]
    fn a_line_is_due_at_first_and_a_minute_after_the_last_one() {
        let limit = OnceAMinute::default();
        for (second, due) in [
            (0, true),
            (1, false),
            (59, false),
            (60, true),
            (61, false),
            (200, true),
        ] {
            assert_eq!(limit.may_be_due(&at(second)), due, "{second}");
            assert_eq!(limit.is_due(&at(second)), due, "{second}");
        }
    }

    #[test]
    fn a_full_bucket_allows_its_burst_and_then_one_call_per_interval() {
        let mut bucket = TokenBucket::new(2, INTERVAL);
        assert!(bucket.try_take(&at(0)));
        assert_eq!(bucket.until_next(&at(0)), Duration::ZERO);
        assert!(bucket.try_take(&at(4)));
        assert!(!bucket.try_take(&at(9)));
        assert_eq!(bucket.until_next(&at(9)), Duration::from_secs(1));
        assert!(bucket.try_take(&at(10)));
        assert!(!bucket.try_take(&at(19)));
        assert!(bucket.try_take(&at(20)));
    }

    #[test]
    fn no_more_than_the_burst_comes_back_and_the_rest_of_an_interval_counts() {
        let mut bucket = TokenBucket::new(2, INTERVAL);
        assert!(bucket.try_take(&at(0)) && bucket.try_take(&at(0)));
        // Fifteen seconds give one back and half of the next.
        assert!(bucket.try_take(&at(15)));
        assert_eq!(bucket.until_next(&at(15)), Duration::from_secs(5));
        for _ in 0..2 {
            assert!(bucket.try_take(&at(1_000)));
        }
        assert!(bucket.is_empty(&at(1_000)));
        assert_eq!(bucket.until_next(&at(1_000)), INTERVAL);
    }

    #[test]
    fn asking_takes_nothing() {
        let mut bucket = TokenBucket::new(1, INTERVAL);
        for _ in 0..3 {
            assert!(!bucket.is_empty(&at(0)));
            assert_eq!(bucket.until_next(&at(0)), Duration::ZERO);
        }
        assert!(bucket.try_take(&at(0)));
    }
}
