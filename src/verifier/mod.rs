//! Verifies tokens: without waiting where the key is cached, else once keys have been fetched.
//!
//! `verify` judges one token, `several` the tokens of several cookies of one name, `ours` tells what
//! is no token of this project at all, and `cache` keeps verified sessions, so that a token's
//! signature is checked once. `checked` is the same for the tokens of one request.

mod cache;
mod checked;
#[cfg(test)]
mod jws_vectors;
mod known;
mod ours;
mod several;
mod token;
mod verify;

pub use self::cache::SessionCacheStatus;
pub(crate) use self::{
    cache::{Bounds, SessionCache},
    checked::CheckedTokens,
    ours::names_unknown_key,
    several::{PendingTokens, SeveralSteps},
    token::{AuthenticToken, VerificationStep, refuse_anonymous},
    verify::{Presented, Verifier},
};
