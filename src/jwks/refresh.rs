//! When to fetch keys: a state machine without clock, randomness or input and output.
//!
//! There are two reasons to fetch. *Demand*: a request names a key that is not cached, or meets
//! keys past a bound; such fetches draw on a [`TokenBucket`], so that no flood of requests becomes a
//! flood of fetches. And the *schedule*: between 72% and 80% of the keys' time to live (jitter
//! takes up to a tenth off), or, after a failure, when the back-off is over; it never draws on the
//! bucket, so that no flood holds off a rotation.
//! Whoever comes by when the schedule is due starts that fetch: the timer usually, a request if
//! the timer was missed. At most one fetch runs at a time; who needs one joins it.

use std::time::Duration;

use super::policy::{Age, KeyPolicy};
use crate::{clock::Now, limiter::TokenBucket};

#[cfg(test)]
mod tests;

/// How much jitter there is at most, in thousandths of its range.
pub(super) const MAX_JITTER: u32 = 1_000;

/// How many fetches requests may cause at once; one more per cool-down.
const DEMAND_BURST: u32 = 2;

/// The decision about one look-up. Where it says to fetch, the machine takes the fetch for started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FetchDecision {
    /// Use the cached key.
    Serve,
    /// Use the cached key, and start a fetch on the side.
    ServeAndFetch,
    /// Wait for the running fetch; if it fails, use the cached key if `or_stale`.
    Join { or_stale: bool },
    /// Start a fetch and wait for it, likewise.
    Fetch { or_stale: bool },
    /// There is no such key.
    Unknown,
    /// It cannot be told now.
    Unavailable { retry_after: Duration },
    /// A fetch is needed, and there is nothing to run it on.
    NoRuntime,
}

/// The next step of the timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerDecision {
    /// Start a fetch. The machine takes it for started.
    Fetch,
    /// Come back after this time.
    Sleep(Duration),
    /// Come back when a fetch has ended.
    Idle,
}

/// The state.
#[derive(Debug)]
pub(super) struct Refresh {
    policy: KeyPolicy,
    /// When the fetch of the cached keys was started.
    loaded: Option<Now>,
    /// When the running fetch was started.
    running: Option<Now>,
    /// When the last fetch ended, and whether well.
    last: Option<(Now, bool)>,
    /// Failures since the last success.
    failures: u32,
    /// True if a set without a usable key was fetched since the last success.
    came_empty: bool,
    /// The schedule: so long after that.
    due: Option<(Now, Duration)>,
    /// The limit on fetches that requests cause.
    bucket: TokenBucket,
}

impl Refresh {
    pub(super) fn new(policy: KeyPolicy) -> Self {
        Self {
            policy,
            loaded: None,
            running: None,
            last: None,
            failures: 0,
            came_empty: false,
            due: None,
            bucket: TokenBucket::new(DEMAND_BURST, policy.cool_down),
        }
    }

    /// Decides for a request that needs a key; `cached` says whether it is in the cached set, `can_fetch` whether
    /// a fetch could be run, where one is due.
    pub(super) fn look_up(
        &mut self,
        cached: bool,
        can_fetch: impl FnOnce() -> bool,
        now: &Now,
    ) -> FetchDecision {
        match self.age(now) {
            Some(Age::Fresh) if cached => FetchDecision::Serve,
            Some(Age::Aging) if cached => self.serve(can_fetch, now),
            Some(Age::Late) if cached => {
                if self.failed_recently(now) {
                    return self.serve(can_fetch, now);
                }
                match self.demand_fetch(can_fetch, now) {
                    FetchStart::Running => FetchDecision::Join { or_stale: true },
                    FetchStart::Started => FetchDecision::Fetch { or_stale: true },
                    FetchStart::Refused | FetchStart::NoRuntime => FetchDecision::Serve,
                }
            }
            _ => match self.demand_fetch(can_fetch, now) {
                FetchStart::Running => FetchDecision::Join { or_stale: false },
                FetchStart::Started => FetchDecision::Fetch { or_stale: false },
                FetchStart::Refused if self.lacks(cached, now) => FetchDecision::Unknown,
                FetchStart::Refused => FetchDecision::Unavailable {
                    retry_after: self.retry_after(now),
                },
                FetchStart::NoRuntime => FetchDecision::NoRuntime,
            },
        }
    }

    /// Returns `true` if [`look_up`](Self::look_up) of a key that is not cached says now that there is none:
    /// nothing is fetched for it, or waited for.
    pub(super) fn knows_to_lack(&mut self, now: &Now) -> bool {
        let refuses = !self.is_running() && !self.is_due(now) && self.bucket.is_empty(now);
        refuses && self.lacks(false, now)
    }

    /// Decides for the timer, which has run down.
    pub(super) fn tick(&mut self, now: &Now) -> TimerDecision {
        match self.due {
            _ if self.running.is_some() => TimerDecision::Idle,
            None => TimerDecision::Idle,
            Some((since, after)) => match after.saturating_sub(now.since(&since)) {
                Duration::ZERO => {
                    self.start(now);
                    TimerDecision::Fetch
                }
                rest => TimerDecision::Sleep(rest),
            },
        }
    }

    /// Decides for a caller that wants keys without naming one; otherwise as
    /// [`look_up`](Self::look_up).
    pub(super) fn warm_up(&mut self, can_fetch: impl FnOnce() -> bool, now: &Now) -> FetchDecision {
        if self.age(now) == Some(Age::Fresh) {
            return FetchDecision::Serve;
        }
        let usable = self.is_usable(now);
        match self.demand_fetch(can_fetch, now) {
            FetchStart::Running => FetchDecision::Join { or_stale: usable },
            FetchStart::Started => FetchDecision::Fetch { or_stale: usable },
            FetchStart::Refused | FetchStart::NoRuntime if usable => FetchDecision::Serve,
            FetchStart::Refused => FetchDecision::Unavailable {
                retry_after: self.retry_after(now),
            },
            FetchStart::NoRuntime => FetchDecision::NoRuntime,
        }
    }

    /// The running fetch has ended. `jitter` is at most [`MAX_JITTER`].
    pub(super) fn finish(&mut self, good: bool, jitter: u32, now: &Now) {
        let jitter = jitter.min(MAX_JITTER);
        let started = self.running.take().unwrap_or(*now);
        self.last = Some((*now, good));
        if good {
            self.failures = 0;
            self.came_empty = false;
            // From its start on: what the answer says may have changed while it was on its way.
            self.loaded = Some(started);
            let at = self.policy.refresh_at();
            self.due = Some((started, at / (10 * MAX_JITTER) * (10 * MAX_JITTER - jitter)));
        } else {
            self.failures = self.failures.saturating_add(1);
            let wait = self.back_off();
            self.due = Some((*now, wait / 10 * 9 + wait / (5 * MAX_JITTER) * jitter));
        }
    }

    /// The running fetch has ended with a set that has no usable key. Returns `true` if the cached keys
    /// end with it: once is a mishap, and leaves them as every failure does; they are withdrawn by the
    /// second such set, fetched when they were past their time to live.
    pub(super) fn finish_empty(&mut self, jitter: u32, now: &Now) -> bool {
        let started = self.running.unwrap_or(*now);
        let is_past = |loaded: Now| started.since(&loaded) >= self.policy.ttl;
        let ends = self.came_empty && self.loaded.is_some_and(is_past);
        self.finish(false, jitter, now);
        self.came_empty = true;
        if ends {
            self.loaded = None;
        }
        ends
    }

    /// When it may be worth asking again.
    pub(super) fn retry_after(&mut self, now: &Now) -> Duration {
        self.bucket.until_next(now)
    }

    /// Returns `true` while a fetch runs.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// How old the cached keys are.
    pub(super) fn key_age(&self, now: &Now) -> Option<Duration> {
        self.loaded.map(|loaded| now.since(&loaded))
    }

    /// Returns `true` if the cached keys may still be used.
    pub(super) fn is_usable(&self, now: &Now) -> bool {
        self.age(now).is_some_and(|age| age < Age::Over)
    }

    fn age(&self, now: &Now) -> Option<Age> {
        self.key_age(now).map(|age| self.policy.age(age))
    }

    /// Uses the cached key without delay, and starts the fetch that is due if the timer has not.
    fn serve(&mut self, can_fetch: impl FnOnce() -> bool, now: &Now) -> FetchDecision {
        if self.is_due(now) && can_fetch() {
            self.start(now);
            FetchDecision::ServeAndFetch
        } else {
            FetchDecision::Serve
        }
    }

    /// Starts a fetch for a request that cannot go on without one, unless one runs.
    fn demand_fetch(&mut self, can_fetch: impl FnOnce() -> bool, now: &Now) -> FetchStart {
        if self.running.is_some() {
            return FetchStart::Running;
        }
        let due = self.is_due(now);
        if !due && self.bucket.is_empty(now) {
            return FetchStart::Refused;
        }
        if !can_fetch() {
            return FetchStart::NoRuntime;
        }
        if !due {
            self.bucket.try_take(now);
        }
        self.start(now);
        FetchStart::Started
    }

    fn start(&mut self, now: &Now) {
        self.running = Some(*now);
    }

    fn is_due(&self, now: &Now) -> bool {
        let due = |(since, after): (Now, Duration)| now.since(&since) >= after;
        self.running.is_none() && self.due.is_some_and(due)
    }

    /// Returns `true` if a key that is not cached is known not to exist: the last fetch ended well and
    /// is younger than the cool-down. An empty bucket alone does not say so: after a wall clock was
    /// set back, it may be slower to see time pass.
    fn lacks(&self, cached: bool, now: &Now) -> bool {
        let recently = |ended: &Now| now.since(ended) < self.policy.cool_down;
        !cached && matches!(&self.last, Some((ended, true)) if recently(ended))
    }

    /// Returns `true` if keys past their TTL may be used at once: the endpoint has just shown that it
    /// is down, and the next try is due or under way at its time, so that it delays nobody twice.
    fn failed_recently(&self, now: &Now) -> bool {
        let longest = self.longest_back_off();
        let recently = longest
            .saturating_add(longest / 10)
            .saturating_add(self.policy.deadline.saturating_mul(2));
        matches!(self.last, Some((ended, false)) if now.since(&ended) < recently)
    }

    fn back_off(&self) -> Duration {
        let doubled = 2_u32.saturating_pow(self.failures.saturating_sub(1));
        self.policy
            .cool_down
            .saturating_mul(doubled)
            .min(self.longest_back_off())
    }

    fn longest_back_off(&self) -> Duration {
        self.policy.cool_down_max.max(self.policy.cool_down)
    }
}

/// The outcome of [`Refresh::demand_fetch`].
enum FetchStart {
    Running,
    Started,
    Refused,
    NoRuntime,
}
