//! Machines: access keys and the sessions that they are exchanged for.

use std::{
    future::{Future, ready},
    time::Duration,
};

use serde_json::Value;

use super::{
    authenticate::{Authentication, PendingSession},
    builder::DescopeBuilder,
    handle::Descope,
    refused::{invalid_answer, refused_answer},
    verify_answer::check_tenant,
};
use crate::{
    access_key::{
        AccessKeySession, AccessKeys, CachedSession, ExchangeOptions, Exchanger, SessionLookup,
    },
    client::{ExchangeBody, RawExchange},
    clock::Now,
    error::Error,
    json,
    jwt::check::TokenUse,
    rejection::{Rejection, RejectionKind},
    session::Session,
    shared::Exchanging,
    token::{AccessKey, Credential, SessionToken},
    verifier::{AuthenticToken, Presented, VerificationStep},
};

impl DescopeBuilder {
    /// Takes access keys, too, as bearer tokens: for services that also serve machines. Default
    /// off. See [`access_key`](crate::access_key) for what becomes of them.
    pub fn access_keys(mut self, keys: AccessKeys) -> Self {
        self.access_keys = Some(keys);
        self
    }

    pub(super) fn exchanger(&self) -> Result<Option<Exchanger>, Error> {
        let Some(keys) = &self.access_keys else {
            return Ok(None);
        };
        // An exchange is a call, and perhaps a key fetch to verify its answer.
        let patience = self
            .timeout
            .saturating_add(self.key_cache.policy().deadline)
            .saturating_add(Duration::from_secs(1));
        Exchanger::new(keys, &self.project_id, patience, self.clock.clone()).map(Some)
    }
}

/// # Access keys
impl Descope {
    /// Exchanges an access key for a session (`POST /v1/auth/accesskey/exchange`): for a service
    /// that has a key of its own. The answer is verified as any session token is, and is in the
    /// tenant that was asked for, if one was.
    ///
    /// Each call is a call to Descope; nothing is remembered, and no budget holds it back. For keys
    /// that *clients* present, use [`verify_access_key`](Self::verify_access_key).
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower_descope::Error> {
    /// use tower_descope::{AccessKey, ExchangeOptions, TenantId, test_util::FakeDescope};
    ///
    /// let fake = FakeDescope::builder()
    ///     .access_key("K2nightlyExport", |key| key.id("K2night").tenant("T1", |t| t))
    ///     .start()
    ///     .await;
    /// let key = AccessKey::new("K2nightlyExport");
    /// let options = ExchangeOptions::new().selected_tenant(TenantId::new("T1")?);
    /// let machine = fake.descope().exchange_access_key(&key, &options).await?;
    /// assert_eq!(machine.key_id(), "K2night");
    /// assert_eq!(machine.session().active_tenant().unwrap().id(), "T1");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidAccessKey`](crate::ErrorKind::InvalidAccessKey) for a text that can be
    /// no key, before any call;
    /// [`ErrorKind::UpstreamInvalid`](crate::ErrorKind::UpstreamInvalid) for an answer that is not
    /// the session of this key: of another key than it names itself, or of a person;
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) for a key or a
    /// tenant that Descope refuses;
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for claims that are too large;
    /// for the rest, [`Error::is_transient`] says whether it may succeed later. Needs a tokio
    /// runtime: [`ErrorKind::NoRuntime`](crate::ErrorKind::NoRuntime) without one.
    pub async fn exchange_access_key(
        &self,
        key: &AccessKey,
        options: &ExchangeOptions,
    ) -> Result<AccessKeySession, Error> {
        options.check()?;
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::no_runtime());
        }
        let answer = self.send_access_key(key, options).await?;
        self.verify_exchange(&answer, options).await
    }

    async fn send_access_key(
        &self,
        key: &AccessKey,
        options: &ExchangeOptions,
    ) -> Result<RawExchange, Error> {
        let body = ExchangeBody {
            selected_tenant: options.tenant(),
            custom_claims: options.claims(),
        };
        self.inner.client.exchange_access_key(key, body).await
    }

    async fn verify_exchange(
        &self,
        answer: &RawExchange,
        options: &ExchangeOptions,
    ) -> Result<AccessKeySession, Error> {
        let verifier = &self.inner.verifier;
        let token = answer.session_token.clone();
        let session = verifier
            .verify_fresh(token.expose(), TokenUse::Session)
            .await
            .and_then(AuthenticToken::session)
            .map_err(|rejection| refused_answer("session token", &rejection))?;
        check_machine(&session, answer.key_id.as_ref())?;
        check_tenant(&session, options.tenant())?;
        let key = verifier.key_of_cached(&token);
        Ok(AccessKeySession::new(session, token, key))
    }

    /// Verifies an access key outside of any request, as [`verify`](Self::verify) does a session
    /// token: for websockets, queues, jobs. All that [`AccessKeys`] says holds: the key's shape, the
    /// sessions at hand, the budget.
    ///
    /// # Panics
    ///
    /// On a tokio runtime without timers; see [`Descope`](Self#panics).
    ///
    /// # Errors
    ///
    /// Why the key opens no session here and now; always, where access keys are not
    /// [on](DescopeBuilder::access_keys).
    pub async fn verify_access_key(&self, key: &AccessKey) -> Result<Session, Rejection> {
        let machine = self.machine(key.expose().as_bytes());
        match machine.ok_or_else(|| Rejection::invalid("not_an_access_key"))? {
            Authentication::Done(verdict) => verdict,
            Authentication::Pending(verdict) => verdict.await.verdict,
        }
    }

    /// Judges a bearer token: an access key, where those are taken and it looks like one, else a
    /// session token.
    #[inline]
    pub(super) fn bearer(&self, credential: Credential<'_>) -> Authentication {
        let token = credential.as_bytes();
        // No session token has the shape of a key, so neither hides the other.
        if let Some(machine) = self.machine(token) {
            return machine;
        }
        let verifier = &self.inner.verifier;
        let now = self.now();
        let known = verifier.cached(token, &now);
        if let Some(VerificationStep::Done(verdict)) = known {
            return Authentication::Done(verdict.and_then(AuthenticToken::session_or_anonymous));
        }
        let step = known.unwrap_or_else(|| {
            verifier.verify_unknown(&Presented::session(token), None, &now, |_, _| true)
        });
        // A credential that is no token at all is refused for that, with or without keys. Only here,
        // since its verdict is the same in all other cases.
        if step.lacks_keys() && credential.text().is_none() {
            return Authentication::Done(Err(Rejection::invalid("malformed_authorization")));
        }
        self.settle(token, step)
    }

    /// The verdict on an access key; `None` if it is none, or none are taken.
    #[inline]
    fn machine(&self, credential: &[u8]) -> Option<Authentication> {
        let exchanger = self.inner.exchanger.as_ref()?;
        let is_key = exchanger.takes(credential);
        is_key.then(|| self.by_access_key(exchanger, credential))
    }

    /// The token of the session at hand of the machine that presents `credential`; `None` if that is no
    /// access key, or none are taken.
    pub(super) fn machine_token(&self, credential: &[u8]) -> Option<SessionToken> {
        let exchanger = self.inner.exchanger.as_ref()?;
        if !exchanger.takes(credential) {
            return None;
        }
        match self.look_up(exchanger, credential, &self.now()) {
            SessionLookup::Session(cached) => Some(cached.session.session_token().clone()),
            SessionLookup::Wait(_) | SessionLookup::Refused(_) => None,
        }
    }

    fn by_access_key(&self, exchanger: &Exchanger, key: &[u8]) -> Authentication {
        let now = self.now();
        let cached = match self.look_up(exchanger, key, &now) {
            SessionLookup::Session(cached) => cached,
            SessionLookup::Wait(exchange) => {
                let (this, exchanger) = (self.clone(), exchanger.clone());
                let key = AccessKey::new(String::from_utf8_lossy(key));
                return Authentication::Pending(Box::pin(async move {
                    this.exchanged(&exchanger, &key, exchange).await.into()
                }));
            }
            SessionLookup::Refused(rejection) => return Authentication::Done(Err(rejection)),
        };
        // Once more, as if the machine had sent its session token: keys may have been withdrawn.
        let verdict: PendingSession = match self.machine_again(&cached.session, &now) {
            Authentication::Done(Err(rejection)) if outlives(&cached, &rejection) => {
                return Authentication::Done(Ok(cached.session.session().clone()));
            }
            Authentication::Done(Err(rejection)) if is_over(&rejection) => {
                Box::pin(ready(Err(rejection).into()))
            }
            Authentication::Pending(verdict) => verdict,
            done @ Authentication::Done(_) => return done,
        };
        let key = AccessKey::new(String::from_utf8_lossy(key));
        let (this, exchanger) = (self.clone(), exchanger.clone());
        Authentication::Pending(Box::pin(async move {
            match verdict.await.verdict {
                Err(rejection) if outlives(&cached, &rejection) => {
                    Ok(cached.session.session().clone()).into()
                }
                Err(rejection) if is_over(&rejection) => {
                    exchanger.invalidate(&cached);
                    let lookup = this.look_up(&exchanger, key.expose().as_bytes(), &this.now());
                    match lookup {
                        // Somebody else was faster.
                        SessionLookup::Session(cached) => held(&cached.session),
                        SessionLookup::Wait(exchange) => {
                            this.exchanged(&exchanger, &key, exchange).await
                        }
                        SessionLookup::Refused(rejection) => Err(rejection),
                    }
                    .into()
                }
                verdict => verdict.into(),
            }
        }))
    }

    /// The verdict on the session token of a machine's session, which was good before.
    fn machine_again(&self, machine: &AccessKeySession, now: &Now) -> Authentication {
        let verifier = &self.inner.verifier;
        let known = machine
            .verified_with()
            .and_then(|key| verifier.held(machine.session(), key, now));
        let token = machine.session_token().expose();
        known.map_or_else(
            || self.one(token),
            |step| self.settle(token.as_bytes(), step),
        )
    }

    /// The session that an exchange has brought; that of another one, where a mark was made meanwhile by
    /// which it is refused.
    async fn exchanged(
        &self,
        exchanger: &Exchanger,
        key: &AccessKey,
        exchange: impl Future<Output = Result<AccessKeySession, Rejection>> + Send,
    ) -> Result<Session, Rejection> {
        if let Ok(session) = held(&exchange.await?) {
            return Ok(session);
        }
        let key = key.expose().as_bytes();
        if let SessionLookup::Session(cached) = self.look_up(exchanger, key, &self.now())
            && held(&cached.session).is_err()
        {
            exchanger.invalidate(&cached);
        }
        match self.look_up(exchanger, key, &self.now()) {
            SessionLookup::Session(cached) => held(&cached.session),
            SessionLookup::Wait(exchange) => held(&exchange.await?),
            SessionLookup::Refused(rejection) => Err(rejection),
        }
    }

    fn look_up(&self, exchanger: &Exchanger, key: &[u8], now: &Now) -> SessionLookup {
        exchanger.look_up(key, now, |key| {
            let (this, exchanger) = (self.clone(), exchanger.clone());
            async move { this.exchange_once(&key, &exchanger).await }
        })
    }

    /// Exchanges a key that a client presents, once over all replicas that share their state.
    async fn exchange_once(
        &self,
        key: &AccessKey,
        exchanger: &Exchanger,
    ) -> Result<AccessKeySession, Error> {
        let options = exchanger.options();
        let Some(shared) = self.sharing() else {
            return self.exchange_access_key(key, options).await;
        };
        let body = ExchangeBody {
            selected_tenant: options.tenant(),
            custom_claims: options.claims(),
        };
        let claimed = match shared.exchanging(key, &body.to_json()?).await {
            Exchanging::Done(answer) => {
                // A session that does not hold here and now is no reason to refuse the machine.
                if let Ok(session) = self.verify_exchange(&answer, options).await
                    && session.session().revoked_at().is_none()
                {
                    return Ok(session);
                }
                None
            }
            Exchanging::Claimed(claimed) => Some(claimed),
            Exchanging::Alone => None,
        };
        let exchange = async {
            let answer = self.send_access_key(key, options).await?;
            let session = self.verify_exchange(&answer, options).await?;
            Ok((answer, session))
        };
        let result = exchange.await;
        match (claimed, &result) {
            (None, _) => {}
            (Some(claimed), Ok((answer, session))) => {
                let life = session.expires_at().duration_since(self.now().date());
                claimed.leave(answer, exchanger.renew_at(life.unwrap_or_default()));
            }
            (Some(claimed), Err(_)) => claimed.give_back(),
        }
        result.map(|(_, session)| session)
    }
}

/// The session of a machine, unless a mark refuses it that was made since its exchange was begun.
fn held(machine: &AccessKeySession) -> Result<Session, Rejection> {
    if machine.session().revoked_at().is_some() && !machine.outlives_marks() {
        return Err(Rejection::new(RejectionKind::SessionRevoked));
    }
    Ok(machine.session().clone())
}

/// Refuses a session that is not the exchanged key's: that of another key, or of a signed-in user,
/// whose refresh token has an end (`rexp`). A confused upstream, proxy or cache must not make a machine
/// somebody else. (A visitor's is no session to begin with.)
fn check_machine(session: &Session, key_id: Option<&Value>) -> Result<(), Error> {
    if key_id.is_some_and(|id| id.as_str() != Some(session.user_id().as_str())) {
        return Err(invalid_answer(
            "the session of descope's answer is not that of the key that it names",
        ));
    }
    let mut is_of_a_person = false;
    let read = json::members(session.payload(), |member| {
        is_of_a_person |= member.name == "rexp" && !matches!(member.value, "null" | "false");
        Ok(())
    });
    if is_of_a_person || read.is_err() {
        return Err(invalid_answer(
            "the session of descope's answer is a person's, not an access key's",
        ));
    }
    Ok(())
}

/// Returns `true` if a session is refused for what Descope knew when it gave it: within the second of a
/// mark, or for as long as this machine's clock is ahead, it would be exchanged again for each request.
fn outlives(cached: &CachedSession, rejection: &Rejection) -> bool {
    rejection.kind() == RejectionKind::SessionRevoked && cached.session.outlives_marks()
}

/// Returns `true` if a session that was good is none any more, so that a new one may help.
fn is_over(rejection: &Rejection) -> bool {
    matches!(
        rejection.kind(),
        RejectionKind::InvalidToken | RejectionKind::ExpiredToken | RejectionKind::SessionRevoked
    )
}
