//! The calls that send a verified refresh token to Descope, each in the queue of its family.

use std::{future::Future, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    exchange::Exchange,
    handle::Descope,
    present::{PresentedRefresh, VerifiedRefresh},
};
use crate::{
    answer::{SessionAnswer, SignIn, TenantRecord, TenantSelection, User, WhichTenants},
    client::{RawAnswer, TenantsBody},
    clock::system_time,
    error::{Error, ErrorKind, UpstreamVerdict},
    ids::TenantId,
    jwt::check::TokenUse,
    rotation::{CallOutcome, FollowUp, Operation, ReadKey},
    session::Session,
    shared::Goal,
    token::RefreshToken,
    verifier::AuthenticToken,
};

impl Descope {
    /// Exchanges a refresh token for a new session of the same tenant.
    pub(crate) async fn refresh_presented(
        &self,
        presented: &PresentedRefresh,
    ) -> Result<SessionAnswer, Error> {
        self.refresh_of(presented, false).await
    }

    /// As [`refresh_presented`](Self::refresh_presented), for a session that is good without it: no other
    /// replica's call is waited for.
    pub(crate) async fn refresh_early(
        &self,
        presented: &PresentedRefresh,
    ) -> Result<SessionAnswer, Error> {
        self.refresh_of(presented, true).await
    }

    async fn refresh_of(
        &self,
        presented: &PresentedRefresh,
        early: bool,
    ) -> Result<SessionAnswer, Error> {
        let this = self.clone();
        let holder = presented.verified.clone();
        let devices = presented.devices.clone();
        let family = &presented.family;
        let exchange = Exchange {
            goal: Goal::Refresh {
                shows_session: family.shows_session(),
            },
            withdrawn: family.withdraws(),
            early,
        };
        let send = move |token: RefreshToken| async move {
            let client = &this.inner.client;
            let call = |token| async move { client.refresh(&token, devices.as_deref()).await };
            this.exchange(holder, token, exchange, call).await
        };
        let this = self.clone();
        let holder = presented.verified.clone();
        let follow = move |answer: &SessionAnswer| this.selecting_only_tenant(holder, answer);
        let answer = family.exchange_and_follow(Operation::Refresh, send, follow);
        let answer = self.newest_at_hand(presented, answer.await?).await?;
        Ok(answer.for_holder_of(&presented.verified.token))
    }

    /// Exchanges a token by `call`, whose answer is verified before anybody gets it; over the replicas
    /// where there are several.
    async fn exchange<F, Fut>(
        &self,
        holder: VerifiedRefresh,
        token: RefreshToken,
        exchange: Exchange,
        call: F,
    ) -> Result<CallOutcome<SessionAnswer>, Error>
    where
        F: FnOnce(RefreshToken) -> Fut,
        Fut: Future<Output = Result<RawAnswer, Error>>,
    {
        if let Some(shared) = self.claims() {
            let outcome = self.exchange_over_replicas(shared, holder, token, exchange, call);
            return outcome.await;
        }
        let answer = call(token.clone()).await?;
        let sent = self.sent_token(holder, token).await;
        self.verify_answer(answer, sent, exchange.wanted()).await
    }

    /// Exchanges a refresh token for a new session in a tenant.
    pub(crate) async fn select_presented(
        &self,
        presented: &PresentedRefresh,
        tenant: &TenantId,
    ) -> Result<TenantSelection, Error> {
        let answer = self.select_once(presented, tenant).await?;
        let mut newest = self.newest_at_hand(presented, answer).await?;
        if newest.session().current_tenant() != Some(tenant) {
            // It was kept here, and another replica has selected another tenant since.
            newest = self.select_once(presented, tenant).await?;
        }
        let answer = newest.for_holder_of(&presented.verified.token);
        Ok(TenantSelection::new(tenant.clone(), answer))
    }

    async fn select_once(
        &self,
        presented: &PresentedRefresh,
        tenant: &TenantId,
    ) -> Result<SessionAnswer, Error> {
        let this = self.clone();
        let wanted = tenant.clone();
        let holder = presented.verified.clone();
        let send = move |token| async move { this.send_selection(holder, wanted, token).await };
        let operation = Operation::Select(tenant.clone());
        let family = &presented.family;
        family.exchange_and_follow(operation, send, |_| None).await
    }

    async fn send_selection(
        &self,
        holder: VerifiedRefresh,
        wanted: TenantId,
        token: RefreshToken,
    ) -> Result<CallOutcome<SessionAnswer>, Error> {
        let exchange = Exchange {
            goal: Goal::Select(wanted.clone()),
            withdrawn: false,
            early: false,
        };
        let client = &self.inner.client;
        let call = |token| async move { client.select_tenant(&token, &wanted).await };
        self.exchange(holder, token, exchange, call).await
    }

    /// The selection of a user's only tenant, where the service wants that and the session is in none.
    fn selecting_only_tenant(
        self,
        holder: VerifiedRefresh,
        answer: &SessionAnswer,
    ) -> Option<FollowUp<SessionAnswer>> {
        let wanted = self.only_tenant(answer.session())?;
        let operation = Operation::Select(wanted.clone());
        let send = move |token| async move {
            let outcome = self.send_selection(holder, wanted.clone(), token).await;
            let fault = match &outcome {
                Ok(outcome) => outcome.answer.as_ref().err(),
                Err(error) => Some(error),
            };
            if let Some(error) = fault {
                tracing::warn!(
                    tenant.id = %wanted,
                    %error,
                    "the user's only tenant was not selected: the session goes on without one"
                );
            }
            outcome
        };
        Some(FollowUp {
            operation,
            send: Box::new(|token| Box::pin(send(token))),
        })
    }

    /// The tenant that a session is to be brought into, since its user is in no other.
    pub(super) fn only_tenant(&self, session: &Session) -> Option<TenantId> {
        let in_none = session.current_tenant().is_none() && !session.is_anonymous();
        if !self.inner.sign_in.select_only_tenant || !in_none {
            return None;
        }
        let mut tenants = session.tenants();
        let only = tenants.next()?;
        let is_only = tenants.next().is_none();
        is_only.then(|| TenantId::new(only).ok()).flatten()
    }

    /// Signs out: this session, or all of its user's. From the call on nothing of this session
    /// signs in again here, whatever Descope answers; what it does not confirm is sent again in the
    /// background. That Descope calls the session gone is no failure.
    pub(crate) async fn sign_out_presented(
        &self,
        presented: &PresentedRefresh,
        everywhere: bool,
    ) -> Result<(), Error> {
        let user = presented.verified.user.clone();
        let (all, mark) = if everywhere {
            let (all, mark) = self.begin_everywhere(&user);
            (Some(Arc::new(all)), mark)
        } else {
            (None, None)
        };
        let this = self.clone();
        let holder = presented.verified.clone();
        let task = all.clone();
        let send = move |token: RefreshToken| {
            let this = this.clone();
            let user = user.clone();
            let holder = holder.clone();
            // After a new sign-in only this session may still be ended.
            let all = task.clone().filter(|all| all.begin_try());
            async move {
                let client = &this.inner.client;
                let everywhere = all.is_some();
                let call = |token| async move { client.logout(&token, everywhere).await };
                let result = this.sign_out_over_replicas(holder, token, call).await;
                if let Some(all) = all {
                    all.end_try(&result);
                    if result.is_ok() {
                        // What was renewed elsewhere since the first mark was not Descope's word on this.
                        this.mark_user(&user).await;
                    }
                }
                result
            }
        };
        // Both begin at once, the marks first: whoever goes away while other replicas are told has signed out.
        let marked = self.mark_signed_out(presented, everywhere, mark);
        let ((), result) = tokio::join!(marked, presented.family.sign_out(send));
        // A session that had ended before was not sent.
        if let (Some(all), Err(error)) = (all, &result) {
            all.failed(error);
        }
        match result {
            // A session that has ended can be ended again, but it cannot end the others.
            Err(error) if is_gone(&error) && !everywhere => Ok(()),
            outcome => outcome,
        }
    }

    /// The user's record, of that user.
    pub(crate) async fn me_presented(&self, presented: &PresentedRefresh) -> Result<User, Error> {
        let client = self.inner.client.clone();
        let ask = move |token: RefreshToken| async move { client.me(&token).await };
        let key = ReadKey("me".into());
        let answer = self.read_presented(presented, key, ask).await?;
        let user = User::new(Value::clone(&answer));
        // Nothing is signed here, and it is a GET: a cache in between may err.
        if user.id().as_ref() != Some(&presented.verified.user) {
            return Err(another_users());
        }
        Ok(user)
    }

    /// The user's tenants.
    pub(crate) async fn tenants_presented(
        &self,
        presented: &PresentedRefresh,
        which: WhichTenants,
    ) -> Result<Vec<TenantRecord>, Error> {
        let client = self.inner.client.clone();
        let key = ReadKey(format!("tenants {which:?}"));
        let ask = move |token: RefreshToken| async move {
            let body = match &which {
                WhichTenants::Current => TenantsBody::Dct(true),
                WhichTenants::Listed(ids) => TenantsBody::Ids(ids),
            };
            client.my_tenants(&token, body).await.map(Value::Array)
        };
        let tenants = self.read_presented(presented, key, ask).await?;
        let tenants = tenants.as_array().into_iter().flatten().cloned();
        Ok(tenants.map(TenantRecord::new).collect())
    }

    /// The user's sign-ins.
    pub(crate) async fn history_presented(
        &self,
        presented: &PresentedRefresh,
    ) -> Result<Vec<SignIn>, Error> {
        let client = self.inner.client.clone();
        let ask = move |token: RefreshToken| async move {
            client.history(&token).await.map(Value::Array)
        };
        let key = ReadKey("history".into());
        let entries = self.read_presented(presented, key, ask).await?;
        let entries = entries.as_array().into_iter().flatten().cloned();
        let entries: Vec<_> = entries.map(SignIn::new).collect();
        let is_ours = |entry: &SignIn| {
            entry
                .user_id()
                .is_none_or(|id| id == presented.verified.user.as_str())
        };
        if !entries.iter().all(is_ours) {
            return Err(another_users());
        }
        Ok(entries)
    }

    /// Makes a call that only reads, with the newest token of all replicas.
    async fn read_presented<F, Fut>(
        &self,
        presented: &PresentedRefresh,
        key: ReadKey,
        ask: F,
    ) -> Result<Arc<Value>, Error>
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        let this = self.clone();
        let ask = move |token| async move {
            let newest = this.newest_token(token).await?;
            let result = ask(newest.clone()).await;
            let Err(error) = result else {
                return result;
            };
            if error.kind() == ErrorKind::RefreshTokenReused && this.is_exchanged(&newest).await {
                let why =
                    "another replica has exchanged the refresh token while it was asked with it";
                return Err(Error::throttled(why, Duration::from_secs(1)));
            }
            this.note_read(&newest, &error);
            Err(error)
        };
        presented.family.read(key, ask).await
    }

    /// The token that is sent: `holder` describes the one that was presented, which `token` equals
    /// or has replaced.
    pub(super) async fn sent_token(
        &self,
        holder: VerifiedRefresh,
        token: RefreshToken,
    ) -> VerifiedRefresh {
        if token == holder.token {
            return holder;
        }
        // It was verified when it came, so this waits for nothing unless keys have gone since.
        let verifier = &self.inner.verifier;
        let verdict = verifier.verify(token.expose(), TokenUse::Refresh);
        let authentic = verdict.await.ok();
        let claims = authentic.as_ref().map(AuthenticToken::claims);
        VerifiedRefresh {
            tenant: claims.and_then(|claims| claims.current_tenant().cloned()),
            expires_at: claims.map(|claims| system_time(claims.times.expires)),
            token,
            ..holder
        }
    }
}

fn another_users() -> Error {
    Error::new(
        ErrorKind::UpstreamInvalid,
        "descope's answer is about another user",
    )
}

/// Returns `true` if Descope says that there is nothing left to sign out of. A 401 or 403 of some
/// proxy says nothing: the session may go on elsewhere.
fn is_gone(error: &Error) -> bool {
    let verdict = error.upstream_verdict();
    verdict.is_over()
        || matches!(
            verdict,
            UpstreamVerdict::CredentialRefused | UpstreamVerdict::Forbidden
        )
}
