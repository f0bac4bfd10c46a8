//! The sessions that a browser had before somebody signed in.

use http::HeaderMap;

use super::{adopt::AdoptRules, handle::Descope, present::PresentedRefresh};
use crate::{
    cookie::{CookieAttributes, CookieKind, PresentedCookies},
    ids::UserId,
    jwt::check::TokenUse,
    rejection::Rejection,
    token::RefreshToken,
    verifier::VerificationStep,
};

/// How many session cookies are looked at for another user.
const MAX_SHOWN: usize = 16;

/// A session that the browser had, by its refresh token.
pub(super) enum FormerSession {
    Authentic(PresentedRefresh),
    /// It cannot be judged without waiting for keys.
    Unjudged(RefreshToken),
    /// It is of no use, as far as is known.
    Refused(RefreshToken, Rejection),
}

impl Descope {
    /// How the cookies of a sign-in are written.
    pub(super) fn attributes_for(
        &self,
        headers: &HeaderMap,
        rules: &AdoptRules,
        cookies: &PresentedCookies<'_>,
        former: &[FormerSession],
        new: &PresentedRefresh,
    ) -> CookieAttributes {
        let is_same_user = || {
            let mut shown = cookies.of_kind(CookieKind::Refresh);
            // The session goes on, by a step-up.
            let goes_on = shown.any(|(_, token)| new.family.has(token));
            let mut former = former.iter();
            goes_on
                || former.any(|former| match former {
                    FormerSession::Authentic(old) => old.verified.user == new.verified.user,
                    FormerSession::Unjudged(_) | FormerSession::Refused(..) => false,
                })
        };
        let as_before = || self.cookie_reader().is_remembered(headers) && is_same_user();
        CookieAttributes {
            insecure: rules.insecure,
            persistent: self
                .cookies()
                .is_persistent(|| rules.remember.unwrap_or_else(as_before)),
        }
    }

    /// Returns `true` if a browser shows a refresh token of a user, as far as that is known without waiting.
    pub(super) fn shows_session_of(&self, headers: &HeaderMap, user: &UserId) -> bool {
        let cookies = self.cookies_to_sign_out(headers);
        let mut tokens = self.to_sign_out(&cookies, CookieKind::Refresh).into_iter();
        tokens.any(
            |token| match self.inner.verifier.start(token, TokenUse::Refresh) {
                VerificationStep::Done(Ok(genuine)) => genuine.claims().user == *user,
                _ => false,
            },
        )
    }

    /// The sessions that the browser had, of which nothing changes yet. Those of the new one's own family
    /// are its predecessors.
    pub(super) fn former_sessions(
        &self,
        cookies: &PresentedCookies<'_>,
        new: &PresentedRefresh,
    ) -> Vec<FormerSession> {
        let tokens = self.to_sign_out(cookies, CookieKind::Refresh).into_iter();
        let others = tokens.filter(|token| !new.family.has(token));
        others
            .map(|token| {
                let step = self.inner.verifier.start(token, TokenUse::Refresh);
                let token = RefreshToken::new(token);
                let VerificationStep::Done(verdict) = step else {
                    return FormerSession::Unjudged(token);
                };
                match verdict.and_then(|genuine| self.to_be_ended(token.clone(), genuine)) {
                    Ok(old) => FormerSession::Authentic(old),
                    Err(rejection) => FormerSession::Refused(token, rejection),
                }
            })
            .collect()
    }

    /// Ends the sessions that the browser had: those of other users at Descope too, which is not waited
    /// for; an older one of the same user here alone, since at Descope it may be the very one that goes
    /// on. Returns another user whose session it had.
    pub(super) fn end_former(
        &self,
        former: Vec<FormerSession>,
        new: &PresentedRefresh,
    ) -> Option<UserId> {
        let mut replaced = None;
        for former in former {
            match former {
                FormerSession::Authentic(old) if old.verified.user == new.verified.user => {
                    old.family.supersede();
                }
                FormerSession::Authentic(old) => {
                    replaced.get_or_insert_with(|| old.verified.user.clone());
                    self.sign_out_in_background(old);
                }
                FormerSession::Unjudged(token) => self.sign_out_here(&token),
                FormerSession::Refused(token, rejection) => {
                    self.forget_refused(&token, &rejection);
                }
            }
        }
        replaced
    }

    /// Another user of whom a session cookie shows a session.
    pub(super) fn other_user_shown(
        &self,
        presented: &PresentedCookies<'_>,
        user: &UserId,
    ) -> Option<UserId> {
        let verifier = &self.inner.verifier;
        let mut shown = presented.of_kind(CookieKind::Session).take(MAX_SHOWN);
        shown.find_map(|(_, value)| {
            verifier.claims_of_project(value)?;
            match verifier.start(value, TokenUse::Session) {
                VerificationStep::Done(Ok(token)) if token.claims().user != *user => {
                    Some(token.claims().user.clone())
                }
                _ => None,
            }
        })
    }
}
