use super::{session::SessionAnswer, user::User};
use crate::{
    ids::TenantId,
    session::Session,
    token::{RefreshToken, SessionToken},
};

/// Descope's answer to the selection of a tenant: a [`SessionAnswer`] whose session is in the
/// tenant that was asked for.
///
/// The accessors that most callers need are here; all else is in its [`answer`](Self::answer). Cheap to clone.
/// `Debug` shows no token.
#[derive(Clone, Debug)]
pub struct TenantSelection {
    tenant: TenantId,
    answer: SessionAnswer,
}

impl TenantSelection {
    /// Only for an answer whose session was checked to be in `tenant`.
    pub(crate) fn new(tenant: TenantId, answer: SessionAnswer) -> Self {
        debug_assert_eq!(answer.tenant(), Some(&tenant));
        Self { tenant, answer }
    }

    /// The tenant that was asked for and is now the current one.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The new session, verified.
    pub fn session(&self) -> &Session {
        self.answer.session()
    }

    /// The new session token.
    pub fn session_token(&self) -> &SessionToken {
        self.answer.session_token()
    }

    /// The new refresh token, if there is one; see [`SessionAnswer::refresh_token`].
    pub fn refresh_token(&self) -> Option<&RefreshToken> {
        self.answer.refresh_token()
    }

    /// The user's record.
    pub fn user(&self) -> Option<&User> {
        self.answer.user()
    }

    /// All that Descope answered.
    pub fn answer(&self) -> &SessionAnswer {
        &self.answer
    }

    /// All that Descope answered, without the copy.
    pub fn into_answer(self) -> SessionAnswer {
        self.answer
    }
}
