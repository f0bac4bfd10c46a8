//! The doors through which a verified refresh token goes up, each in the queue of its session.

use http::HeaderMap;

use super::{authenticate::PresentedRefresh, handle::Descope, verify_answer::Sent};
use crate::{
    answer::{SessionAnswer, SignIn, TenantRecord, TenantSelection, User, WhichTenants},
    client::TenantsBody,
    cookie::Candidates,
    error::{Error, ErrorKind},
    ids::{TenantId, UserId},
    jwt::check::{TokenUse, system_time},
    rotation::Operation,
    token::RefreshToken,
    verifier::AuthenticToken,
};

impl Descope {
    /// Spends a verified refresh token on a new session for the same tenant.
    pub(crate) async fn spend_for_refresh(
        &self,
        presented: &PresentedRefresh,
    ) -> Result<SessionAnswer, Error> {
        let this = self.clone();
        let holder = presented.sent(None);
        let send = move |token: RefreshToken| async move {
            let answer = this.inner.client.refresh(&token).await?;
            this.verify_answer(answer, this.sent(holder, token).await)
                .await
        };
        let queue = &self.inner.queue;
        let answer = queue
            .spend(&presented.token, Operation::Refresh, send)
            .await?;
        Ok(answer.for_holder_of(&presented.token))
    }

    /// Spends a verified refresh token for a tenant.
    pub(crate) async fn spend_for_tenant(
        &self,
        presented: &PresentedRefresh,
        tenant: &TenantId,
    ) -> Result<TenantSelection, Error> {
        let this = self.clone();
        let wanted = tenant.clone();
        let holder = presented.sent(Some(tenant.clone()));
        let send = move |token: RefreshToken| async move {
            let answer = this.inner.client.select_tenant(&token, &wanted).await?;
            this.verify_answer(answer, this.sent(holder, token).await)
                .await
        };
        let op = Operation::Select(tenant.clone());
        let answer = self.inner.queue.spend(&presented.token, op, send).await?;
        let answer = answer.for_holder_of(&presented.token);
        Ok(TenantSelection::new(tenant.clone(), answer))
    }

    /// Signs out: this session, or all of its user's. From the call on nothing of this session
    /// signs in again here, whatever Descope says. That Descope calls it gone is no failure.
    pub(crate) async fn spend_for_logout(
        &self,
        presented: &PresentedRefresh,
        everywhere: bool,
    ) -> Result<(), Error> {
        let this = self.clone();
        let send = move |token: RefreshToken| async move {
            this.inner.client.logout(&token, everywhere).await
        };
        let outcome = self.inner.queue.sign_out(&presented.token, send).await;
        match outcome {
            // A dead session can be ended again, but it cannot end the others.
            Err(error) if is_gone(&error) && !everywhere => Ok(()),
            outcome => outcome,
        }
    }

    /// As [`spend_for_logout`](Self::spend_for_logout), without Descope and for tokens that nobody
    /// has verified.
    pub(crate) fn forget(&self, tokens: &[&str]) {
        for token in tokens {
            // It fails without a crypto backend only, and then nothing is known either.
            let _ = self.inner.queue.forget_known(&RefreshToken::new(*token));
        }
    }

    /// Whether a user's request shows a refresh token that was replaced a moment ago: the answer
    /// that brought its successor is still on its way, or was lost.
    pub(crate) fn presents_rotated_token(&self, user: &UserId, headers: &HeaderMap) -> bool {
        let queue = &self.inner.queue;
        let is_replaced = |token: &str| queue.is_replaced(&RefreshToken::new(token));
        queue.may_have_replaced(user)
            && match self.cookies().refresh_candidates(headers) {
                Candidates::One(token) => is_replaced(token),
                Candidates::Several(tokens) => tokens.into_iter().any(is_replaced),
                Candidates::None | Candidates::TooMany => false,
            }
    }

    /// The user's record, of that user.
    pub(crate) async fn show_for_me(&self, presented: &PresentedRefresh) -> Result<User, Error> {
        let client = self.inner.client.clone();
        let ask = move |token: RefreshToken| async move { client.me(&token).await };
        let user = self.inner.queue.show(&presented.token, ask).await?;
        let user = User::new(user);
        // Nothing is signed here, and it is a GET: a cache in between may err.
        if user.id() != Some(presented.user.as_str()) {
            return Err(another_users());
        }
        Ok(user)
    }

    /// The user's tenants.
    pub(crate) async fn show_for_tenants(
        &self,
        presented: &PresentedRefresh,
        which: WhichTenants,
    ) -> Result<Vec<TenantRecord>, Error> {
        let client = self.inner.client.clone();
        let ask = move |token: RefreshToken| async move {
            let body = match &which {
                WhichTenants::Current => TenantsBody::Dct(true),
                WhichTenants::Listed(ids) => TenantsBody::Ids(ids),
            };
            client.my_tenants(&token, body).await
        };
        let tenants = self.inner.queue.show(&presented.token, ask).await?;
        Ok(tenants.into_iter().map(TenantRecord::new).collect())
    }

    /// The user's sign-ins.
    pub(crate) async fn show_for_history(
        &self,
        presented: &PresentedRefresh,
    ) -> Result<Vec<SignIn>, Error> {
        let client = self.inner.client.clone();
        let ask = move |token: RefreshToken| async move { client.history(&token).await };
        let entries = self.inner.queue.show(&presented.token, ask).await?;
        let entries: Vec<_> = entries.into_iter().map(SignIn::new).collect();
        let is_ours = |entry: &SignIn| {
            entry
                .user_id()
                .is_none_or(|id| id == presented.user.as_str())
        };
        if !entries.iter().all(is_ours) {
            return Err(another_users());
        }
        Ok(entries)
    }

    /// What is known of the token that went up: `holder` presented it, or a predecessor of it.
    async fn sent(&self, holder: Sent, token: RefreshToken) -> Sent {
        if token == holder.token {
            return holder;
        }
        // It was verified when it came, so this waits for nothing but in odd times.
        let verdict = self
            .inner
            .verifier
            .genuine(token.expose(), TokenUse::Refresh);
        let genuine = verdict.await.ok();
        let claims = genuine.as_ref().map(AuthenticToken::claims);
        Sent {
            tenant: claims.and_then(|claims| claims.current_tenant().cloned()),
            expires_at: claims.map(|claims| system_time(claims.times.expires)),
            token,
            ..holder
        }
    }
}

impl PresentedRefresh {
    fn sent(&self, wanted: Option<TenantId>) -> Sent {
        Sent {
            token: self.token.clone(),
            user: self.user.clone(),
            tenant: self.tenant.clone(),
            expires_at: Some(self.expires_at),
            wanted,
        }
    }
}

fn another_users() -> Error {
    Error::new(
        ErrorKind::UpstreamInvalid,
        "descope's answer is about another user",
    )
}

/// Whether there is nothing left to sign out of.
fn is_gone(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::SessionEnded | ErrorKind::RefreshTokenReused => true,
        ErrorKind::Refused => matches!(error.upstream_status(), Some(401 | 403)),
        _ => false,
    }
}
