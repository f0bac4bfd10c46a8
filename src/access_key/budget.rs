use std::{num::NonZeroU32, time::Duration};

use crate::clock::Now;

/// The limiter of exchanges of keys that were never seen: `burst` at once, `per_second` more each
/// second. Pure: time comes in.
#[derive(Debug)]
pub(super) struct Budget {
    burst: u32,
    /// The time after which one comes back.
    interval: Duration,
    /// How many are gone.
    spent: u32,
    /// From when on the next one comes back.
    since: Option<Now>,
}

impl Budget {
    pub(super) fn new(per_second: NonZeroU32, burst: u32) -> Self {
        Self {
            burst,
            interval: Duration::from_secs(1) / per_second.get(),
            spent: 0,
            since: None,
        }
    }

    /// Takes one, if there is one left.
    pub(super) fn draw(&mut self, now: &Now) -> bool {
        self.refill(now);
        if self.spent >= self.burst {
            return false;
        }
        if self.spent == 0 {
            self.since = Some(*now);
        }
        self.spent += 1;
        true
    }

    /// When the next one is to be had.
    pub(super) fn until_next(&mut self, now: &Now) -> Duration {
        self.refill(now);
        match self.since {
            Some(since) if self.spent >= self.burst => {
                self.interval.saturating_sub(now.since(&since))
            }
            _ => Duration::ZERO,
        }
    }

    fn refill(&mut self, now: &Now) {
        while let Some(since) = self.since {
            if self.spent == 0 || now.since(&since) < self.interval {
                return;
            }
            self.spent -= 1;
            self.since = Some(since.later(self.interval));
        }
    }
}
