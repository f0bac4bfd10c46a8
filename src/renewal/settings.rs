use std::time::Duration;

use crate::jwt::claims::Times;

/// How early a session is renewed unless told otherwise.
const EARLY: Duration = Duration::from_secs(60);

/// `nextRefreshSeconds` below this is taken for this: what Descope's own browser SDK takes for no
/// hint at all, and a project must not be able to make every request a call.
const SHORTEST_HINT: Duration = Duration::from_secs(20);

/// How [`TenantLayer::renew`](crate::TenantLayer::renew) renews sessions.
///
/// ```
/// use std::time::Duration;
/// use tower_descope::Renewal;
///
/// let renewal = Renewal::new().early(Duration::from_secs(120));
/// # let _ = renewal;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Renewal {
    early: Duration,
}

impl Renewal {
    /// Renews what has expired, and what is about to expire within 60 seconds.
    pub fn new() -> Self {
        Self { early: EARLY }
    }

    /// How long before a session's end it is renewed already, while the request goes on with the
    /// old one; 60 seconds by default, at most half of the session's life. Zero renews only what
    /// has expired, and leaves Descope's own hint (`nextRefreshSeconds`) aside too.
    ///
    /// An early renewal runs beside the inner service, and the head of the response waits for it
    /// for a second at most. A renewal that takes longer, or fails, changes nothing for its
    /// request. It is tried once a minute at most; what a slow one brought goes out with the next
    /// response.
    pub fn early(mut self, window: Duration) -> Self {
        self.early = window;
        self
    }

    /// Returns `true` if a session that is still good is to be renewed now, a time since the Unix
    /// epoch. `hint` is how old Descope lets a session become.
    ///
    /// `share` is how much of the window counts: 1 as a rule, less where replicas spread their calls.
    #[inline]
    pub(crate) fn is_due(
        &self,
        times: &Times,
        hint: Option<Duration>,
        now: Duration,
        share: f64,
    ) -> bool {
        if self.early.is_zero() {
            return false;
        }
        // Each request with a session comes here, so it is the numbers of the token that are
        // compared, as the check of its time does.
        let now = now.as_secs_f64();
        let left = times.expires - now;
        let early = self.early.as_secs_f64() * share;
        let Some(issued) = times.issued else {
            return left <= early;
        };
        let life = (times.expires - issued).max(0.0);
        left <= early.min(life / 2.0)
            || hint.is_some_and(|hint| now - issued >= hint.max(SHORTEST_HINT).as_secs_f64())
    }
}

impl Default for Renewal {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: f64 = 1_767_225_600.0;

    /// Returns `true` if a session that was issued at `START` is due after so many seconds.
    fn due(renewal: Renewal, life: u32, hint: Option<u64>, after: u32) -> bool {
        let times = Times {
            expires: START + f64::from(life),
            not_before: None,
            issued: Some(START),
        };
        let now = Duration::from_secs_f64(START + f64::from(after));
        renewal.is_due(&times, hint.map(Duration::from_secs), now, 1.0)
    }

    #[test]
    fn a_share_of_the_window_is_due_later() {
        let times = Times {
            expires: START + 600.0,
            not_before: None,
            issued: Some(START),
        };
        let due = |after: u32, share| {
            let now = Duration::from_secs_f64(START + f64::from(after));
            Renewal::new().is_due(&times, None, now, share)
        };
        assert!(due(540, 1.0) && !due(569, 0.5) && due(570, 0.5));
    }

    #[test]
    fn a_session_is_due_in_the_window_before_its_end() {
        let renewal = Renewal::new();
        assert!(!due(renewal, 600, None, 539));
        assert!(due(renewal, 600, None, 540));
        let renewal = renewal.early(Duration::from_secs(120));
        assert!(due(renewal, 600, None, 480));
        assert!(!due(renewal.early(Duration::ZERO), 600, None, 599));
    }

    #[test]
    fn a_short_session_is_not_due_at_once() {
        assert!(!due(Renewal::new(), 60, None, 29));
        assert!(due(Renewal::new(), 60, None, 30));
    }

    #[test]
    fn descope_may_want_it_sooner_but_not_at_every_request() {
        assert!(!due(Renewal::new(), 600, Some(100), 99));
        assert!(due(Renewal::new(), 600, Some(100), 100));
        assert!(!due(Renewal::new(), 600, Some(1), 19));
        assert!(!due(
            Renewal::new().early(Duration::ZERO),
            600,
            Some(100),
            300
        ));
    }
}
