//! How many calls Descope gets from this process.

use std::time::Duration;

use crate::{
    clock::Now,
    error::{Error, ErrorKind},
    limiter::TokenBucket,
};

/// How long Descope is left alone after it asked to slow down, if it names no time, and at most.
const SLOW_DOWN: Duration = Duration::from_secs(10);
const SLOW_DOWN_AT_MOST: Duration = Duration::from_secs(60);

/// Calls that only read, each second: half for everybody, half for families that made none of late.
const READS_OF_ALL: u32 = 15;
const READS_OF_QUIET_FAMILIES: u32 = 15;

/// Descope asked to slow down (429).
#[derive(Debug)]
pub(super) struct SlowDown {
    /// On the monotonic clock.
    until: Option<Duration>,
    /// The news that other replicas are yet to be told.
    news: Option<SlowDownNews>,
    probe: TokenBucket,
}

/// The last word of Descope's on it that this replica was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlowDownNews {
    /// To be left alone until then, on the monotonic clock.
    Until(Duration),
    /// It has answered a call again.
    Over,
}

/// The limit on calls that only read.
#[derive(Clone, Debug)]
pub(super) struct ReadLimit {
    everybody: TokenBucket,
    quiet: TokenBucket,
}

impl SlowDown {
    pub(super) fn new() -> Self {
        Self {
            until: None,
            news: None,
            probe: TokenBucket::new(1, Duration::from_secs(1)),
        }
    }

    /// How long Descope is still to be left alone; `None` if it is not.
    pub(super) fn rest(&self, now: Now) -> Option<Duration> {
        let rest = self.until?.saturating_sub(now.mono);
        (!rest.is_zero()).then_some(rest)
    }

    /// Returns `true` for the one call a second that is made all the same.
    pub(super) fn try_probe(&mut self, now: Now) -> bool {
        self.probe.try_take(&now)
    }

    /// Notes how a call ended. The first success ends it.
    pub(super) fn note(&mut self, error: Option<&Error>, now: Now) {
        match error {
            None => {
                if self.rest(now).is_some() {
                    self.news = Some(SlowDownNews::Over);
                }
                self.until = None;
            }
            Some(error) if error.kind() == ErrorKind::RateLimited => {
                let asked = error.retry_after().unwrap_or(SLOW_DOWN);
                let span = asked.min(SLOW_DOWN_AT_MOST);
                let until = now.mono.saturating_add(span);
                self.until = Some(until);
                self.news = Some(SlowDownNews::Until(until));
            }
            Some(_) => {}
        }
    }

    /// The news that other replicas are yet to be told.
    pub(super) fn news(&self) -> Option<SlowDownNews> {
        self.news
    }

    /// Notes what all replicas know, once they have been `told`: for how long Descope is still to be left
    /// alone. What this replica knows of the others alone is not told again, or no success would end it.
    pub(super) fn note_told(
        &mut self,
        told: Option<SlowDownNews>,
        left: Option<Duration>,
        now: Now,
    ) {
        if self.news != told {
            // Descope has said something else since they were asked.
            return;
        }
        self.news = None;
        self.until = left.map(|left| now.mono.saturating_add(left.min(SLOW_DOWN_AT_MOST)));
    }
}

impl SlowDownNews {
    /// For how long other replicas are to leave Descope alone from now on; zero where that is over.
    pub(crate) fn left(self, now: Now) -> Option<Duration> {
        match self {
            Self::Until(until) => {
                Some(until.saturating_sub(now.mono)).filter(|left| !left.is_zero())
            }
            Self::Over => Some(Duration::ZERO),
        }
    }
}

impl ReadLimit {
    pub(super) fn new() -> Self {
        let bucket = |calls: u32| TokenBucket::new(calls, Duration::from_secs(1) / calls);
        Self {
            everybody: bucket(READS_OF_ALL),
            quiet: bucket(READS_OF_QUIET_FAMILIES),
        }
    }

    /// Takes one call; the error is how long to wait.
    pub(super) fn take(&mut self, of_quiet_family: bool, now: Now) -> Result<(), Duration> {
        if self.everybody.try_take(&now) || of_quiet_family && self.quiet.try_take(&now) {
            Ok(())
        } else {
            Err(self.everybody.until_next(&now))
        }
    }
}
