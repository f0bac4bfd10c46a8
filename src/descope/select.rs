use std::time::SystemTime;

use super::{authenticate::PresentedRefresh, handle::Descope};
use crate::{
    client::RawAnswer,
    error::{Error, ErrorKind},
    ids::{TenantId, UserId},
    jwt::check::{Slot, system_time},
    rejection::{Rejection, RejectionKind},
    selection::TenantSelection,
    spend::{Op, Outcome},
    token::RefreshToken,
};

impl Descope {
    /// Makes a tenant the current one of a session (`POST /v1/auth/tenant/select`), and returns
    /// all that Descope answers: for services that keep their own cookies.
    /// [`SelectTenant`](crate::SelectTenant) is the ready-made HTTP handler.
    ///
    /// The refresh token is verified here first, and so are the tokens of the answer: signature,
    /// kind, the same user, the tenant asked for. Calls with one refresh token run one after
    /// another, each to its end even if the caller goes away, and the answer is kept for a while
    /// ([`DescopeBuilder::keep_answers`](crate::DescopeBuilder::keep_answers)) for whoever still
    /// holds the spent token. **Store the new refresh token, if the answer has one, before anything
    /// else**: with rotation on, the old one is dead.
    ///
    /// # Errors
    ///
    /// [`ErrorKind`] tells a refused token, a refused tenant, a rate limit, an outage, a
    /// time-out and an unusable answer apart. Needs a tokio runtime.
    pub async fn select_tenant(
        &self,
        refresh: &RefreshToken,
        tenant: &TenantId,
    ) -> Result<TenantSelection, Error> {
        let presented = self.verified_refresh(refresh).await?;
        self.spend_for_tenant(&presented, tenant).await
    }

    /// A refresh token that did not come in a request, verified.
    async fn verified_refresh(&self, refresh: &RefreshToken) -> Result<PresentedRefresh, Error> {
        let verifier = &self.inner.verifier;
        let genuine = verifier
            .genuine(refresh.expose(), Slot::Refresh)
            .await
            .and_then(|genuine| genuine.timing.verdict().map(|()| genuine))
            .map_err(|rejection| refused_refresh(&rejection))?;
        Ok(PresentedRefresh {
            from_cookie: false,
            token: refresh.clone(),
            expires_at: system_time(genuine.claims.times.expires),
            user: genuine.claims.user,
        })
    }

    /// Spends a verified refresh token for a tenant, in the queue of its session.
    pub(crate) async fn spend_for_tenant(
        &self,
        presented: &PresentedRefresh,
        tenant: &TenantId,
    ) -> Result<TenantSelection, Error> {
        let this = self.clone();
        let user = presented.user.clone();
        let presented_until = presented.expires_at;
        let wanted = tenant.clone();
        let send = move |token: RefreshToken| async move {
            let answer = this.inner.client.select_tenant(&token, &wanted).await?;
            this.checked(answer, &user, presented_until, wanted).await
        };
        self.inner
            .queue
            .spend(&presented.token, Op::Select(tenant.clone()), send)
            .await
    }

    /// An answer whose tokens have been verified. A confused upstream, proxy or cache must not
    /// hand over somebody else's session, nor another tenant's.
    async fn checked(
        &self,
        answer: RawAnswer,
        user: &UserId,
        presented_until: SystemTime,
        tenant: TenantId,
    ) -> Result<Outcome<TenantSelection>, Error> {
        let verifier = &self.inner.verifier;
        let session_token = answer
            .session_token()
            .ok_or_else(|| invalid_answer("descope's answer has no session token"))?;
        let session = verifier
            .genuine(session_token.expose(), Slot::Session)
            .await
            .and_then(|genuine| verifier.session(genuine))
            .map_err(|rejection| refused_answer("session token", &rejection))?;
        if session.user_id() != user {
            return Err(invalid_answer("descope's answer is for another user"));
        }
        if session.current_tenant() != Some(&tenant) {
            return Err(invalid_answer("descope's answer is for another tenant"));
        }
        let successor = answer.refresh_token().cloned();
        let mut refresh_until = presented_until;
        if let Some(token) = &successor {
            let genuine = verifier
                .genuine(token.expose(), Slot::Refresh)
                .await
                .and_then(|genuine| genuine.timing.verdict().map(|()| genuine))
                .map_err(|rejection| refused_answer("refresh token", &rejection))?;
            if genuine.claims.user != *user {
                return Err(invalid_answer(
                    "the refresh token of descope's answer is another user's",
                ));
            }
            match genuine.claims.current_tenant() {
                Some(current) if *current != tenant => {
                    return Err(invalid_answer(
                        "the refresh token of descope's answer is for another tenant",
                    ));
                }
                Some(_) => {}
                None => tracing::warn!(
                    tenant.id = %tenant,
                    "descope's new refresh token names no tenant: the selection may not survive \
                     the next refresh"
                ),
            }
            refresh_until = system_time(genuine.claims.times.expires);
        }
        let selection = TenantSelection::new(answer, session, Some(refresh_until), tenant.clone());
        Ok(Outcome {
            answer: selection,
            successor,
            tenant: Some(tenant),
        })
    }
}

fn refused_refresh(rejection: &Rejection) -> Error {
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

fn refused_answer(which: &str, rejection: &Rejection) -> Error {
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

fn invalid_answer(message: &'static str) -> Error {
    Error::new(ErrorKind::UpstreamInvalid, message)
}
