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
/// after another, each to its end even if the caller goes away, or if Descope answers after the
/// deadline. The answer is kept for whoever still holds the token that was replaced, until somebody
/// presents the new one, and for
/// [`DescopeBuilder::keep_answers`](crate::DescopeBuilder::keep_answers) from then on. All of these
/// calls need a tokio runtime.
///
/// A call presents its token as a browser's request does: it says that whoever the token was made
/// for has it. **Pass a new refresh token on before you call anything with it**, and make that call in
/// a later request of the same browser: else a browser that has not received the token is refused
/// from a minute later on, and taken for a thief by Descope from 15 minutes on.
impl Descope {
    /// Opens a new session for the tenant that the old one is in (`POST /v1/auth/refresh`), and
    /// returns all that Descope answers.
    ///
    /// The refresh token is verified here first, and so are the tokens of the answer: signature,
    /// kind, the same user. Calls that come while one is under way share its answer. **Store the
    /// new refresh token, if the answer has one, before anything else**: with rotation on, the old
    /// one is dead.
    ///
    /// # Not for jobs
    ///
    /// A job that goes on with a user's refresh token beside the user's browser has a copy of it, and
    /// with rotation on Descope tells no copy from a stolen token: each call of the job with a
    /// successor counts as delivery, the browser's own token is refused here a minute later, and from
    /// 15 minutes on it ends the session. Give the job an access key, and choose the tenant at its
    /// exchange: [`exchange_access_key`](Self::exchange_access_key) with
    /// [`ExchangeOptions::selected_tenant`](crate::access_key::ExchangeOptions::selected_tenant).
    ///
    /// # The tenant
    ///
    /// The new session's tenant is Descope's decision, made with each refresh; it is the one
    /// that was selected as long as the newest refresh token is used and the user is a member. If
    /// the old refresh token names a tenant and the new session is in none, the call still
    /// succeeds, a warning is logged, and [`SessionAnswer::lost_tenant`] says which one it was.
    ///
    /// # Visitors
    ///
    /// An anonymous visitor's session is refreshed like any other. Where there may be such, ask
    /// [`Session::is_anonymous`](crate::Session::is_anonymous) before you take the new session for a
    /// user's; its [`active_tenant`](crate::Session::active_tenant) is refused in any case.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
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
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
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
    /// From the call on nothing of this session is renewed by this process, whatever Descope says,
    /// and a refresh that is under way brings its caller nothing. Session tokens that have been
    /// handed out work until they expire, unless [revocation](crate::revocation) is on.
    ///
    /// After a 503 of Descope's it goes up a second time at once, so that Descope may see it twice, which
    /// does no harm. Where Descope does not confirm it, it is sent again in the background, with pauses of up to
    /// ten minutes, until Descope does or the refresh token has expired. This process remembers it
    /// for as long; without [`shared_state`](crate::DescopeBuilder::shared_state) another replica does
    /// not know of it. [`drain`](Self::drain) sends it once more before the process ends.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh). After a transient one Descope may not know of the logout yet:
    /// it goes on in the background, and the call may also be repeated.
    pub async fn logout(&self, refresh: &RefreshToken) -> Result<(), Error> {
        let presented = self.verified_to_sign_out(refresh).await?;
        self.sign_out_presented(&presented, false).await
    }

    /// Ends all sessions of a user (`POST /v1/auth/logoutall`); see [`logout`](Self::logout).
    ///
    /// Until Descope has confirmed it no refresh token of this user that was issued before brings a
    /// session in this process; at no replica where they [share their state] and [revocation] is on. A
    /// session that is issued later is a new sign-in: it is let in, and the `logoutall` is not sent any
    /// more, with an error event. Without those two a session that another replica has renewed is one, too.
    ///
    /// [share their state]: crate::DescopeBuilder::shared_state
    /// [revocation]: crate::DescopeBuilder::revocation
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
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
