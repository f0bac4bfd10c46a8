//! The ways in, and the line of the log for each sign-in.

use tracing::Level;

use crate::{
    descope::Adopted,
    error::{Error, ErrorKind, UpstreamVerdict},
    telemetry::{self, event_at},
};

/// The way by which somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// A handler of the application's own.
    Handler,
    /// A page that has received tokens.
    Page,
    /// The way back from an identity provider.
    Redirect,
    /// A flow of Descope's.
    Flow,
}

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Page => "page",
            Self::Redirect => "redirect",
            Self::Flow => "flow",
        }
    }

    /// Counts the end of a sign-in.
    pub(super) fn count(self, outcome: &'static str) {
        telemetry::signed_in(self.name(), outcome);
    }

    /// Logs and counts the end of a sign-in, once.
    pub(super) fn log(self, result: &Result<Adopted, Error>) {
        let door = self.name();
        let outcome = result.as_ref().err().map_or("ok", outcome);
        self.count(outcome);
        match result {
            Ok(adopted) => {
                let session = adopted.answer.session();
                tracing::info!(
                    door,
                    user.id = %session.user_id(),
                    tenant.id = session.current_tenant().map(tracing::field::display),
                    replaced = adopted.replaced.as_ref().map(tracing::field::display),
                    outcome,
                    "signed in"
                );
            }
            Err(error) => {
                let level = match outcome {
                    "unavailable" | "rate_limited" | "upstream_invalid" | "cookie_too_large"
                    | "internal_error" => Level::WARN,
                    _ => Level::DEBUG,
                };
                event_at!(level, door, outcome, reason = %error, "not signed in");
            }
        }
    }
}

/// A stable name for the way in which a sign-in failed.
pub(crate) fn outcome(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidRefreshToken
        | ErrorKind::InvalidSessionToken
        | ErrorKind::RefreshTokenReused
        | ErrorKind::RefreshTokenReplaced => "invalid_token",
        ErrorKind::SessionEnded => "expired_token",
        ErrorKind::NotASignIn => "not_a_sign_in",
        ErrorKind::TenantMismatch => "tenant_mismatch",
        ErrorKind::UserMismatch => "other_user",
        ErrorKind::AnonymousSession => "anonymous_session",
        ErrorKind::CookieTooLarge => "cookie_too_large",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::UpstreamInvalid => "upstream_invalid",
        ErrorKind::Refused if error.upstream_verdict() != UpstreamVerdict::Unavailable => {
            "code_refused"
        }
        _ if error.is_transient() => "unavailable",
        _ => "internal_error",
    }
}
