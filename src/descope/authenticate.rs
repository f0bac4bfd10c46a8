use std::{
    future::Future,
    pin::Pin,
    time::{Duration, SystemTime},
};

use http::HeaderMap;

use super::handle::Descope;
use crate::{
    cookie::Candidates,
    ids::{TenantId, UserId},
    jwt::check::{Timing, TokenUse, system_time},
    rejection::{Rejection, RejectionKind},
    session::Session,
    token::{self, Authorization, RefreshToken, SessionToken},
    verifier::{AuthenticToken, Several, Step},
};

/// The verdict on a request's session token.
pub(crate) enum Authentication {
    Done(Result<Session, Rejection>),
    /// Keys are being fetched; the verdict follows.
    Pending(PendingSession),
}

/// A verdict to come. Dropping it cancels no fetch.
pub(crate) type PendingSession = Pin<Box<dyn Future<Output = Result<Session, Rejection>> + Send>>;

/// A refresh token that a request presented and that this project signed.
#[derive(Debug)]
pub(crate) struct PresentedRefresh {
    /// Whether it came as a cookie, so that new cookies may be written.
    pub(crate) from_cookie: bool,
    pub(crate) token: RefreshToken,
    pub(crate) user: UserId,
    pub(crate) expires_at: SystemTime,
    /// The tenant that it names (`dct`).
    pub(crate) tenant: Option<TenantId>,
}

/// Why a request's refresh token cannot be used. Nothing has gone upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefreshRefusal {
    Missing,
    /// Genuine, but its time is over: the user must sign in again.
    Ended,
    Invalid(&'static str),
    /// Several that contradict each other.
    Ambiguous,
    /// It cannot be checked without keys.
    Unavailable {
        retry_after: Duration,
    },
}

impl Descope {
    /// Judges a request's session token. A bearer token that is present decides alone; a cookie
    /// counts only if `cookie_guard`, asked only where there is one, has nothing against it.
    pub(crate) fn authenticate(
        &self,
        headers: &HeaderMap,
        cookie_guard: impl FnOnce() -> Result<(), &'static str>,
    ) -> Authentication {
        let candidates = match token::authorization(headers) {
            Authorization::Bearer(credential) => return self.bearer(credential),
            Authorization::Absent => self.cookies().session_candidates(headers),
            Authorization::Malformed => {
                return refused(Rejection::invalid("malformed_authorization"));
            }
            Authorization::Several => {
                return refused(Rejection::because(
                    RejectionKind::AmbiguousCredentials,
                    "several_authorization_fields",
                ));
            }
        };
        if candidates != Candidates::None
            && let Err(reason) = cookie_guard()
        {
            return refused(Rejection::because(RejectionKind::CrossSite, reason));
        }
        match candidates {
            Candidates::None => refused(Rejection::new(RejectionKind::MissingToken)),
            Candidates::One(token) => self.one(token),
            Candidates::Several(tokens) => self.several(&tokens),
            Candidates::TooMany => refused(Rejection::because(
                RejectionKind::AmbiguousCredentials,
                "too_many_cookies",
            )),
        }
    }

    pub(super) fn one(&self, token: &str) -> Authentication {
        let step = self.inner.verifier.start(token, TokenUse::Session);
        self.settle(token.as_bytes(), step)
    }

    /// The session of a token of which so much has been said.
    pub(super) fn settle(&self, token: &[u8], step: Step) -> Authentication {
        match step {
            Step::Done(verdict) => Authentication::Done(verdict.and_then(AuthenticToken::session)),
            Step::Wait(wait) => {
                let Ok(token) = std::str::from_utf8(token) else {
                    return refused(Rejection::invalid("malformed_authorization"));
                };
                let this = self.clone();
                let token = SessionToken::new(token);
                Authentication::Pending(Box::pin(async move {
                    let verifier = &this.inner.verifier;
                    let verdict = verifier
                        .resume(token.expose(), TokenUse::Session, wait)
                        .await;
                    verdict?.session()
                }))
            }
        }
    }

    fn several(&self, tokens: &[&str]) -> Authentication {
        let begun = match self.inner.verifier.start_all(tokens, TokenUse::Session) {
            Several::Done(verdict) => {
                return Authentication::Done(verdict.and_then(|(_, genuine)| genuine.session()));
            }
            Several::Wait(begun) => begun.map(SessionToken::new),
        };
        let this = self.clone();
        Authentication::Pending(Box::pin(async move {
            let verifier = &this.inner.verifier;
            let (_, genuine) = verifier.resume_all(begun, SessionToken::expose).await?;
            genuine.session()
        }))
    }

    /// The user whose session the request's cookies show, its time aside; `None` without a session
    /// cookie.
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
        let (_, genuine) = verifier.genuine_of(&tokens, TokenUse::Session).await?;
        Ok(Some(genuine.claims().user.clone()))
    }

    /// The refresh token that a request presents, verified here before anything goes upstream: in
    /// its cookie, or, only without one and only if `bearer` allows it, as
    /// `Authorization: Bearer <project id>:<token>`, the form of Descope's SDKs.
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
        let (token, genuine) = verifier.genuine_of(&tokens, TokenUse::Refresh).await?;
        Ok(PresentedRefresh {
            from_cookie,
            ..self.in_time(RefreshToken::new(token), &genuine)?
        })
    }

    /// A genuine refresh token whose time is right, or which has been replaced since: its successor
    /// goes on in its place.
    pub(super) fn in_time(
        &self,
        token: RefreshToken,
        genuine: &AuthenticToken,
    ) -> Result<PresentedRefresh, Rejection> {
        let expired = matches!(genuine.timing, Timing::Expired);
        if !(expired && self.inner.queue.is_replaced(&token)) {
            genuine.timing.verdict()?;
        }
        let claims = genuine.claims();
        Ok(PresentedRefresh {
            from_cookie: false,
            token,
            user: claims.user.clone(),
            expires_at: system_time(claims.times.expires),
            tenant: claims.current_tenant().cloned(),
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

fn refused(rejection: Rejection) -> Authentication {
    Authentication::Done(Err(rejection))
}

impl From<Rejection> for RefreshRefusal {
    fn from(rejection: Rejection) -> Self {
        match rejection.kind() {
            RejectionKind::AmbiguousCredentials => Self::Ambiguous,
            RejectionKind::ExpiredToken => Self::Ended,
            RejectionKind::KeysUnavailable => Self::Unavailable {
                retry_after: rejection.retry_after().unwrap_or_default(),
            },
            _ => Self::Invalid(rejection.reason()),
        }
    }
}
