use std::time::{Duration, SystemTime};

use crate::session::Session;

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

    /// Returns `true` if a session that is still good is to be renewed now. `hint` is how old Descope lets
    /// a session become.
    pub(crate) fn is_due(
        &self,
        session: &Session,
        hint: Option<Duration>,
        now: SystemTime,
    ) -> bool {
        if self.early.is_zero() {
            return false;
        }
        let end = session.expires_at();
        let left = end.duration_since(now).unwrap_or_default();
        let Some(issued) = session.issued_at() else {
            return left <= self.early;
        };
        let life = end.duration_since(issued).unwrap_or_default();
        let age = now.duration_since(issued).unwrap_or_default();
        left <= self.early.min(life / 2) || hint.is_some_and(|hint| age >= hint.max(SHORTEST_HINT))
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
    use crate::{clock::Clock, jwt::claims::Claims, session::TenantClaims};

    const START: u64 = 1_767_225_600;

    /// Returns `true` if a session that was issued at `START` is due after so many seconds.
    fn due(renewal: Renewal, life: u64, hint: Option<u64>, after: u64) -> bool {
        let payload = format!(
            r#"{{"sub":"U1","iss":"P1","iat":{START},"exp":{}}}"#,
            START + life
        );
        let session = Session::new(
            Claims::parse(payload.into()).unwrap(),
            TenantClaims::default(),
            Clock::System,
        );
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(START + after);
        renewal.is_due(&session, hint.map(Duration::from_secs), now)
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
