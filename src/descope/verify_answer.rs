//! What of an answer can be believed: its tokens, once verified.

use std::time::SystemTime;

use super::handle::Descope;
use crate::{
    answer::{InForce, SessionAnswer},
    client::RawAnswer,
    error::{Error, ErrorKind},
    ids::{TenantId, UserId},
    jwt::check::{Timing, TokenUse, system_time},
    rejection::{Rejection, RejectionKind},
    rotation::Outcome,
    session::Session,
    token::RefreshToken,
    verifier::AuthenticToken,
};

/// What a call sent up, and what its answer is held against.
pub(super) struct Sent {
    pub(super) token: RefreshToken,
    pub(super) user: UserId,
    /// What the token sent says, as far as it could be read.
    pub(super) tenant: Option<TenantId>,
    pub(super) expires_at: Option<SystemTime>,
    /// The tenant asked for; `None` for a refresh.
    pub(super) wanted: Option<TenantId>,
}

/// A refresh token of an answer.
struct Successor {
    token: RefreshToken,
    /// `None` if it cannot be verified for want of keys.
    expires_at: Option<SystemTime>,
    fault: Option<Error>,
}

impl Descope {
    /// An answer whose tokens have been verified. A confused upstream, proxy or cache must not
    /// hand over somebody else's session, nor another tenant's.
    ///
    /// The refresh token comes first, for the one that was sent may be dead by now: if the answer
    /// fails for another reason, the outcome still has it, so that the session can go on.
    ///
    /// # Errors
    ///
    /// Only where the answer's refresh token is not to be used: it is forged, of another kind, or
    /// another user's.
    pub(super) async fn verify_answer(
        &self,
        answer: RawAnswer,
        sent: Sent,
    ) -> Result<Outcome<SessionAnswer>, Error> {
        let successor = match answer.refresh_token() {
            Some(token) => Some(self.successor(token.clone(), &sent).await?),
            None => None,
        };
        let (successor, fault, refresh) = match successor {
            Some(Successor {
                token,
                expires_at,
                fault,
            }) => (Some(token.clone()), fault, InForce { token, expires_at }),
            None => (
                None,
                None,
                InForce {
                    token: sent.token.clone(),
                    expires_at: sent.expires_at,
                },
            ),
        };
        if successor.is_some() {
            self.inner.queue.note_replaced(&sent.user);
        }
        let session = match fault.or_else(|| answer.fault.clone()) {
            Some(fault) => Err(fault),
            None => self.session_of(&answer, &sent).await,
        };
        let tenant = session.as_ref().ok().and_then(Session::current_tenant);
        Ok(Outcome {
            tenant: tenant.cloned(),
            expires_at: session.as_ref().ok().map(Session::expires_at),
            successor,
            answer: session.map(|session| {
                let lost = sent.lost_in(&session);
                SessionAnswer::new(answer, session, refresh).with_lost_tenant(lost)
            }),
        })
    }

    async fn successor(&self, token: RefreshToken, sent: &Sent) -> Result<Successor, Error> {
        let verdict = self
            .inner
            .verifier
            .genuine(token.expose(), TokenUse::Refresh);
        let genuine = match verdict.await {
            Ok(genuine) => genuine,
            // Nobody is told of it unverified; but Descope can judge it when it goes up.
            Err(rejection) if rejection.kind() == RejectionKind::KeysUnavailable => {
                return Ok(Successor {
                    token,
                    expires_at: None,
                    fault: Some(keys_unavailable(&rejection)),
                });
            }
            // Likewise: a key that Descope has just changed may be one that cannot be fetched yet,
            // as long as strangers use up what unknown keys may cost.
            Err(rejection) if rejection.reason() == "unknown_kid" => {
                return Ok(Successor {
                    token,
                    expires_at: None,
                    fault: Some(refused_answer("refresh token", &rejection)),
                });
            }
            Err(rejection) => return Err(refused_answer("refresh token", &rejection)),
        };
        let claims = genuine.claims();
        if claims.user != sent.user {
            return Err(invalid_answer(
                "the refresh token of descope's answer is another user's",
            ));
        }
        let fault = match genuine.timing.verdict() {
            Ok(()) => None,
            // Of no use to anybody.
            Err(rejection) if matches!(genuine.timing, Timing::Expired) => {
                return Err(refused_answer("refresh token", &rejection));
            }
            // This machine's clock is behind. It is told to nobody before its time, but it is all
            // that is left of the session.
            Err(rejection) => Some(refused_answer("refresh token", &rejection)),
        };
        let fault = match (claims.current_tenant(), &sent.wanted) {
            _ if fault.is_some() => fault,
            (Some(current), Some(wanted)) if current != wanted => Some(invalid_answer(
                "the refresh token of descope's answer is for another tenant",
            )),
            (None, Some(wanted)) => {
                tracing::warn!(
                    tenant.id = %wanted,
                    "descope's new refresh token names no tenant: the selection may not survive \
                     the next refresh"
                );
                None
            }
            _ => None,
        };
        Ok(Successor {
            token,
            expires_at: Some(system_time(claims.times.expires)),
            fault,
        })
    }

    async fn session_of(&self, answer: &RawAnswer, sent: &Sent) -> Result<Session, Error> {
        let verifier = &self.inner.verifier;
        let session_token = answer
            .session_token()
            .ok_or_else(|| invalid_answer("descope's answer has no session token"))?;
        let session = verifier
            .genuine(session_token.expose(), TokenUse::Session)
            .await
            .and_then(AuthenticToken::session)
            .map_err(|rejection| refused_answer("session token", &rejection))?;
        if *session.user_id() != sent.user {
            return Err(invalid_answer("descope's answer is for another user"));
        }
        if sent.wanted.is_some() && session.current_tenant() != sent.wanted.as_ref() {
            return Err(invalid_answer("descope's answer is for another tenant"));
        }
        Ok(session)
    }
}

impl Sent {
    /// The tenant that a refresh lost. Descope's word counts: it has just signed who may be where,
    /// and membership changes show at a refresh. So a session in no tenant, or in another one, is
    /// a good session; refusing it would burn the token and help nobody. Another tenant is usual
    /// where tokens are not rotated: there the service remembers the selection, and the refresh
    /// token goes on naming an older one.
    fn lost_in(&self, session: &Session) -> Option<TenantId> {
        let before = self.tenant.as_ref().filter(|_| self.wanted.is_none())?;
        match session.current_tenant() {
            Some(now) if now == before => None,
            Some(now) => {
                tracing::debug!(
                    user.id = %self.user,
                    tenant.id = %now,
                    tenant.before = %before,
                    "the session is in another tenant after its refresh"
                );
                None
            }
            None => {
                tracing::warn!(
                    user.id = %self.user,
                    tenant.before = %before,
                    "the session is in no tenant after its refresh"
                );
                Some(before.clone())
            }
        }
    }
}

pub(super) fn refused_refresh(rejection: &Rejection) -> Error {
    match rejection.kind() {
        RejectionKind::ExpiredToken => {
            Error::new(ErrorKind::SessionEnded, "the refresh token has expired")
                .with_session_ended()
        }
        RejectionKind::KeysUnavailable => keys_unavailable(rejection),
        _ => Error::new(
            ErrorKind::InvalidRefreshToken,
            format!("the refresh token is invalid: {}", rejection.reason()),
        ),
    }
}

pub(super) fn refused_answer(which: &str, rejection: &Rejection) -> Error {
    if rejection.kind() == RejectionKind::KeysUnavailable {
        return keys_unavailable(rejection);
    }
    Error::new(
        ErrorKind::UpstreamInvalid,
        format!(
            "the {which} of descope's answer is invalid: {}",
            rejection.reason()
        ),
    )
}

fn keys_unavailable(rejection: &Rejection) -> Error {
    Error::new(ErrorKind::KeysUnavailable, rejection.description())
        .with_retry_after(rejection.retry_after())
}

pub(super) fn invalid_answer(message: &'static str) -> Error {
    Error::new(ErrorKind::UpstreamInvalid, message)
}
