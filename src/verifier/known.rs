//! Tokens that were verified before: whatever may have changed since is asked again.

use std::sync::Arc;

use super::{
    token::{AuthenticToken, VerificationStep},
    verify::{Presented, Verifier},
};
use crate::{
    clock::Now,
    digest::Digest,
    jwks::Lookup,
    jwt::{check::TokenUse, key::VerifyingKey},
    session::Session,
    token::SessionToken,
};

impl Verifier {
    /// The result for a token that was verified before, if that is remembered: session tokens are
    /// cached, refresh tokens are remembered by their families.
    pub(super) fn known(&self, token: &Presented<'_>, now: &Now) -> Option<VerificationStep> {
        match token.token_use {
            TokenUse::Session => self.cached(token.text, now),
            TokenUse::Refresh => self.remembered(token.digest?, now),
        }
    }

    /// The result for a session token that was verified before, if it is cached. Everything that
    /// may have changed since is checked again: its time, and the standing of its key.
    #[inline]
    pub(crate) fn cached(&self, token: &[u8], now: &Now) -> Option<VerificationStep> {
        let (session, aged) = self.sessions.find(token, |session, key| {
            let aged = (!key.serves(now)).then(|| Arc::clone(key));
            (session.clone(), aged)
        })?;
        self.judge_again(session, aged, now)
    }

    /// The key that a session token was verified with, if the token is cached.
    pub(crate) fn key_of_cached(&self, token: &SessionToken) -> Option<Arc<VerifyingKey>> {
        let token = token.expose().as_bytes();
        self.sessions.find(token, |_, key| Arc::clone(key))
    }

    /// As [`cached`](Self::cached), for a session that somebody holds with the key that its token was
    /// verified with.
    #[inline]
    pub(crate) fn held(
        &self,
        session: &Session,
        key: &Arc<VerifyingKey>,
        now: &Now,
    ) -> Option<VerificationStep> {
        let aged = (!key.serves(now)).then(|| Arc::clone(key));
        self.judge_again(session.clone(), aged, now)
    }

    /// The result for a refresh token that was verified before, if its family remembers it; as of a
    /// session token that is cached.
    fn remembered(&self, token: Digest, now: &Now) -> Option<VerificationStep> {
        let signed = self.refresh_tokens.signed(token)?;
        Some(match self.held(&signed.session, &signed.key, now)? {
            VerificationStep::Done(Ok(token)) => VerificationStep::Done(Ok(AuthenticToken {
                signed: Some(signed),
                ..token
            })),
            step => step,
        })
    }

    /// The result for a session of which a verified token speaks, as of now. `aged` is the key that
    /// signed it, unless that is in a fresh set.
    #[inline]
    fn judge_again(
        &self,
        session: Session,
        aged: Option<Arc<VerifyingKey>>,
        now: &Now,
    ) -> Option<VerificationStep> {
        // A key in a fresh set vouches for its tokens without being looked up.
        let Some(key) = aged else {
            let token = self.with_time_check(session, now);
            return Some(VerificationStep::Done(Ok(token)));
        };
        match self.keys.cached().get(key.kid(), now) {
            Lookup::Found(current) if Arc::ptr_eq(&current, &key) => {
                let token = self.with_time_check(session, now);
                Some(VerificationStep::Done(Ok(token)))
            }
            // Another key of the same name: the signature has to be checked with that one.
            Lookup::Found(_) => None,
            lookup => Some(self.without_key(lookup, now)),
        }
    }

    /// The session token that was verified before, if it is cached and its key still vouches for it
    /// without being looked up. Its bytes may be anything.
    #[inline]
    pub(crate) fn cached_genuine(&self, token: &[u8]) -> Option<AuthenticToken> {
        let now = self.clock.now();
        let session = self.sessions.find(token, |session, key| {
            key.serves(&now).then(|| session.clone())
        })??;
        Some(self.with_time_check(session, &now))
    }
}
