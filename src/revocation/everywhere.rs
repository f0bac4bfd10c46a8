//! Sign-outs everywhere that Descope may not know of yet, as all replicas know of them. Pure.

use super::mark::is_cut;

/// How much later than the sign-out a token has been issued that is a new sign-in's, in seconds: a replica
/// that had not heard of it may have renewed an older session a moment before.
const RENEWED_MEANWHILE: u32 = 2;

/// A user's sign-out everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EverywhereSignOut {
    /// Descope may not know of it.
    Pending(EverywhereCut),
    Confirmed,
    /// The user has signed in since.
    SignedInAgain,
}

/// A sign-out everywhere that began here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EverywhereBegun {
    pub(crate) cut: EverywhereCut,
    /// The newest one of before.
    pub(crate) before: Option<EverywhereCut>,
}

/// When a user signed out everywhere: in this second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EverywhereCut(pub(super) u32);

impl EverywhereCut {
    pub(crate) fn of(second: u32) -> Self {
        Self(second)
    }

    pub(crate) fn second(self) -> u32 {
        self.0
    }

    /// Returns `true` if a refresh token that was issued then is one of before, which brings no session.
    pub(crate) fn covers(self, issued: Option<f64>) -> bool {
        is_cut(issued, self.0)
    }

    /// Returns `true` if a token that was issued then is a new sign-in's, whoever presents it.
    pub(crate) fn is_before(self, issued: Option<f64>) -> bool {
        !is_cut(issued, self.0.saturating_add(RENEWED_MEANWHILE))
    }
}
