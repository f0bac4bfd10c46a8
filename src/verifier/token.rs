//! Verified tokens, and the results of verification that needs no waiting.

use std::sync::Arc;

use crate::{
    jwks::KeyWait,
    jwt::{check::TimeCheck, claims::Claims},
    rejection::{Rejection, RejectionKind},
    revocation::{MarkName, Standing},
    session::{Session, SignedToken},
};

/// The reason of the refusal of an anonymous session that has expired.
const EXPIRED_ANONYMOUS: &str = "expired_anonymous_session";

/// A token that the project signed for this use. Its time is judged separately, since an expired
/// session still tells whose it was.
#[derive(Debug)]
pub(crate) struct AuthenticToken {
    /// Private to this room, so that no session is handed out before its time was checked.
    pub(super) session: Session,
    pub(crate) time_check: TimeCheck,
    /// The standing of its session, which may be refused although its time is right.
    pub(super) standing: Standing,
    /// Of a refresh token, what its family is to remember of it.
    pub(crate) signed: Option<Arc<SignedToken>>,
}

/// The result of verification as far as it goes without waiting.
pub(crate) enum VerificationStep {
    Done(Result<AuthenticToken, Rejection>),
    /// The token's key may be among those being fetched.
    Wait(KeyWait),
}

impl AuthenticToken {
    /// The token's claims, whatever its time.
    pub(crate) fn claims(&self) -> &Claims {
        self.session.verified()
    }

    /// The name of its session for a mark, where sessions can be revoked.
    pub(crate) fn mark_name(&self) -> Option<MarkName> {
        self.session.mark_name()
    }

    /// A session to which somebody has signed in, if the token is neither expired nor dated in the
    /// future, and nobody has revoked it.
    #[inline]
    pub(crate) fn session(self) -> Result<Session, Rejection> {
        refuse_anonymous(self.session_or_anonymous())
    }

    /// The token as one that Descope has issued a moment ago, for whoever has just proved who they are: a
    /// mark is about what was there before, and in the same second none can tell.
    pub(crate) fn whatever_is_revoked(self) -> Self {
        Self {
            standing: Standing::Good,
            ..self
        }
    }

    /// As [`session`](Self::session), or an anonymous one. Whoever asks for it decides what becomes of
    /// that: it must not get to a handler as a session.
    #[inline]
    pub(crate) fn session_or_anonymous(self) -> Result<Session, Rejection> {
        match self.time_check.verdict() {
            Ok(()) => self.standing.verdict().map(|()| self.session),
            Err(rejection)
                if rejection.kind() == RejectionKind::ExpiredToken
                    && self.session.is_anonymous() =>
            {
                Err(Rejection::because(rejection.kind(), EXPIRED_ANONYMOUS))
            }
            Err(rejection) => Err(rejection),
        }
    }
}

/// Refuses an anonymous session, be its time over or not.
#[inline]
pub(crate) fn refuse_anonymous(verdict: Result<Session, Rejection>) -> Result<Session, Rejection> {
    match verdict {
        Ok(session) => session.require_signed_in().map(|()| session),
        Err(rejection) if rejection.reason() == EXPIRED_ANONYMOUS => Err(Rejection::because(
            RejectionKind::AnonymousSession,
            EXPIRED_ANONYMOUS,
        )),
        Err(rejection) => Err(rejection),
    }
}

impl VerificationStep {
    /// Returns `true` if there is no verdict yet, or none at all, because keys are missing.
    pub(crate) fn lacks_keys(&self) -> bool {
        match self {
            Self::Done(verdict) => verdict
                .as_ref()
                .is_err_and(|rejection| rejection.kind() == RejectionKind::KeysUnavailable),
            Self::Wait(_) => true,
        }
    }

    /// The token, if it is known to be genuine.
    pub(super) fn genuine(&self) -> Option<&AuthenticToken> {
        match self {
            Self::Done(verdict) => verdict.as_ref().ok(),
            Self::Wait(_) => None,
        }
    }

    /// A refusal of the token for a fixed reason.
    pub(super) fn invalid(reason: &'static str) -> Self {
        Self::Done(Err(Rejection::invalid(reason)))
    }
}

impl TimeCheck {
    /// Refuses a token whose time is not right.
    #[inline]
    pub(crate) fn verdict(self) -> Result<(), Rejection> {
        match self {
            Self::Valid => Ok(()),
            Self::Expired => Err(Rejection::new(RejectionKind::ExpiredToken)),
            Self::NotYetValid => Err(Rejection::invalid("not_yet_valid")),
            Self::IssuedInFuture { .. } => Err(Rejection::invalid("issued_in_the_future")),
        }
    }
}
