//! The verdict on the session token of a request.

use std::{future::Future, pin::Pin};

use http::HeaderMap;

use super::handle::Descope;
use crate::{
    cookie::Candidates,
    jwt::check::TokenUse,
    rejection::{Rejection, RejectionKind},
    session::Session,
    token::{self, Authorization, SessionToken},
    verifier::{AuthenticToken, SeveralSteps, VerificationStep},
};

/// The verdict on a request's session token.
pub(crate) enum Authentication {
    Done(Result<Session, Rejection>),
    /// Keys are being fetched; the verdict follows.
    Pending(PendingSession),
}

/// A verdict to come. Dropping it cancels no fetch.
pub(crate) type PendingSession = Pin<Box<dyn Future<Output = Result<Session, Rejection>> + Send>>;

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
    pub(super) fn settle(&self, token: &[u8], step: VerificationStep) -> Authentication {
        match step {
            VerificationStep::Done(verdict) => {
                Authentication::Done(verdict.and_then(AuthenticToken::session))
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
                        .resume(token.expose(), TokenUse::Session, wait)
                        .await;
                    verdict?.session()
                }))
            }
        }
    }

    fn several(&self, tokens: &[&str]) -> Authentication {
        let begun = match self.inner.verifier.start_several(tokens, TokenUse::Session) {
            SeveralSteps::Done(verdict) => {
                return Authentication::Done(verdict.and_then(|(_, genuine)| genuine.session()));
            }
            SeveralSteps::Wait(begun) => begun.map(SessionToken::new),
        };
        let this = self.clone();
        Authentication::Pending(Box::pin(async move {
            let verifier = &this.inner.verifier;
            let (_, genuine) = verifier.resume_several(begun, SessionToken::expose).await?;
            genuine.session()
        }))
    }
}

fn refused(rejection: Rejection) -> Authentication {
    Authentication::Done(Err(rejection))
}
