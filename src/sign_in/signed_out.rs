use http::{HeaderMap, HeaderValue};

use super::flow::device_removals;
use crate::{
    cookie,
    descope::{Descope, RefreshRefusal, SignOutOutcome},
    error::Error,
    head::RequestHead,
    ids::UserId,
    rejection::Rejection,
    token::RefreshToken,
};

/// The end of a browser's session. The removal of its cookies has to be written on the response: as a
/// part of it with axum, by [`set_cookies`](Self::set_cookies) elsewhere.
#[must_use = "the browser is signed out by its cookies"]
#[derive(Debug)]
pub struct SignedOut {
    outcome: SignOutOutcome,
    everywhere: bool,
    removals: Vec<HeaderValue>,
    devices: Vec<HeaderValue>,
}

/// # Signing out
impl Descope {
    /// Ends every session that a browser shows: each genuine refresh token of this project under any of
    /// the configured names, sixteen at most, is signed out at Descope.
    ///
    /// It never fails. From the call on nothing of these sessions is renewed by this process, whatever
    /// Descope says; what Descope could not be told is sent again in the background, and
    /// [`SignedOut::told`] says so. Nobody waits longer than the
    /// [`timeout`](crate::DescopeBuilder::timeout). Session tokens that have been handed out work
    /// until they expire, unless [revocation](crate::revocation) is on.
    ///
    /// The handler has to know that the request comes from a page of its own:
    /// [`check_same_origin`](Self::check_same_origin). [`SessionRoutes`](crate::SessionRoutes) has
    /// `logout` ready-made, for scripts and for forms.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    pub async fn sign_out(&self, request: &HeaderMap) -> SignedOut {
        self.end_sessions(request, false).await
    }

    /// As [`sign_out`](Self::sign_out), and all other sessions of the user are ended: of the one whose
    /// session a `__Host-` cookie shows, else of each user of whom the browser has a genuine refresh
    /// token. Other browsers are signed out when their sessions are due to be renewed; where
    /// [revocation](crate::revocation) is on, with their next requests.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    pub async fn sign_out_everywhere(&self, request: &HeaderMap) -> SignedOut {
        self.end_sessions(request, true).await
    }

    async fn end_sessions(&self, request: &HeaderMap, everywhere: bool) -> SignedOut {
        let outcome = self.sign_out_request(request, false, everywhere).await;
        for error in &outcome.failures {
            tracing::warn!(%error, everywhere, "signed out here, but not at descope");
        }
        for user in &outcome.users {
            tracing::info!(user.id = %user, everywhere, "signed out");
        }
        let root = http::Uri::default();
        let head = RequestHead::of_headers(request, &root);
        let attributes = self.cookie_attributes(head);
        SignedOut {
            everywhere,
            removals: self.cookies().removals(attributes),
            devices: device_removals(self.cookies(), attributes),
            outcome,
        }
    }

    /// The refresh token that a browser's cookies show: the one that renewals and the ready-made calls
    /// use, judged by the same rules. For calls of one's own ([`refresh`](Self::refresh),
    /// [`me`](Self::me)).
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// Why there is none that can be used: missing, expired, of another user than the session
    /// beside it, or not to be verified for want of keys.
    pub async fn presented_refresh_token(
        &self,
        request: &HeaderMap,
    ) -> Result<RefreshToken, Rejection> {
        let presented = self.presented_refresh(request, false).await;
        let presented = presented.map_err(RefreshRefusal::into_rejection)?;
        Ok(presented.verified.token.clone())
    }
}

impl SignedOut {
    /// The users who were signed in, each once; more than one where a browser had cookies of several.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.outcome.users.iter()
    }

    /// Says whether Descope knows that all of it has ended. If not, it is told as soon as it can be
    /// reached, for as long as this process runs.
    ///
    /// # Errors
    ///
    /// Why it does not know, or may not.
    pub fn told(&self) -> Result<(), &Error> {
        match self.outcome.failures.first() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Returns `true` if Descope has ended all sessions of the user, as
    /// [`Descope::sign_out_everywhere`] asks it to; `false` also where nobody was signed in.
    pub fn is_everywhere(&self) -> bool {
        self.everywhere && self.outcome.everywhere
    }

    /// Removes the device tokens too that [`FlowRoutes`](crate::FlowRoutes) keeps: Descope does not know
    /// this browser again. For a device that somebody else uses next.
    pub fn forget_device(mut self) -> Self {
        self.removals.append(&mut self.devices);
        self
    }

    /// Writes the lines that remove the session's cookies, under every name and scope, and keeps the
    /// response out of caches (`Cache-Control: no-store`).
    pub fn set_cookies(&self, response: &mut HeaderMap) {
        cookie::add_to_response(response, self.removals.clone());
    }
}
