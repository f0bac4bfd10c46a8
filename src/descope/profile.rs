//! Calls about the session's user: record, tenants, sign-ins.

use super::handle::Descope;
use crate::{
    answer::{SignIn, TenantRecord, User, WhichTenants},
    error::Error,
    token::RefreshToken,
};

/// # The user
///
/// These calls rotate nothing. They are made with the newest refresh token that is known here, so
/// that the holder of one that was just rotated is answered, too. The answers are not signed: good
/// for showing, not for deciding what somebody may do. All need a tokio runtime.
impl Descope {
    /// The user's record (`GET /v1/auth/me`).
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh); [`ErrorKind::UpstreamInvalid`] also for a record of another
    /// user.
    ///
    /// [`ErrorKind::UpstreamInvalid`]: crate::ErrorKind::UpstreamInvalid
    pub async fn me(&self, refresh: &RefreshToken) -> Result<User, Error> {
        let presented = self.verified_refresh(refresh).await?;
        self.me_presented(&presented).await
    }

    /// The user's tenants with their names (`POST /v1/auth/me/tenants`).
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh).
    pub async fn my_tenants(
        &self,
        refresh: &RefreshToken,
        which: WhichTenants,
    ) -> Result<Vec<TenantRecord>, Error> {
        let presented = self.verified_refresh(refresh).await?;
        self.tenants_presented(&presented, which).await
    }

    /// The user's sign-ins (`GET /v1/auth/me/history`).
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh).
    pub async fn history(&self, refresh: &RefreshToken) -> Result<Vec<SignIn>, Error> {
        let presented = self.verified_refresh(refresh).await?;
        self.history_presented(&presented).await
    }
}
