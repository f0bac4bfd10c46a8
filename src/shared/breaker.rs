//! Leaves a store alone that does not answer, so that nobody waits for it in vain. Pure.

use std::time::Duration;

use crate::clock::Now;

/// After how many failures in a row.
const FAILURES: u32 = 2;

/// For how long; then one step is tried.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    /// When the last step failed, or was let through to try.
    at: Option<Now>,
}

impl Breaker {
    /// Returns `true` if a step may be tried now.
    pub(crate) fn try_pass(&mut self, now: Now) -> bool {
        if self.failures < FAILURES {
            return true;
        }
        let rests = self.at.is_some_and(|at| now.since(&at) < PAUSE);
        if !rests {
            // Nobody else tries beside it.
            self.at = Some(now);
        }
        !rests
    }

    /// Notes how a step ended. Returns `true` if the store answers again, or has just ceased to.
    pub(crate) fn note(&mut self, is_reachable: bool, now: Now) -> bool {
        let was_open = self.is_open();
        if is_reachable {
            self.failures = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.at = Some(now);
        }
        was_open != self.is_open()
    }

    /// Returns `true` while the store is left alone.
    pub(crate) fn is_open(&self) -> bool {
        self.failures >= FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn two_failures_open_it_and_then_one_step_a_second_is_tried() {
        let now = Clock::System.now();
        let mut breaker = Breaker::default();
        assert!(breaker.try_pass(now) && !breaker.note(false, now));
        assert!(breaker.try_pass(now) && breaker.note(false, now));
        assert!(!breaker.try_pass(now));
        let later = now.later(PAUSE);
        assert!(breaker.try_pass(later) && !breaker.try_pass(later));
        assert!(!breaker.note(false, later) && !breaker.try_pass(later));
        let again = later.later(PAUSE);
        assert!(breaker.try_pass(again) && breaker.note(true, again));
        assert!(breaker.try_pass(again) && !breaker.is_open());
    }
}
