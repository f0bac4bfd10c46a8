//! Verifies tokens: without waiting where the key is cached, else once keys have been fetched.
//!
//! `verify` judges one token, `several` the tokens of several cookies of one name, `ours` tells what
//! is no token of this project at all, and `cache` keeps verified sessions, so that a token's
//! signature is checked once.

mod cache;
#[cfg(test)]
mod jws_vectors;
mod ours;
mod several;
mod token;
mod verify;

pub use self::cache::SessionCacheStatus;
pub(crate) use self::{
    cache::{Bounds, SessionCache},
    ours::names_unknown_key,
    several::{PendingTokens, SeveralSteps},
    token::{AuthenticToken, VerificationStep, refuse_anonymous},
    verify::Verifier,
};
