//! Sessions outside of HTTP: for websockets, jobs, and services that keep their own cookies.

use super::handle::Descope;
use crate::{
    answer::{SessionAnswer, TenantSelection},
    error::Error,
    ids::TenantId,
    token::RefreshToken,
};

/// # Sessions
///
/// Calls with one refresh token, or with its successors as far as they are known here, run one
/// after another, each to its end even if the caller goes away. The answer is kept for a while
/// ([`DescopeBuilder::keep_answers`](crate::DescopeBuilder::keep_answers)) for whoever still holds
/// the rotated token. All of these calls need a tokio runtime.
impl Descope {
    /// Opens a new session for the tenant that the old one is in (`POST /v1/auth/refresh`), and
    /// returns all that Descope answers.
    ///
    /// The refresh token is verified here first, and so are the tokens of the answer: signature,
    /// kind, the same user. Calls that come while one is under way share its answer. **Store the
    /// new refresh token, if the answer has one, before anything else**: with rotation on, the old
    /// one is dead.
    ///
    /// # The tenant
    ///
    /// The new session's tenant is Descope's decision, made with each refresh; it is the one
    /// that was selected as long as the newest refresh token is used and the user is a member. If
    /// the old refresh token names a tenant and the new session is in none, the call still
    /// succeeds, a warning is logged, and [`SessionAnswer::lost_tenant`] says which one it was.
    ///
    /// # Errors
    ///
    /// [`ErrorKind`](crate::ErrorKind) tells a refused token, a session that is over, a rate
    /// limit, an outage, a time-out and an unusable answer apart;
    /// [`Error::is_transient`] whether the same call may succeed later;
    /// [`Error::ends_session`] whether cookies should go.
    pub async fn refresh(&self, refresh: &RefreshToken) -> Result<SessionAnswer, Error> {
        let presented = self.verified_refresh(refresh).await?;
        self.refresh_presented(&presented).await
    }

    /// Makes a tenant the current one of a session (`POST /v1/auth/tenant/select`), and returns
    /// all that Descope answers: for services that keep their own cookies.
    /// [`SelectTenant`](crate::SelectTenant) is the ready-made HTTP handler.
    ///
    /// As [`refresh`](Self::refresh), and the new session is in the tenant asked for. **Store the
    /// new refresh token, if the answer has one, before anything else**: with rotation on, the old
    /// one is dead.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh); [`ErrorKind::Refused`](crate::ErrorKind::Refused) for a
    /// tenant that the user is not a member of.
    pub async fn select_tenant(
        &self,
        refresh: &RefreshToken,
        tenant: &TenantId,
    ) -> Result<TenantSelection, Error> {
        let presented = self.verified_refresh(refresh).await?;
        self.select_presented(&presented, tenant).await
    }

    /// Ends a session (`POST /v1/auth/logout`). That it has ended before is a success.
    ///
    /// From the call on and for an hour (less where ten thousand other sessions are remembered),
    /// nothing of this session is renewed by this process, whatever Descope says, and a refresh
    /// that is under way brings its caller nothing. Session tokens that have been handed out work
    /// until they expire.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh). After a transient one Descope may not know of the logout:
    /// the call may be repeated, and is sent again.
    pub async fn logout(&self, refresh: &RefreshToken) -> Result<(), Error> {
        let presented = self.verified_to_sign_out(refresh).await?;
        self.sign_out_presented(&presented, false).await
    }

    /// Ends all sessions of a user (`POST /v1/auth/logoutall`); see [`logout`](Self::logout).
    ///
    /// # Errors
    ///
    /// As [`logout`](Self::logout); also
    /// [`ErrorKind::SessionEnded`](crate::ErrorKind::SessionEnded) if this session has ended
    /// before, for it can then not end the others.
    pub async fn logout_all(&self, refresh: &RefreshToken) -> Result<(), Error> {
        let presented = self.verified_to_sign_out(refresh).await?;
        self.sign_out_presented(&presented, true).await
    }
}
