//! The verdict on the session token of a request.

use std::{collections::HashSet, future::Future, pin::Pin};

use super::{
    handle::Descope,
    judge::SlotStep,
    pairs::{JudgedSlots, Wanted},
};
use crate::{
    cookie::{CookieKind, CookieSlot, PresentedCookies, RequestCookies},
    jwt::check::TokenUse,
    rejection::{Rejection, RejectionKind},
    session::Session,
    token::{Authorization, SessionToken},
    verifier::{AuthenticToken, CheckedTokens, PendingTokens, VerificationStep},
};

/// The verdict on a request's session token. A session may be an anonymous one.
pub(crate) enum Authentication {
    Done(Result<Session, Rejection>),
    /// Keys are being fetched; the verdict follows.
    Pending(PendingSession),
}

/// A verdict to come, with the signatures that were checked for it. Dropping it cancels no fetch.
pub(crate) type PendingSession = Pin<Box<dyn Future<Output = LateVerdict> + Send>>;

/// A verdict that was waited for.
pub(crate) struct LateVerdict {
    pub(crate) verdict: Result<Session, Rejection>,
    pub(crate) checked: CheckedTokens,
}

impl Descope {
    /// Judges the session token of a request with these `cookies`; `authorization` is what its field
    /// says. A bearer token that is present decides alone; a cookie counts only if `cookie_guard`, asked
    /// only where there is one, has nothing against it. Which signatures were checked is noted in
    /// `checked`, unless the verdict is to come.
    pub(crate) fn authenticate(
        &self,
        cookies: &mut RequestCookies<'_>,
        authorization: Authorization<'_>,
        checked: &mut CheckedTokens,
        cookie_guard: impl FnOnce() -> Result<(), &'static str>,
    ) -> Authentication {
        match authorization {
            Authorization::Bearer(credential) => return self.bearer(credential),
            Authorization::Absent => {}
            Authorization::Malformed => {
                return refused(Rejection::invalid("malformed_authorization"));
            }
            Authorization::Several => {
                return refused(Rejection::because(
                    RejectionKind::AmbiguousCredentials,
                    "several_authorization_fields",
                ));
            }
        }
        self.by_cookie(cookies, checked, cookie_guard)
    }

    fn by_cookie(
        &self,
        cookies: &mut RequestCookies<'_>,
        checked: &mut CheckedTokens,
        cookie_guard: impl FnOnce() -> Result<(), &'static str>,
    ) -> Authentication {
        let bytes = match cookies.bytes() {
            Ok(bytes) if bytes.is_empty() => {
                return refused(Rejection::new(RejectionKind::MissingToken));
            }
            Ok(bytes) => bytes,
            Err(rejection) => return refused(rejection),
        };
        // Nearly every request with a session shows it here, and has shown it before: then its bytes
        // are known, need not be looked at as a text, and no other cookie matters.
        if let Some(value) = bytes.only(CookieSlot::session(0))
            && let Some(authentic) = self.inner.verifier.cached_genuine(value)
        {
            return match cookie_guard() {
                Ok(()) => Authentication::Done(authentic.session_or_anonymous()),
                Err(reason) => refused(Rejection::because(RejectionKind::CrossSite, reason)),
            };
        }
        let presented = match cookies.texts() {
            Ok(presented) => presented,
            Err(rejection) => return refused(rejection),
        };
        if presented.of_kind(CookieKind::Session).next().is_some()
            && let Err(reason) = cookie_guard()
        {
            return self.guarded(presented, reason);
        }
        let mut judged = JudgedSlots::default();
        loop {
            let wanted = match judged.find_session(self.cookies()) {
                Ok(found) => return Authentication::Done(judged.into_session(found)),
                Err(wanted) => wanted,
            };
            match self.start_slot(presented, &wanted, checked) {
                SlotStep::Done(verdict) => judged.add(wanted.slot, verdict),
                SlotStep::Wait(pending) => {
                    let pending = pending.map(SessionToken::new);
                    return self.later(cookies, judged, checked, wanted, pending);
                }
            }
        }
    }

    /// The verdict where cookies do not count for `reason`. Those of other applications never do.
    fn guarded(&self, presented: &PresentedCookies<'_>, reason: &'static str) -> Authentication {
        let sessions = presented.of_kind(CookieKind::Session);
        let mut seen = HashSet::new();
        let mut distinct = sessions.filter(|(_, value)| seen.insert(*value));
        let verifier = &self.inner.verifier;
        let is_ours = |(_, value): (_, &str)| verifier.claims_of_project(value).is_some();
        refused(if distinct.any(is_ours) {
            Rejection::because(RejectionKind::CrossSite, reason)
        } else {
            Rejection::new(RejectionKind::MissingToken)
        })
    }

    /// The verdict once the keys are there that a slot waits for.
    fn later(
        &self,
        cookies: &RequestCookies<'_>,
        mut judged: JudgedSlots,
        checked: &mut CheckedTokens,
        wanted: Wanted,
        pending: PendingTokens<SessionToken>,
    ) -> Authentication {
        let this = self.clone();
        let headers = cookies.fields();
        let mut checked = std::mem::take(checked);
        Authentication::Pending(Box::pin(async move {
            let resumed = this.resume_slot(pending, SessionToken::expose, &wanted, &mut checked);
            judged.add(wanted.slot, resumed.await);
            let presented = match this.cookie_reader().presented(&headers) {
                Ok(presented) => presented,
                Err(rejection) => return Err(rejection).into(),
            };
            loop {
                let wanted = match judged.find_session(this.cookies()) {
                    Ok(found) => {
                        let verdict = judged.into_session(found);
                        return LateVerdict { verdict, checked };
                    }
                    Err(wanted) => wanted,
                };
                let verdict = this.judge(&presented, &wanted, &mut checked).await;
                judged.add(wanted.slot, verdict);
            }
        }))
    }

    pub(super) fn one(&self, token: &str) -> Authentication {
        let step = self.inner.verifier.start(token, TokenUse::Session);
        self.settle(token.as_bytes(), step)
    }

    /// The session of a token of which so much has been said.
    pub(super) fn settle(&self, token: &[u8], step: VerificationStep) -> Authentication {
        match step {
            VerificationStep::Done(verdict) => {
                Authentication::Done(verdict.and_then(AuthenticToken::session_or_anonymous))
            }
            VerificationStep::Wait(wait) => {
                let Ok(token) = std::str::from_utf8(token) else {
                    return refused(Rejection::invalid("malformed_authorization"));
                };
                let this = self.clone();
                let token = SessionToken::new(token);
                Authentication::Pending(Box::pin(async move {
                    let verifier = &this.inner.verifier;
                    let verdict = verifier
                        .resume(token.expose(), TokenUse::Session, None, wait)
                        .await;
                    verdict
                        .and_then(AuthenticToken::session_or_anonymous)
                        .into()
                }))
            }
        }
    }
}

/// Of a verdict for which no cookie was looked at.
impl From<Result<Session, Rejection>> for LateVerdict {
    fn from(verdict: Result<Session, Rejection>) -> Self {
        Self {
            verdict,
            checked: CheckedTokens::default(),
        }
    }
}

fn refused(rejection: Rejection) -> Authentication {
    Authentication::Done(Err(rejection))
}
