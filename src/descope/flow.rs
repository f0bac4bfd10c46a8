//! Steps of flows for somebody who is signed in, each in the queue of their session's refresh token.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use http::HeaderMap;

use super::{
    handle::Descope,
    present::{PresentedRefresh, VerifiedRefresh},
    verify_answer::is_for_want_of_keys,
};
use crate::{
    answer::SessionAnswer,
    client::{FlowCall, PassedReply, RawAnswer},
    cookie::CookieKind,
    error::{Error, ErrorKind},
    ids::UserId,
    jwt::check::TokenUse,
    rotation::{CallOutcome, Operation},
    shared::AnswerBytes,
    token::RefreshToken,
    verifier::VerificationStep,
};

/// Tells the steps apart.
static STEPS: AtomicU64 = AtomicU64::new(0);

impl Descope {
    /// Makes a step of a flow with the refresh token of who is signed in, as a call that may replace
    /// it: a new refresh token of the same user in the answer is its successor. `session` reads the
    /// session of an answer. The second part is the token that was sent, which another request may have
    /// made of the one presented.
    pub(crate) async fn flow_presented(
        &self,
        presented: &PresentedRefresh,
        call: FlowCall,
        session: impl Fn(&PassedReply) -> Option<RawAnswer> + Send + 'static,
    ) -> Result<(PassedReply, RefreshToken), Error> {
        let this = self.clone();
        let holder = presented.verified.clone();
        let reply = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&reply);
        let send = move |token: RefreshToken| async move {
            let shown = token == holder.token;
            let (client, judging) = (this.client().clone(), this.clone());
            let step = |token| async move { client.flow(call, Some(&token)).await };
            let judge = move |answer: PassedReply, token: RefreshToken| {
                let raw = session(&answer).map(|raw| raw.without_sent(&token));
                let reply = Some((answer, token.clone()));
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = reply;
                async move {
                    let bytes = raw.as_ref().map(AnswerBytes::of);
                    let outcome = judging.outcome_of_flow(raw, holder, token).await;
                    (bytes.filter(|_| outcome.is_ok()), outcome)
                }
            };
            this.exchange_alone(token, shown, step, judge).await
        };
        let operation = Operation::Flow(STEPS.fetch_add(1, Relaxed));
        let family = &presented.family;
        let outcome = family.exchange_and_follow(operation, send, |_| None).await;
        let reply = reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whatever became of the session: the answer has come.
        reply.ok_or_else(|| outcome.err().unwrap_or_else(Error::timed_out))
    }

    async fn outcome_of_flow(
        &self,
        raw: Option<RawAnswer>,
        mut sent: VerifiedRefresh,
        token: RefreshToken,
    ) -> Result<CallOutcome<SessionAnswer>, Error> {
        let raw = raw.ok_or_else(no_session)?;
        let Some(successor) = raw.refresh_token() else {
            return Err(no_session());
        };
        let verifier = &self.inner.verifier;
        let verdict = verifier.verify(successor.expose(), TokenUse::Refresh).await;
        // Another user's is no successor: a visitor may have become somebody.
        let is_same = match verdict {
            Ok(genuine) => genuine.claims().user == sent.user,
            // It may be all that is left of the session, although nobody is sent it yet.
            Err(rejection) if is_for_want_of_keys(&rejection) => {
                verifier.names_user(successor.expose(), &sent.user)
            }
            Err(_) => false,
        };
        if !is_same {
            return Err(no_session());
        }
        sent.token = token;
        self.verify_answer(raw, sent, None).await
    }

    /// The session token that a browser's cookies show of this user, if it is good and known without
    /// waiting.
    pub(crate) fn shown_session_token(&self, headers: &HeaderMap, user: &UserId) -> Option<String> {
        let presented = self.cookie_reader().presented(headers).ok()?;
        let mut tokens = presented.of_kind(CookieKind::Session).take(4);
        let found =
            tokens.find(
                |(_, token)| match self.inner.verifier.start(token, TokenUse::Session) {
                    VerificationStep::Done(Ok(token)) => {
                        token.claims().user == *user && token.time_check.verdict().is_ok()
                    }
                    _ => false,
                },
            );
        found.map(|(_, token)| token.to_owned())
    }

    /// Returns `true` for a text that is a token of this project by its form and its issuer.
    pub(crate) fn is_token(&self, text: &str) -> bool {
        self.inner.verifier.claims_of_project(text).is_some()
    }
}

/// The end of a step that brought no session, which is no failure of the family's.
fn no_session() -> Error {
    Error::new(
        ErrorKind::NotASignIn,
        "the step of the flow has brought no session of this user",
    )
}
