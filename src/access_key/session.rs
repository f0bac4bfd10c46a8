use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{jwt::key::VerifyingKey, session::Session, token::SessionToken};

/// The result of exchanging an access key: a verified session, and its token.
///
/// Cheap to clone. `Debug` shows nothing of the token.
#[derive(Clone)]
pub struct AccessKeySession {
    inner: Arc<AccessKeySessionInner>,
    begun: Duration,
}

struct AccessKeySessionInner {
    session: Session,
    token: SessionToken,
    key: Option<Arc<VerifyingKey>>,
}

impl AccessKeySession {
    /// Joins a session and its token, both of which the caller has verified; `key` is the one that the
    /// token was verified with, as far as that is known.
    pub(crate) fn new(
        session: Session,
        token: SessionToken,
        key: Option<Arc<VerifyingKey>>,
    ) -> Self {
        Self {
            inner: Arc::new(AccessKeySessionInner {
                session,
                token,
                key,
            }),
            begun: Duration::ZERO,
        }
    }

    /// The same, of an exchange that was begun then, on the monotonic clock.
    pub(super) fn begun_at(mut self, begun: Duration) -> Self {
        self.begun = begun;
        self
    }

    /// Returns `true` if the session is refused for marks alone that were known before its exchange was
    /// begun: Descope knew, and let the machine go on.
    pub(crate) fn outlives_marks(&self) -> bool {
        let revoked_at = self.session().revoked_at();
        revoked_at.is_some_and(|at| at < self.begun)
    }

    /// The key that the session's token was verified with, as far as that is known.
    pub(crate) fn verified_with(&self) -> Option<&Arc<VerifyingKey>> {
        self.inner.key.as_ref()
    }

    /// Returns the verified session.
    pub fn session(&self) -> &Session {
        &self.inner.session
    }

    /// Returns the session's token, for calls to other services of the project.
    pub fn session_token(&self) -> &SessionToken {
        &self.inner.token
    }

    /// Returns the id of the access key (`K…`), from the verified session.
    pub fn key_id(&self) -> &str {
        self.inner.session.user_id().as_str()
    }

    /// Returns the time at which the session expires.
    pub fn expires_at(&self) -> SystemTime {
        self.inner.session.expires_at()
    }
}

impl fmt::Debug for AccessKeySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeySession")
            .field("key_id", &self.key_id())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
