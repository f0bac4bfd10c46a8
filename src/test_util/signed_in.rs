//! The result of a sign-in.

use std::fmt;

use super::{routes::Issued, settings::Settings, settings::TokenKind};

/// A user's first pair of tokens; made by [`FakeDescope::sign_in`].
///
/// [`FakeDescope::sign_in`]: super::FakeDescope::sign_in
#[derive(Clone)]
pub struct SignedIn {
    user_id: String,
    session_jwt: String,
    refresh_jwt: String,
    cookies: String,
}

impl SignedIn {
    pub(super) fn new(settings: &Settings, user_id: String, issued: Issued) -> Self {
        let refresh_jwt = issued.refresh.unwrap_or_default();
        Self {
            user_id,
            cookies: format!(
                "{}={}; {}={refresh_jwt}",
                settings.cookie_name(TokenKind::Session),
                issued.session,
                settings.cookie_name(TokenKind::Refresh),
            ),
            session_jwt: issued.session,
            refresh_jwt,
        }
    }

    /// Who signed in: the user id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The session token.
    pub fn session_jwt(&self) -> &str {
        &self.session_jwt
    }

    /// The refresh token.
    pub fn refresh_jwt(&self) -> &str {
        &self.refresh_jwt
    }

    /// A `Cookie` header with both tokens under the project's cookie names.
    pub fn cookies(&self) -> &str {
        &self.cookies
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}
