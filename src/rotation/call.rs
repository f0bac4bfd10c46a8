//! A call to Descope that spends a refresh token, and what comes of it.

use std::time::SystemTime;

use crate::{error::Error, ids::TenantId, token::RefreshToken};

/// What a refresh token is spent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A new session for the same tenant.
    Refresh,
    /// A new session for a tenant.
    Select(TenantId),
    /// No session any more, here or everywhere. Nothing that is kept answers it, and it goes up
    /// also for a family that is dead only as far as this process knows.
    SignOut,
}

/// What a call brought.
#[derive(Clone, Debug)]
pub(crate) struct CallOutcome<T> {
    /// What the caller gets, and whoever repeats the call while it is kept. An error where the
    /// answer is of no use but for its successor, which may be all that is left of the session:
    /// nobody is told of it, but the next call goes up with it.
    pub(crate) answer: Result<T, Error>,
    /// The token that takes the place of the one sent; `None` if that one stays in force.
    pub(crate) successor: Option<RefreshToken>,
    /// The current tenant of the new session.
    pub(crate) tenant: Option<TenantId>,
    /// When the new session ends: from then on its answer is not worth keeping.
    pub(crate) expires_at: Option<SystemTime>,
}
