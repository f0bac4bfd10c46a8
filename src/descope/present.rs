//! The refresh token that a request or a caller presents, verified here before it is sent anywhere.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use http::HeaderMap;

use super::{handle::Descope, judge::FoundToken, pairs::SlotToken, refused::refused_refresh};
use crate::{
    answer::SessionAnswer,
    clock::system_time,
    cookie::{CookieKind, RequestCookies},
    error::Error,
    ids::{TenantId, UserId},
    jwt::check::{TimeCheck, TokenUse},
    rejection::{Rejection, RejectionKind},
    rotation::{CallOutcome, FamilyLease, TokenHolder},
    session::Session,
    token::{self, Authorization, RefreshToken},
    verifier::{AuthenticToken, CheckedTokens},
};

/// A refresh token that this project signed, and its claims.
#[derive(Clone, Debug)]
pub(crate) struct VerifiedRefresh {
    pub(crate) token: RefreshToken,
    pub(crate) user: UserId,
    /// The tenant that it names (`dct`), as far as it could be read.
    pub(crate) tenant: Option<TenantId>,
    /// True if the token says that it is an anonymous visitor's. Whether Descope's do is not
    /// documented; the session tokens say so in any case.
    pub(crate) is_anonymous: bool,
    /// `None` if the token could not be read again for want of keys.
    pub(crate) expires_at: Option<SystemTime>,
}

/// A refresh token that was presented, with a place in its family.
#[derive(Debug)]
pub(crate) struct PresentedRefresh {
    pub(crate) verified: VerifiedRefresh,
    /// True for a token that came as a cookie, so that new cookies may be written.
    pub(crate) from_cookie: bool,
    /// True if it came under the name of another pair than the one that counts.
    is_borrowed: bool,
    /// The headers that tell Descope of the browser's device, for calls that open a session.
    pub(super) devices: Option<Arc<HeaderMap>>,
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
    /// It is among more cookies than are read.
    TooLarge,
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
        let newest = newest.for_holder_of(&self.verified.token);
        // Where tokens are not rotated no answer would ever move the one that stands under a former
        // name: it is written beside its new session.
        Ok(if self.is_borrowed {
            newest.with_refresh_token(&self.verified.token)
        } else {
            newest
        })
    }

    /// Notes the answer of a sign-in, which no call of the family may have brought, as the newest of the
    /// family, unless that has one whose session was issued later.
    pub(crate) fn take_newer(&self, answer: &SessionAnswer) {
        let session = answer.session();
        let outcome = CallOutcome {
            answer: Ok(answer.clone()),
            successor: None,
            successor_expires_at: None,
            successor_signed: None,
            tenant: session.active_tenant_id().cloned(),
            expires_at: Some(session.expires_at()),
            by_another: false,
        };
        let issued_at = session.issued_at();
        // Of the same second: the sign-in is what somebody has just asked for.
        let is_older = |kept: &SessionAnswer| kept.session().issued_at() <= issued_at;
        let in_force = &answer.in_force().token;
        self.family.take_newer(&outcome, in_force, is_older);
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
    ///
    /// The one place where the holder of a refresh cookie is checked: a session of another user
    /// beside it makes it [`Ambiguous`](RefreshRefusal::Ambiguous).
    pub(crate) async fn presented_refresh(
        &self,
        headers: &HeaderMap,
        bearer: bool,
    ) -> Result<PresentedRefresh, RefreshRefusal> {
        let (presented, _) = self.presented_in_tenant(headers, bearer).await?;
        Ok(presented)
    }

    /// As [`presented_refresh`](Self::presented_refresh), with the tenant that is active at the browser,
    /// as far as it is known: for the log.
    pub(crate) async fn presented_in_tenant(
        &self,
        headers: &HeaderMap,
        bearer: bool,
    ) -> Result<(PresentedRefresh, Option<TenantId>), RefreshRefusal> {
        let mut checked = CheckedTokens::default();
        let mut cookies = self.cookies_of(headers);
        match self.presented_cookie(&mut cookies, &mut checked).await {
            Err(RefreshRefusal::Missing) if bearer => {
                let presented = self.presented_bearer(headers).await?;
                let tenant = presented.verified.tenant.clone();
                Ok((presented, tenant))
            }
            Ok((presented, beside)) => {
                // Without rotation a refresh token goes on naming the tenant that it was made with.
                let tenant = beside.or_else(|| presented.verified.tenant.clone());
                Ok((presented, tenant))
            }
            Err(refusal) => self.explained(Err(refusal), headers),
        }
    }

    /// The refresh token that a request presents in its cookie, if that is known without waiting for
    /// keys. Signatures that were `checked` for this request are not checked again.
    pub(crate) fn presented_at_once(
        &self,
        headers: &HeaderMap,
        cookies: &mut RequestCookies<'_>,
        checked: &mut CheckedTokens,
    ) -> Option<Result<PresentedRefresh, RefreshRefusal>> {
        // Dropping it gives up its place among those who wait for keys, and cancels no fetch.
        let presented = pin!(self.presented_cookie(cookies, checked));
        match presented.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(presented) => {
                Some(self.explained(presented.map(|(presented, _)| presented), headers))
            }
            Poll::Pending => None,
        }
    }

    /// As [`presented_at_once`](Self::presented_at_once), where keys have to be waited for.
    pub(crate) async fn presented_later(
        &self,
        headers: &HeaderMap,
        checked: &mut CheckedTokens,
    ) -> Result<PresentedRefresh, RefreshRefusal> {
        let mut cookies = self.cookies_of(headers);
        let presented = self.presented_cookie(&mut cookies, checked).await;
        self.explained(presented.map(|(presented, _)| presented), headers)
    }

    /// Says in the log why a request without a refresh token may be one.
    fn explained<T>(
        &self,
        presented: Result<T, RefreshRefusal>,
        headers: &HeaderMap,
    ) -> Result<T, RefreshRefusal> {
        if matches!(presented, Err(RefreshRefusal::Missing)) {
            self.explain_missing(headers);
        }
        presented
    }

    /// The refresh token of the cookies, with the tenant that the session beside it is in.
    async fn presented_cookie(
        &self,
        cookies: &mut RequestCookies<'_>,
        checked: &mut CheckedTokens,
    ) -> Result<(PresentedRefresh, Option<TenantId>), RefreshRefusal> {
        let FoundToken {
            found,
            token: SlotToken { authentic, refresh },
            tenant_beside,
        } = self.refresh_of_cookies(cookies.texts()?, checked).await?;
        let token = refresh.ok_or(RefreshRefusal::Missing)?;
        let presented = PresentedRefresh {
            from_cookie: true,
            is_borrowed: found.is_borrowed,
            ..self.in_time(token, &authentic, found.shows_session)?
        };
        Ok((presented, tenant_beside))
    }

    async fn presented_bearer(
        &self,
        headers: &HeaderMap,
    ) -> Result<PresentedRefresh, RefreshRefusal> {
        let token = RefreshToken::new(self.bearer_refresh(headers)?);
        let verifier = &self.inner.verifier;
        let verdict = verifier.verify(token.expose(), TokenUse::Refresh).await?;
        Ok(self.in_time(token, &verdict, false)?)
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
            .and_then(|authentic| self.in_time(refresh.clone(), &authentic, false))
            .map_err(|rejection| refused_refresh(&rejection))
    }

    /// Notes the refresh tokens that a request with a session shows beside it: what it shows has been
    /// delivered. Returns `true` if one of them has been replaced: the answer that brought its
    /// successor is still on its way, or was lost.
    pub(crate) fn presents_replaced_token(
        &self,
        session: &Session,
        cookies: &mut RequestCookies<'_>,
    ) -> bool {
        let queue = &self.inner.queue;
        if !queue.may_concern(session.user_id()) && !session.may_be_out_everywhere() {
            return false;
        }
        self.note_shown(session);
        let Ok(presented) = cookies.texts() else {
            // Beside a bearer token, which decides alone: these cookies are not read.
            return false;
        };
        // It fails without a crypto backend only, and then nothing is known either.
        let present = |token| presented.digest(token).is_some_and(|it| queue.present(it));
        let tokens = presented.of_kind(CookieKind::Refresh);
        // Each is noted, whichever of them says so.
        tokens.fold(false, |any, (_, token)| present(token) | any)
    }

    /// Returns `true` if it is known without any check that no renewal beside a good session brings
    /// anything now: its refresh token has not been replaced, and is not to be sent again so soon. It
    /// has been presented then. Only for the usual two cookies; of others more must be known.
    pub(crate) fn rests(&self, session: &Session, cookies: &mut RequestCookies<'_>) -> bool {
        let Ok(presented) = cookies.texts() else {
            return false;
        };
        let digest = presented
            .refresh_beside_session()
            .and_then(|token| presented.digest(token));
        let (user, end) = (session.user_id(), session.expires_at());
        digest.is_some_and(|digest| self.inner.queue.rests(digest, user, end))
    }

    /// An authentic refresh token whose time is right, or which has been replaced since: its
    /// successor is sent in its place. `shows_session` is true if a session of the same user came
    /// beside it.
    pub(super) fn in_time(
        &self,
        token: RefreshToken,
        authentic: &AuthenticToken,
        shows_session: bool,
    ) -> Result<PresentedRefresh, Rejection> {
        self.in_family(token, authentic, shows_session, true)
    }

    /// As [`in_time`](Self::in_time), for a token that Descope has just answered with: no browser has it
    /// yet, so its place in the family delivers nothing.
    pub(super) fn in_time_unshown(
        &self,
        token: RefreshToken,
        authentic: &AuthenticToken,
    ) -> Result<PresentedRefresh, Rejection> {
        self.in_family(token, authentic, true, false)
    }

    fn in_family(
        &self,
        token: RefreshToken,
        authentic: &AuthenticToken,
        shows_session: bool,
        has_shown: bool,
    ) -> Result<PresentedRefresh, Rejection> {
        let expired = matches!(authentic.time_check, TimeCheck::Expired);
        if !(expired && self.inner.queue.is_replaced(&token)) {
            authentic.time_check.verdict()?;
        }
        let claims = authentic.claims();
        let holder = TokenHolder {
            user: &claims.user,
            signed_out: self.note_issued(&claims.user, claims.times.issued),
            issued_at: claims.times.issued.map(system_time),
            expires_at: system_time(claims.times.expires),
            shows_session,
            has_shown,
        };
        Ok(PresentedRefresh {
            // It fails without a crypto backend only, and then nothing was verified either.
            family: self
                .inner
                .queue
                .lease(&token, holder, authentic.signed.as_ref())
                .map_err(|_| Rejection::invalid("no_crypto_backend"))?,
            from_cookie: false,
            is_borrowed: false,
            devices: None,
            verified: VerifiedRefresh {
                token,
                user: claims.user.clone(),
                tenant: claims.current_tenant().cloned(),
                is_anonymous: claims.anonymous,
                expires_at: Some(system_time(claims.times.expires)),
            },
        })
    }

    /// `Bearer <project id>` alone is what the browser SDK sends with every call, and means that
    /// the token is in the cookie.
    pub(super) fn bearer_refresh<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> Result<&'h str, RefreshRefusal> {
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

impl RefreshRefusal {
    /// The same as the verdict on a request.
    pub(crate) fn into_rejection(self) -> Rejection {
        match self {
            Self::Missing => Rejection::new(RejectionKind::MissingToken),
            Self::Expired => Rejection::new(RejectionKind::ExpiredToken),
            Self::Invalid(reason) => Rejection::invalid(reason),
            Self::Ambiguous => Rejection::new(RejectionKind::AmbiguousCredentials),
            Self::TooLarge => Rejection::new(RejectionKind::HeadersTooLarge),
            Self::Unavailable { retry_after } => Rejection::keys_unavailable(retry_after),
        }
    }
}

impl From<Rejection> for RefreshRefusal {
    fn from(rejection: Rejection) -> Self {
        match rejection.kind() {
            RejectionKind::MissingToken => Self::Missing,
            RejectionKind::AmbiguousCredentials => Self::Ambiguous,
            RejectionKind::HeadersTooLarge => Self::TooLarge,
            RejectionKind::ExpiredToken => Self::Expired,
            RejectionKind::KeysUnavailable => Self::Unavailable {
                retry_after: rejection.retry_after().unwrap_or_default(),
            },
            _ => Self::Invalid(rejection.reason()),
        }
    }
}
