//! The refresh token that a request or a caller presents, verified here before it is sent anywhere.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::{handle::Descope, refused::refused_refresh};
use crate::{
    answer::SessionAnswer,
    clock::system_time,
    cookie::Candidates,
    error::Error,
    ids::{TenantId, UserId},
    jwt::check::{TimeCheck, TokenUse},
    rejection::{Rejection, RejectionKind},
    rotation::FamilyLease,
    token::{self, Authorization, RefreshToken},
    verifier::AuthenticToken,
};

/// A refresh token that this project signed, and its claims.
#[derive(Clone, Debug)]
pub(crate) struct VerifiedRefresh {
    pub(crate) token: RefreshToken,
    pub(crate) user: UserId,
    /// The tenant that it names (`dct`), as far as it could be read.
    pub(crate) tenant: Option<TenantId>,
    /// `None` if the token could not be read again for want of keys.
    pub(crate) expires_at: Option<SystemTime>,
}

/// A refresh token that was presented, with a place in its family.
#[derive(Debug)]
pub(crate) struct PresentedRefresh {
    pub(crate) verified: VerifiedRefresh,
    /// True for a token that came as a cookie, so that new cookies may be written.
    pub(crate) from_cookie: bool,
    pub(crate) family: FamilyLease<SessionAnswer>,
}

/// Why a presented refresh token cannot be used. Nothing has been sent to Descope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefreshRefusal {
    Missing,
    /// Authentic, but its time is over by this machine's clock. That is no word of Descope's: the
    /// clock may be ahead, so cookies are left alone; they have an end of their own.
    Expired,
    Invalid(&'static str),
    /// Several that contradict each other.
    Ambiguous,
    /// It cannot be checked without keys.
    Unavailable {
        retry_after: Duration,
    },
}

impl PresentedRefresh {
    /// The answer to give to whoever presented the token, now that a call has brought `answer`: the
    /// newest of the family, since between the end of that call and this moment another one may
    /// have ended. The one place from which cookies are written after a call.
    ///
    /// # Errors
    ///
    /// Why the session has ended since, so that its tokens must not sign anybody in again.
    pub(crate) fn newest_after(&self, answer: SessionAnswer) -> Result<SessionAnswer, Error> {
        let newest = self.family.newest_after(answer)?;
        Ok(newest.for_holder_of(&self.verified.token))
    }

    /// The family's answer that is kept for repeats, as whoever presented the token gets it.
    pub(crate) fn kept_answer(&self) -> Option<SessionAnswer> {
        let kept = self.family.kept()?;
        Some(kept.for_holder_of(&self.verified.token))
    }
}

impl Descope {
    /// The refresh token that a request presents: in its cookie, or, only without one and only if
    /// `bearer` allows it, as `Authorization: Bearer <project id>:<token>`, the form of Descope's
    /// SDKs.
    pub(crate) async fn presented_refresh(
        &self,
        headers: &HeaderMap,
        bearer: bool,
    ) -> Result<PresentedRefresh, RefreshRefusal> {
        let (from_cookie, tokens) = match self.cookies().refresh_candidates(headers) {
            Candidates::One(token) => (true, vec![token]),
            Candidates::Several(tokens) => (true, tokens),
            Candidates::TooMany => return Err(RefreshRefusal::Ambiguous),
            Candidates::None if bearer => (false, vec![self.bearer_refresh(headers)?]),
            Candidates::None => return Err(RefreshRefusal::Missing),
        };
        let verifier = &self.inner.verifier;
        let (token, authentic) = verifier.verify_several(&tokens, TokenUse::Refresh).await?;
        Ok(PresentedRefresh {
            from_cookie,
            ..self.in_time(RefreshToken::new(token), &authentic)?
        })
    }

    /// A refresh token that did not come in a request.
    pub(super) async fn verified_refresh(
        &self,
        refresh: &RefreshToken,
    ) -> Result<PresentedRefresh, Error> {
        let verifier = &self.inner.verifier;
        let verdict = verifier.verify(refresh.expose(), TokenUse::Refresh);
        verdict
            .await
            .and_then(|authentic| self.in_time(refresh.clone(), &authentic))
            .map_err(|rejection| refused_refresh(&rejection))
    }

    /// The user whose session the request's cookies show, whether or not its time is over; `None`
    /// without a session cookie.
    pub(crate) async fn session_holder(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<UserId>, Rejection> {
        let tokens = match self.cookies().session_candidates(headers) {
            Candidates::None => return Ok(None),
            Candidates::One(token) => vec![token],
            Candidates::Several(tokens) => tokens,
            Candidates::TooMany => {
                return Err(Rejection::new(RejectionKind::AmbiguousCredentials));
            }
        };
        let verifier = &self.inner.verifier;
        let (_, authentic) = verifier.verify_several(&tokens, TokenUse::Session).await?;
        Ok(Some(authentic.claims().user.clone()))
    }

    /// Returns `true` if a user's request shows a refresh token that was rotated a moment ago: the
    /// answer that brought its successor is still on its way, or was lost.
    pub(crate) fn presents_rotated_token(&self, user: &UserId, headers: &HeaderMap) -> bool {
        let queue = &self.inner.queue;
        let is_rotated = |token: &str| queue.is_rotated(&RefreshToken::new(token));
        queue.may_have_rotated(user)
            && match self.cookies().refresh_candidates(headers) {
                Candidates::One(token) => is_rotated(token),
                Candidates::Several(tokens) => tokens.into_iter().any(is_rotated),
                Candidates::None | Candidates::TooMany => false,
            }
    }

    /// Signs out the families of all refresh tokens that a request presents, here and without
    /// verification: a token that could not be verified must not go on renewing a session.
    pub(crate) fn sign_out_here(&self, headers: &HeaderMap) {
        let tokens = match self.cookies().refresh_candidates(headers) {
            Candidates::One(token) => vec![token],
            Candidates::Several(tokens) => tokens,
            Candidates::None | Candidates::TooMany => return,
        };
        for token in tokens {
            // It fails without a crypto backend only, and then nothing is known either.
            let _ = self.inner.queue.sign_out_known(&RefreshToken::new(token));
        }
    }

    /// An authentic refresh token whose time is right, or which has been rotated since: its
    /// successor is sent in its place.
    fn in_time(
        &self,
        token: RefreshToken,
        authentic: &AuthenticToken,
    ) -> Result<PresentedRefresh, Rejection> {
        let expired = matches!(authentic.time_check, TimeCheck::Expired);
        if !(expired && self.inner.queue.is_rotated(&token)) {
            authentic.time_check.verdict()?;
        }
        let claims = authentic.claims();
        Ok(PresentedRefresh {
            // It fails without a crypto backend only, and then nothing was verified either.
            family: self
                .inner
                .queue
                .lease(&token)
                .map_err(|_| Rejection::invalid("no_crypto_backend"))?,
            from_cookie: false,
            verified: VerifiedRefresh {
                token,
                user: claims.user.clone(),
                tenant: claims.current_tenant().cloned(),
                expires_at: Some(system_time(claims.times.expires)),
            },
        })
    }

    /// `Bearer <project id>` alone is what the browser SDK sends with every call, and means that
    /// the token is in the cookie.
    fn bearer_refresh<'h>(&self, headers: &'h HeaderMap) -> Result<&'h str, RefreshRefusal> {
        let credential = match token::authorization(headers) {
            Authorization::Bearer(credential) => credential
                .text()
                .ok_or(RefreshRefusal::Invalid("malformed_authorization"))?,
            Authorization::Absent => return Err(RefreshRefusal::Missing),
            Authorization::Malformed => {
                return Err(RefreshRefusal::Invalid("malformed_authorization"));
            }
            Authorization::Several => return Err(RefreshRefusal::Ambiguous),
        };
        let mut parts = credential.split(':');
        if parts.next() != Some(self.project_id()) {
            return Err(RefreshRefusal::Invalid("other_project"));
        }
        parts
            .next()
            .filter(|token| !token.is_empty())
            .ok_or(RefreshRefusal::Missing)
    }
}

impl From<Rejection> for RefreshRefusal {
    fn from(rejection: Rejection) -> Self {
        match rejection.kind() {
            RejectionKind::AmbiguousCredentials => Self::Ambiguous,
            RejectionKind::ExpiredToken => Self::Expired,
            RejectionKind::KeysUnavailable => Self::Unavailable {
                retry_after: rejection.retry_after().unwrap_or_default(),
            },
            _ => Self::Invalid(rejection.reason()),
        }
    }
}
