//! Signing out by `logout` and `logoutall`.

use tracing::Level;

use super::{
    call::{Findings, RoutesCall},
    refusal::as_session_call,
};
use crate::{descope::SignOutOutcome, endpoint::Refusal, telemetry::event_at};

impl RoutesCall {
    /// Signs out of every session that the request presents. The browser is signed out in any case,
    /// whatever Descope answers. Returns `false` where others were meant, too, and Descope has not confirmed
    /// it.
    pub(super) async fn log_out(&self, everywhere: bool, findings: &mut Findings) -> bool {
        let headers = &self.request.headers;
        let accept_bearer = self.settings.accept_bearer;
        let signed_out = self
            .descope
            .sign_out_request(headers, accept_bearer, everywhere);
        let SignOutOutcome {
            users,
            everywhere: confirmed,
            failures,
        } = signed_out.await;
        findings.user = users.into_iter().next();
        findings.cookies = self.descope.cookies().removals(self.cookie_attributes());
        for error in failures {
            self.log_unconfirmed_logout(&as_session_call(error.into()), findings);
        }
        confirmed || !everywhere
    }

    /// Logs that the browser is signed out, but Descope does not know.
    fn log_unconfirmed_logout(&self, refusal: &Refusal, findings: &Findings) {
        // Not at the refusal's own level: operators want to know of sessions that go on elsewhere.
        let level = if refusal.kind().status().is_server_error() {
            Level::WARN
        } else {
            Level::INFO
        };
        event_at!(
            level,
            call = self.call.name(),
            user.id = findings.user.as_ref().map(tracing::field::display),
            outcome = refusal.code(),
            reason = refusal.reason(),
            "signed out here, but not at descope",
        );
    }
}
