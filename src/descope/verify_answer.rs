//! Verification of an answer: of all that it says only its tokens can be relied on.

use std::sync::Arc;

use super::{
    handle::Descope,
    present::VerifiedRefresh,
    refused::{invalid_answer, refused_answer},
};
use crate::{
    answer::{InForce, SessionAnswer},
    client::RawAnswer,
    clock::system_time,
    error::Error,
    ids::TenantId,
    jwt::check::{TimeCheck, TokenUse},
    rejection::{Rejection, RejectionKind},
    rotation::CallOutcome,
    session::{Session, SignedToken},
    token::RefreshToken,
    verifier::{AuthenticToken, names_unknown_key},
};

impl Descope {
    /// Verifies the tokens of the answer to a call that sent `sent`, for a new session in the tenant
    /// `wanted` if it was a selection. A confused upstream, proxy or cache must not hand over
    /// somebody else's session, nor another tenant's.
    ///
    /// # Errors
    ///
    /// Only where the answer's refresh token is not to be used: it is forged, of another kind, or
    /// another user's. If the answer fails for another reason, the outcome still has its refresh
    /// token.
    pub(super) async fn verify_answer(
        &self,
        answer: RawAnswer,
        sent: VerifiedRefresh,
        wanted: Option<TenantId>,
    ) -> Result<CallOutcome<SessionAnswer>, Error> {
        // The refresh token comes first: the one that was sent may be rotated by now, and without
        // its successor the session could not go on.
        let (in_force, successor_signed, fault) = match answer.refresh_token() {
            Some(token) => {
                self.verify_successor(token.clone(), &sent, wanted.as_ref())
                    .await?
            }
            None => (
                InForce {
                    token: sent.token.clone(),
                    expires_at: sent.expires_at,
                },
                None,
                None,
            ),
        };
        let successor = answer.refresh_token().map(|_| in_force.token.clone());
        let successor_expires_at = in_force.expires_at;
        let session = match fault.or_else(|| answer.fault.clone()) {
            Some(fault) => Err(fault),
            None => self.verify_session(&answer, &sent, wanted.as_ref()).await,
        };
        let (tenant, expires_at) = match &session {
            // For a later selection: an answer whose tenant is not active would not do for it.
            Ok(session) => (
                session.active_tenant_id().cloned(),
                Some(session.expires_at()),
            ),
            Err(_) => (None, None),
        };
        Ok(CallOutcome {
            tenant,
            expires_at,
            by_another: false,
            successor,
            successor_expires_at,
            successor_signed,
            answer: session.map(|session| {
                // A selection leaves its tenant on purpose.
                let lost = match wanted {
                    Some(_) => None,
                    None => lost_tenant(&sent, &session),
                };
                SessionAnswer::new(answer, session, in_force).with_lost_tenant(lost)
            }),
        })
    }

    /// Verifies the new refresh token of an answer. The second part is what was verified of it; the
    /// third is why nobody may be sent it yet, although the next call is to be made with it.
    async fn verify_successor(
        &self,
        token: RefreshToken,
        sent: &VerifiedRefresh,
        wanted: Option<&TenantId>,
    ) -> Result<(InForce, Option<Arc<SignedToken>>, Option<Error>), Error> {
        let verifier = &self.inner.verifier;
        let verdict = verifier
            .verify_fresh(token.expose(), TokenUse::Refresh)
            .await;
        let authentic = match verdict {
            Ok(authentic) => authentic,
            // No browser is sent it unverified; but Descope can judge it in the next call. The same
            // for an unknown key: one that Descope has just introduced may be one that cannot be
            // fetched yet, as long as strangers use up what unknown keys may cost.
            Err(rejection) if is_for_want_of_keys(&rejection) => {
                let fault = refused_answer("refresh token", &rejection);
                let expires_at = None;
                return Ok((InForce { token, expires_at }, None, Some(fault)));
            }
            Err(rejection) => return Err(refused_answer("refresh token", &rejection)),
        };
        let claims = authentic.claims();
        if claims.user != sent.user {
            return Err(invalid_answer(
                "the refresh token of descope's answer is another user's",
            ));
        }
        let fault = match authentic.time_check.verdict() {
            Ok(()) => fault_of_tenant(claims.current_tenant(), wanted),
            // An expired one is of no use to anybody.
            Err(rejection) if matches!(authentic.time_check, TimeCheck::Expired) => {
                return Err(refused_answer("refresh token", &rejection));
            }
            // This machine's clock is behind. No browser is sent it before its time, but it is all
            // that is left of the session.
            Err(rejection) => Some(refused_answer("refresh token", &rejection)),
        };
        let expires_at = Some(system_time(claims.times.expires));
        Ok((InForce { token, expires_at }, authentic.signed, fault))
    }

    async fn verify_session(
        &self,
        answer: &RawAnswer,
        sent: &VerifiedRefresh,
        wanted: Option<&TenantId>,
    ) -> Result<Session, Error> {
        let verifier = &self.inner.verifier;
        let session_token = answer
            .session_token()
            .ok_or_else(|| invalid_answer("descope's answer has no session token"))?;
        let session = verifier
            .verify_fresh(session_token.expose(), TokenUse::Session)
            .await
            // A visitor's session is renewed as any other, and stays what it is.
            .and_then(AuthenticToken::session_or_anonymous)
            .map_err(|rejection| refused_answer("session token", &rejection))?;
        if *session.user_id() != sent.user {
            return Err(invalid_answer("descope's answer is for another user"));
        }
        check_tenant(&session, wanted)?;
        Ok(session)
    }
}

/// Returns `true` for a token that cannot be verified yet, and may be genuine.
pub(super) fn is_for_want_of_keys(rejection: &Rejection) -> bool {
    rejection.kind() == RejectionKind::KeysUnavailable || names_unknown_key(rejection)
}

/// Refuses a new session that is not in the tenant that was asked for: another one, or one in which
/// no handler would get it as [`ActiveTenant`](crate::ActiveTenant).
pub(super) fn check_tenant(session: &Session, wanted: Option<&TenantId>) -> Result<(), Error> {
    if wanted.is_some() && session.current_tenant() != wanted {
        return Err(invalid_answer("descope's answer is for another tenant"));
    }
    if wanted.is_some() && session.is_anonymous() {
        return Err(invalid_answer(
            "the session of descope's answer is anonymous, so no handler would have its tenant",
        )
        .with_fitting_successor());
    }
    if wanted.is_some() && session.active_tenant_id().is_none() {
        return Err(invalid_answer(
            "the session of descope's answer does not list the tenant that it is for",
        )
        .with_fitting_successor());
    }
    Ok(())
}

/// Why a new refresh token with the tenant `current` does not fit a selection of `wanted`, if it
/// does not.
fn fault_of_tenant(current: Option<&TenantId>, wanted: Option<&TenantId>) -> Option<Error> {
    match (current, wanted) {
        (Some(current), Some(wanted)) if current != wanted => Some(invalid_answer(
            "the refresh token of descope's answer is for another tenant",
        )),
        (None, Some(wanted)) => {
            tracing::warn!(
                tenant.id = %wanted,
                "descope's new refresh token names no tenant: the selection may not survive the \
                 next refresh"
            );
            None
        }
        _ => None,
    }
}

/// The tenant that a refresh lost. Descope's word counts: it has just signed who may be where,
/// and membership changes show at a refresh. So a session in no tenant, or in another one, is
/// a good session; refusing it would burn the token and help nobody. Another tenant is usual
/// where tokens are not rotated: there the service remembers the selection, and the refresh
/// token goes on naming an older one.
fn lost_tenant(sent: &VerifiedRefresh, session: &Session) -> Option<TenantId> {
    let before = sent.tenant.as_ref()?;
    match session.listed_tenant() {
        Ok(now) if now == before => None,
        Ok(now) => {
            tracing::debug!(
                user.id = %sent.user,
                tenant.id = %now,
                tenant.before = %before,
                "the session is in another tenant after its refresh"
            );
            None
        }
        Err(_) => {
            tracing::warn!(
                user.id = %sent.user,
                tenant.before = %before,
                "the session is in no tenant after its refresh"
            );
            Some(before.clone())
        }
    }
}
