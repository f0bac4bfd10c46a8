//! What happened, at the top of a page.

use tower_descope::{Error, ErrorKind};

use crate::html::E;

/// Something that happened, at the top of a page.
pub(crate) struct Notice {
    pub(crate) mood: Mood,
    text: String,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    Info,
    Good,
    Bad,
}

impl Notice {
    pub(crate) fn new(mood: Mood, text: impl Into<String>) -> Self {
        Self {
            mood,
            text: text.into(),
        }
    }

    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self::new(Mood::Good, text)
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::new(Mood::Bad, text)
    }

    /// Why a code was not sent, or did not sign in.
    pub(crate) fn failed(error: &Error) -> Self {
        Self::bad(match error.kind() {
            ErrorKind::Refused if !error.is_transient() => {
                "Descope refused that. Check the address or the code; a code works once and for \
                 a few minutes, and after several wrong ones you need a new one."
            }
            ErrorKind::RateLimited => "That was tried too often. Wait a minute, then try again.",
            _ => "Descope gave no usable answer. Try again in a moment.",
        })
    }

    /// Why somebody came back from an identity provider without a session.
    fn not_signed_in(code: &str) -> Self {
        Self::bad(match code {
            "idp_refused" => "You were not signed in there. Try again, or choose another way.",
            "attempt_expired" | "no_attempt" => {
                "That sign-in was begun too long ago, or in another browser. Please begin again."
            }
            "tenant_mismatch" => "You are not a member of that company.",
            "code_refused" => {
                "Descope refused that sign-in. Is this address an approved domain of the project, \
                 and the provider configured?"
            }
            "rate_limited" => "Too many people sign in at once. Try again in a moment.",
            _ => "You could not be signed in just now. Try again in a moment.",
        })
    }

    /// Why somebody came to the sign-in page.
    pub(crate) fn why(code: Option<&str>, sign_in_error: Option<&str>) -> Option<Self> {
        if let Some(error) = sign_in_error {
            return Some(Self::not_signed_in(error));
        }
        Some(match code? {
            // While it can be renewed, an expired session is; so there is nothing left to renew.
            "expired_token" => Self::bad(
                "Your session is over: it reached its end, or you signed out everywhere. Sign in \
                 again to go on where you were.",
            ),
            "invalid_token" | "session_revoked" => {
                Self::bad("Your sign-in is no longer valid. Please sign in again.")
            }
            "signed_out" => Self::good("You are signed out."),
            "signed_out_everywhere_true" => Self::good(
                "You are signed out everywhere. A browser elsewhere may show pages until its \
                 session runs out, a few minutes at most.",
            ),
            "signed_out_everywhere_false" => Self::bad(
                "You are signed out in this browser. Others may still be signed in: Descope did \
                 not confirm that it signed them out.",
            ),
            _ => Self::new(
                Mood::Info,
                "Sign in to see that page. You will come back to it.",
            ),
        })
    }
}

pub(crate) fn notice(notice: Option<&Notice>) -> String {
    notice.map_or_else(String::new, |Notice { mood, text }| {
        let (class, role) = match mood {
            Mood::Info => ("info", "status"),
            Mood::Good => ("good", "status"),
            Mood::Bad => ("bad", "alert"),
        };
        format!(r#"<p class="notice {class}" role="{role}">{}</p>"#, E(text))
    })
}
