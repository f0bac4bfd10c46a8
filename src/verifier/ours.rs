//! Which of the values that a request shows are tokens of this project at all.
//!
//! A cookie's name is no proof of whose it is: other applications of the domain have a `DS`, too.
//! What is no token of this project says nothing about the user, and must not lock anybody out.

use std::cell::LazyCell;

use super::{
    checked::CheckedTokens,
    token::VerificationStep,
    verify::{Presented, UNKNOWN_KID, Verifier},
};
use crate::{
    digest::Digest,
    ids::UserId,
    jwt::{
        check::TokenUse,
        unverified::{self, UnverifiedClaims},
    },
    rejection::Rejection,
};

impl Verifier {
    /// Verifies a value of a cookie, as far as that goes without waiting; `digest` is asked for that of a
    /// refresh token. `None`: it is no token of this project, by its shape, by its issuer, or by a key
    /// that the project does not have.
    pub(crate) fn start_presented(
        &self,
        value: &str,
        token_use: TokenUse,
        digest: impl FnOnce() -> Option<Digest>,
        checked: &mut CheckedTokens,
    ) -> Option<VerificationStep> {
        let now = self.clock.now();
        let token = Presented {
            text: value.as_bytes(),
            token_use,
            digest: match token_use {
                TokenUse::Session => None,
                TokenUse::Refresh => digest(),
            },
        };
        // Read once, and only where somebody asks.
        let is_of_project = LazyCell::new(|| self.claims_of_project(value).is_some());
        let step = self.known(&token, &now).unwrap_or_else(|| {
            // For what others sign no key is to be fetched or waited for. Where the project is known to
            // lack it, the claims need not be read to say so.
            self.verify_unknown(&token, Some(checked), &now, |keys, kid| {
                !keys.lacks(kid, &now) && *is_of_project
            })
        });
        match step {
            // One that is refused may be a token of this project all the same: a forged one, or one of
            // another kind.
            VerificationStep::Done(Err(rejection))
                if names_unknown_key(&rejection) || !*is_of_project =>
            {
                None
            }
            step => Some(step),
        }
    }

    /// The claims of a value that is a token of this project by shape and issuer.
    pub(crate) fn claims_of_project(&self, value: &str) -> Option<UnverifiedClaims> {
        UnverifiedClaims::of_project(value.as_bytes(), self.max_token_len, &self.rules)
    }

    /// Returns `true` if a value is a token of this project that names this user, whether or not it is
    /// genuine.
    pub(crate) fn names_user(&self, value: &str, user: &UserId) -> bool {
        unverified::names_user(value.as_bytes(), self.max_token_len, &self.rules, user)
    }
}

/// Returns `true` if a token was refused because the project has no key of the name that it gives.
pub(crate) fn names_unknown_key(rejection: &Rejection) -> bool {
    rejection.reason() == UNKNOWN_KID
}
