use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderValue};

use crate::{
    answer::{SessionAnswer, User},
    cookie,
    descope::{Adopted, Descope},
    ids::UserId,
    session::Session,
};

/// A browser's new session. Its cookies have to be written on the response: as a part of it with axum,
/// by [`set_cookies`](Self::set_cookies) elsewhere.
///
/// Cheap to clone.
#[must_use = "the browser is signed in by its cookies"]
#[derive(Clone)]
pub struct SignedIn {
    shared: Arc<Shared>,
}

struct Shared {
    descope: Descope,
    adopted: Adopted,
}

impl SignedIn {
    pub(super) fn new(descope: Descope, adopted: Adopted) -> Self {
        Self {
            shared: Arc::new(Shared { descope, adopted }),
        }
    }

    /// The new session. With [`Adopt::allow_anonymous`](super::Adopt::allow_anonymous) it may be a
    /// visitor's: ask [`Session::is_anonymous`].
    pub fn session(&self) -> &Session {
        self.shared.adopted.answer.session()
    }

    /// The answer that the browser is to have.
    pub(crate) fn answer(&self) -> &SessionAnswer {
        &self.shared.adopted.answer
    }

    /// The user's record, where a call to Descope brought it: always for a code, for tokens only
    /// where the refresh token was exchanged.
    pub fn user(&self) -> Option<&User> {
        self.shared.adopted.user.as_ref()
    }

    /// Another user, whose session the browser had until now: a page may say so, or take a
    /// visitor's cart along.
    pub fn replaced(&self) -> Option<&UserId> {
        self.shared.adopted.replaced.as_ref()
    }

    /// Writes the session's cookies, and keeps the response out of caches (`Cache-Control: no-store`).
    /// Cookies that are there already stay.
    ///
    /// Writes nothing if the session has been ended since.
    pub fn set_cookies(&self, response: &mut HeaderMap) {
        cookie::add_to_response(response, self.lines());
    }

    /// The lines that write the session's cookies.
    pub(crate) fn lines(&self) -> Vec<HeaderValue> {
        let Shared { descope, adopted } = &*self.shared;
        match adopted.presented.newest_after(adopted.answer.clone()) {
            // What has come since may not fit; what came first does.
            Ok(newest) => descope
                .lines_of(&newest, adopted.attributes)
                .unwrap_or_else(|_| adopted.lines.clone()),
            Err(error) => {
                tracing::debug!(%error, "a sign-in writes no cookies: its session has ended since");
                Vec::new()
            }
        }
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("session", self.session())
            .field("replaced", &self.replaced())
            .finish_non_exhaustive()
    }
}
