use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use super::user::User;
use crate::{
    client::RawAnswer,
    cookie::{CookieGrant, refresh_age, session_age},
    ids::TenantId,
    revocation::MarkName,
    rotation::KeptSession,
    session::Session,
    token::{OpaqueToken, RefreshToken, SessionToken},
};

/// Descope's answer to the renewal of a session or to the selection of a tenant.
///
/// The tokens have been verified: signature, kind, the same user. All else is as Descope answered
/// it, over TLS, but not signed. Every field of the answer is here but its
/// `claims`, which are those of the [`session`](Self::session); each is `None` where the answer
/// leaves it out, has `null` or `""`, or something of another type. The meaning of the fields is
/// Descope's: see "Refresh Session" in its API reference,
/// <https://docs.descope.com/api/session/refresh>.
///
/// Cheap to clone. `Debug` shows no token.
#[derive(Clone)]
pub struct SessionAnswer {
    pub(super) parts: Arc<AnswerParts>,
    /// The new refresh token, or one that is newer than the one presented.
    refresh_token: Option<RefreshToken>,
}

/// All but the refresh token, which may differ between the holders of one answer.
pub(super) struct AnswerParts {
    session: Session,
    lost_tenant: Option<TenantId>,
    refresh: InForce,
    session_token: SessionToken,
    user: Option<User>,
    pub(super) external_token: Option<OpaqueToken>,
    pub(super) trusted_device_token: Option<OpaqueToken>,
    pub(super) known_device_token: Option<OpaqueToken>,
    /// The fields that need no type of their own.
    pub(super) rest: RawAnswer,
    /// The memory that all of it takes, in bytes, roughly.
    size: usize,
}

/// The refresh token that is in force after an answer: the new one, else the one that was sent.
#[derive(Clone)]
pub(crate) struct InForce {
    pub(crate) token: RefreshToken,
    pub(crate) expires_at: Option<SystemTime>,
}

impl SessionAnswer {
    /// Only for an answer whose tokens have been verified: `session` is what its session token
    /// says.
    pub(crate) fn new(mut raw: RawAnswer, session: Session, refresh: InForce) -> Self {
        let session_token = raw.session_token.take();
        debug_assert!(session_token.is_some(), "`session` was verified from it");
        // The record is not signed, and a cache in between may err.
        let is_of_session = |user: &User| {
            let is_theirs = user.is_of(session.user_id());
            if !is_theirs {
                tracing::warn!(
                    user.id = %session.user_id(),
                    "descope's answer brings the record of another user: it is left out"
                );
            }
            is_theirs
        };
        let session_token = session_token.unwrap_or_else(|| SessionToken::new(""));
        let size = session_token.expose().len()
            + refresh.token.expose().len()
            + session.heap_bytes()
            + raw.size();
        Self {
            refresh_token: raw.refresh_token.take(),
            parts: Arc::new(AnswerParts {
                size,
                user: raw.user.take().map(User::new).filter(is_of_session),
                session,
                lost_tenant: None,
                refresh,
                session_token,
                external_token: raw.external_token.take(),
                trusted_device_token: raw.trusted_device_token.take(),
                known_device_token: raw.known_device_token.take(),
                rest: raw,
            }),
        }
    }

    /// Notes that the session was in this tenant before and is in none now.
    pub(crate) fn with_lost_tenant(mut self, tenant: Option<TenantId>) -> Self {
        if let Some(parts) = Arc::get_mut(&mut self.parts) {
            parts.lost_tenant = tenant;
        }
        self
    }

    /// The cookies that give a browser the session of this answer.
    ///
    /// The session cookie outlives its token on purpose (see [`session_age`]); the refresh cookie
    /// lives as long as Descope says, but no longer than its token.
    pub(crate) fn cookie_grant(&self, now: SystemTime) -> CookieGrant<'_> {
        let session = self.session();
        let refresh_end = self
            .refresh_expires_at()
            .or_else(|| session.refresh_expires_at());
        CookieGrant {
            session_token: self.session_token().expose(),
            refresh_token: self.refresh_token().map(RefreshToken::expose),
            session_age: session_age(session.expires_at(), refresh_end, now),
            refresh_age: refresh_age(self.parts.rest.cookie_max_age, refresh_end, now),
            session_scope: (self.session_cookie_name(), self.session_cookie_domain()),
            refresh_scope: (self.cookie_name(), self.cookie_domain()),
        }
    }

    /// The refresh token that is in force after it.
    pub(crate) fn in_force(&self) -> &InForce {
        &self.parts.refresh
    }

    /// The answer for the holder of `presented`: if another token is in force by now, it is named.
    pub(crate) fn for_holder_of(mut self, presented: &RefreshToken) -> Self {
        if self.refresh_token.is_none() && self.parts.refresh.token != *presented {
            self.refresh_token = Some(self.parts.refresh.token.clone());
        }
        self
    }

    /// Names the refresh token that stays in force, so that it is written again; one that the answer
    /// names already goes before.
    pub(crate) fn with_refresh_token(mut self, in_force: &RefreshToken) -> Self {
        self.refresh_token.get_or_insert_with(|| in_force.clone());
        self
    }

    /// Names a refresh token that has taken the place of the one that the answer names, or left in force.
    pub(crate) fn with_successor(mut self, successor: RefreshToken) -> Self {
        self.refresh_token = Some(successor);
        self
    }

    /// The new session, verified. Of an anonymous visitor's refresh token it is anonymous again
    /// ([`Session::is_anonymous`]).
    pub fn session(&self) -> &Session {
        &self.parts.session
    }

    /// The new session token (`sessionJwt`, or the session cookie of Descope's answer).
    pub fn session_token(&self) -> &SessionToken {
        &self.parts.session_token
    }

    /// The new refresh token, if there is one (`refreshJwt`, or the refresh cookie of Descope's
    /// answer). It takes the place of the one that was presented, which may be dead by now: store
    /// it before anything else. `None`: the one that was presented stays in force.
    pub fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    /// The tenant that is active in the new session, if one is: its
    /// [`active_tenant`](Session::active_tenant).
    pub fn tenant(&self) -> Option<&TenantId> {
        self.parts.session.active_tenant_id()
    }

    /// The tenant that the session was in before a refresh, if none is active in the new one: the
    /// user may have been removed from it, or the project's settings do not carry the selection
    /// on. The session is good, the user has to choose again.
    pub fn lost_tenant(&self) -> Option<&TenantId> {
        self.parts.lost_tenant.as_ref()
    }

    /// The user's record (`user`); `None` for a record of another user than the session's.
    pub fn user(&self) -> Option<&User> {
        self.parts.user.as_ref()
    }

    /// `nextRefreshSeconds` as the answer has it, for passing on.
    pub(crate) fn next_refresh_seconds(&self) -> Option<i64> {
        self.parts.rest.next_refresh_seconds
    }

    /// The user's record as the answer brought it, for passing on: an object.
    pub(crate) fn user_json(&self) -> Option<&Value> {
        self.user().map(User::json)
    }

    /// The new session's payload: one JSON object.
    pub(crate) fn claims_json(&self) -> &str {
        self.parts.session.payload()
    }

    /// When the refresh token that is now in force expires: the new one, else the one presented.
    pub(crate) fn refresh_expires_at(&self) -> Option<SystemTime> {
        self.parts.refresh.expires_at
    }

    /// When the session token expires by its own word, in seconds since the Unix epoch.
    pub(crate) fn session_expires_unix(&self) -> i64 {
        unix_seconds(self.parts.session.expires_at())
    }
}

impl KeptSession for SessionAnswer {
    fn size(&self) -> usize {
        size_of::<AnswerParts>() + self.parts.size
    }

    fn revoked_at(&self) -> Option<Duration> {
        self.session().revoked_at()
    }

    fn mark_name(&self) -> Option<MarkName> {
        self.session().mark_name()
    }

    fn without_record(&self) -> Self {
        let parts = &*self.parts;
        let rest = parts.rest.without_records();
        Self {
            refresh_token: self.refresh_token.clone(),
            parts: Arc::new(AnswerParts {
                session: parts.session.clone(),
                lost_tenant: parts.lost_tenant.clone(),
                refresh: parts.refresh.clone(),
                size: parts.session_token.expose().len()
                    + parts.refresh.token.expose().len()
                    + parts.session.heap_bytes()
                    + rest.size(),
                session_token: parts.session_token.clone(),
                user: None,
                external_token: None,
                trusted_device_token: None,
                known_device_token: None,
                rest,
            }),
        }
    }
}

impl fmt::Debug for SessionAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAnswer")
            .field("session", &self.parts.session)
            .field("session_token", &self.parts.session_token)
            .field("refresh_token", &self.refresh_token())
            .finish_non_exhaustive()
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds)
        }
    }
}

#[cfg(test)]
mod tests;
