//! A call to Descope with a refresh token, and its outcome.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    clock::Now, digest::Digest, error::Error, ids::TenantId, session::SignedToken,
    token::RefreshToken,
};

/// The operation that a refresh token is sent for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A new session for the same tenant.
    Refresh,
    /// A new session for a tenant.
    Select(TenantId),
    /// A step of a flow, which may bring a new session. Each is a call of its own: no other one's answer
    /// is its answer.
    Flow(u64),
    /// The end of the session, here or everywhere. Nothing that is kept answers it, and it is sent
    /// also for a family that has ended only as far as this process knows.
    SignOut,
}

impl Operation {
    /// The name in logs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::Select(_) => "select_tenant",
            Self::Flow(_) => "flow",
            Self::SignOut => "logout",
        }
    }
}

/// The outcome of a call that Descope answered.
#[derive(Clone, Debug)]
pub(crate) struct CallOutcome<T> {
    /// The answer for the caller, and for whoever repeats the call while it is kept. An error where the
    /// answer is of no use but for its successor, which may be all that is left of the session:
    /// no browser is sent it, but the next call is made with it.
    pub(crate) answer: Result<T, Error>,
    /// The token that takes the place of the one sent; `None` if that one stays in force.
    pub(crate) successor: Option<RefreshToken>,
    /// When that token expires, if it could be read.
    pub(crate) successor_expires_at: Option<SystemTime>,
    /// That token as it was verified; `None` if it could not be.
    pub(crate) successor_signed: Option<Arc<SignedToken>>,
    /// The current tenant of the new session.
    pub(crate) tenant: Option<TenantId>,
    /// When the new session ends: from then on its answer is not worth keeping.
    pub(crate) expires_at: Option<SystemTime>,
    /// True if another replica made the call.
    pub(crate) by_another: bool,
}

/// A call that follows another one, in the same turn, with the token that is in force after that.
pub(crate) struct FollowUp<T> {
    pub(crate) operation: Operation,
    pub(crate) send: Box<dyn FnOnce(RefreshToken) -> RunningCall<T> + Send>,
}

/// A call under way.
pub(crate) type RunningCall<T> =
    Pin<Box<dyn Future<Output = Result<CallOutcome<T>, Error>> + Send>>;

impl<T> CallOutcome<T> {
    /// The digest of the successor; `None` too without a crypto backend, and then no token was presented.
    pub(super) fn successor_digest(&self) -> Option<Digest> {
        let successor = self.successor.as_ref()?;
        match &self.successor_signed {
            Some(signed) => Some(signed.digest),
            None => Digest::of(successor.expose()).ok(),
        }
    }

    /// How long the successor lives from now on, if that is known.
    pub(super) fn successor_life(&self, now: Now) -> Option<Duration> {
        let end = self.successor_expires_at?;
        Some(end.duration_since(now.date()).unwrap_or_default())
    }
}
