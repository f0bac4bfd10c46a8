//! Whose word the failure of a call to Descope is: the one judgment on that question.

use super::{error::Error, kind::ErrorKind};

/// The token that was sent is invalid.
const INVALID_TOKEN: &str = "E061005";

/// The judgment on a failed call to Descope: who said no, and whether that settles anything.
///
/// A refusal (400, 401, 403, 404 or 422) is Descope's only with an `errorCode` of Descope's. Without
/// one it is the word of some proxy, gateway or firewall on the way: the call may never have reached
/// Descope, so nothing is known, nobody is signed out and nothing counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpstreamVerdict {
    /// The session is over: its refresh token has expired, or its user was signed out.
    Ended,
    /// The refresh token was used before; another holder of the session has its successor.
    Reused,
    /// Descope does not accept the credential: 401, or `E061005` whatever the status.
    CredentialRefused,
    /// Descope forbids the call to this user or key (403).
    Forbidden,
    /// Descope does not accept the call as it was made (400, 404, 422).
    CallRefused,
    /// Too many calls (429), with a code or without: the way on is the same.
    RateLimited,
    /// There was no answer of Descope's: it cannot be reached, it failed (5xx), or somebody else
    /// refused in its place.
    Unavailable,
    /// The answer did not come in time.
    TimedOut,
    /// The answer cannot be used.
    Unusable,
    /// Descope had no part in the failure: a check, a setting or the keys on this side.
    NotUpstream,
}

impl UpstreamVerdict {
    /// Returns `true` if no token of the session brings anything any more, so that there is
    /// nothing left to sign out of at Descope.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Reused)
    }

    /// Returns `true` if Descope itself said no, so that the same call would end the same way.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Ended
                | Self::Reused
                | Self::CredentialRefused
                | Self::Forbidden
                | Self::CallRefused
        )
    }
}

impl Error {
    /// Judges whose word this failure is.
    pub(crate) fn upstream_verdict(&self) -> UpstreamVerdict {
        match self.kind() {
            ErrorKind::SessionEnded => UpstreamVerdict::Ended,
            ErrorKind::RefreshTokenReused => UpstreamVerdict::Reused,
            ErrorKind::Refused if self.upstream_code().is_none() => match self.upstream_status() {
                Some(_) => UpstreamVerdict::Unavailable,
                // Refused here, before any call.
                None => UpstreamVerdict::NotUpstream,
            },
            // A 403 or 404 may be about the tenant; one with this code is about the token.
            ErrorKind::Refused if self.upstream_code() == Some(INVALID_TOKEN) => {
                UpstreamVerdict::CredentialRefused
            }
            ErrorKind::Refused => match self.upstream_status() {
                Some(401) => UpstreamVerdict::CredentialRefused,
                Some(403) => UpstreamVerdict::Forbidden,
                _ => UpstreamVerdict::CallRefused,
            },
            ErrorKind::RateLimited => UpstreamVerdict::RateLimited,
            ErrorKind::UpstreamUnavailable => UpstreamVerdict::Unavailable,
            ErrorKind::UpstreamTimeout => UpstreamVerdict::TimedOut,
            ErrorKind::UpstreamInvalid => UpstreamVerdict::Unusable,
            ErrorKind::InvalidConfig
            | ErrorKind::InvalidTenantId
            | ErrorKind::InvalidUserId
            | ErrorKind::InvalidRefreshToken
            | ErrorKind::InvalidAccessKey
            | ErrorKind::InvalidSessionToken
            | ErrorKind::NotASignIn
            | ErrorKind::TenantMismatch
            | ErrorKind::UserMismatch
            | ErrorKind::AnonymousSession
            | ErrorKind::RefreshTokenReplaced
            | ErrorKind::Throttled
            | ErrorKind::SharedStateUnavailable
            | ErrorKind::KeysUnavailable
            | ErrorKind::NoRuntime
            | ErrorKind::InvalidClaims
            | ErrorKind::CookieTooLarge => UpstreamVerdict::NotUpstream,
        }
    }

    /// Returns `true` if the same call may succeed a little later: nothing is lost, and nobody is
    /// signed out.
    ///
    /// A refusal without an [`upstream_code`](Self::upstream_code) is transient, too: some proxy
    /// answered in Descope's place.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::KeysUnavailable | ErrorKind::Throttled | ErrorKind::SharedStateUnavailable
        ) || matches!(
            self.upstream_verdict(),
            UpstreamVerdict::RateLimited | UpstreamVerdict::Unavailable | UpstreamVerdict::TimedOut
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> Error {
        Error::new(ErrorKind::Refused, "refused").with_status(status)
    }

    #[test]
    fn a_refusal_without_a_code_is_somebody_elses_and_settles_nothing() {
        for status in [400, 401, 403, 404, 422] {
            let error = refused(status);
            let verdict = error.upstream_verdict();
            assert_eq!(verdict, UpstreamVerdict::Unavailable, "{status}");
            assert!(!verdict.is_refusal() && !verdict.is_over());
            assert!(error.is_transient(), "{status}");
        }
    }

    #[test]
    fn a_refusal_with_a_code_is_descopes_and_final() {
        for (status, expected) in [
            (400, UpstreamVerdict::CallRefused),
            (401, UpstreamVerdict::CredentialRefused),
            (403, UpstreamVerdict::Forbidden),
            (404, UpstreamVerdict::CallRefused),
            (422, UpstreamVerdict::CallRefused),
        ] {
            let error = refused(status).with_code("E011001");
            let verdict = error.upstream_verdict();
            assert_eq!(verdict, expected, "{status}");
            assert!(verdict.is_refusal() && !verdict.is_over());
            assert!(!error.is_transient(), "{status}");
        }
    }

    #[test]
    fn an_invalid_token_is_a_refused_credential_whatever_the_status() {
        for status in [400, 401, 403, 404, 422] {
            let verdict = refused(status).with_code("E061005").upstream_verdict();
            assert_eq!(verdict, UpstreamVerdict::CredentialRefused, "{status}");
            assert!(verdict.is_refusal() && !verdict.is_over());
        }
    }

    #[test]
    fn an_ended_session_and_a_reused_token_are_over() {
        for kind in [ErrorKind::SessionEnded, ErrorKind::RefreshTokenReused] {
            let verdict = Error::new(kind, "x").upstream_verdict();
            assert!(verdict.is_over() && verdict.is_refusal(), "{kind:?}");
        }
    }

    #[test]
    fn what_may_pass_is_transient_and_an_unusable_answer_is_not() {
        for (kind, transient) in [
            (ErrorKind::RateLimited, true),
            (ErrorKind::UpstreamUnavailable, true),
            (ErrorKind::UpstreamTimeout, true),
            (ErrorKind::KeysUnavailable, true),
            (ErrorKind::UpstreamInvalid, false),
            (ErrorKind::NoRuntime, false),
            (ErrorKind::InvalidRefreshToken, false),
            (ErrorKind::SessionEnded, false),
        ] {
            let error = Error::new(kind, "x");
            assert_eq!(error.is_transient(), transient, "{kind:?}");
            assert!(!error.upstream_verdict().is_refusal() || !transient);
        }
    }
}
