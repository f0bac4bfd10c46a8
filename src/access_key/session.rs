use std::{fmt, sync::Arc, time::SystemTime};

use crate::{session::Session, token::SessionToken};

/// What an access key was exchanged for: a verified session, and its token.
///
/// Cheap to clone. `Debug` shows nothing of the token.
#[derive(Clone)]
pub struct AccessKeySession {
    inner: Arc<Inner>,
}

struct Inner {
    session: Session,
    token: SessionToken,
}

impl AccessKeySession {
    /// Only for what has been verified.
    pub(crate) fn new(session: Session, token: SessionToken) -> Self {
        Self {
            inner: Arc::new(Inner { session, token }),
        }
    }

    /// The verified session.
    pub fn session(&self) -> &Session {
        &self.inner.session
    }

    /// The session's token, for calls to other services of the project.
    pub fn session_token(&self) -> &SessionToken {
        &self.inner.token
    }

    /// The id of the access key (`K…`), as the verified session says it.
    pub fn key_id(&self) -> &str {
        self.inner.session.user_id().as_str()
    }

    /// When the session expires.
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
