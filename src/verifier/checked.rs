//! The signatures that were checked for one request.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{
    jwt::{check::TokenUse, key::VerifyingKey},
    session::{Session, SignedToken},
};

/// The outcomes of the checks that were made for one request: each signature is checked once,
/// however often the request's cookies have to be judged.
///
/// It remembers what does not change, namely what a token is by a certain key. Which key counts, and
/// what the time says, is asked each time.
#[derive(Default)]
pub(crate) struct CheckedTokens {
    tokens: Vec<CheckedToken>,
}

struct CheckedToken {
    text: Zeroizing<Box<[u8]>>,
    token_use: TokenUse,
    key: Arc<VerifyingKey>,
    outcome: CheckOutcome,
}

/// The outcome of a check with a key, time aside: the token's claims, or why it is refused.
pub(super) type CheckOutcome = Result<GenuineToken, &'static str>;

/// A token that a key has signed for its use.
#[derive(Clone)]
pub(super) struct GenuineToken {
    pub(super) session: Session,
    /// Of a refresh token, what its family remembers of it.
    pub(super) signed: Option<Arc<SignedToken>>,
}

impl CheckedTokens {
    /// The outcome for this very token, if it was checked with this very key for the same use.
    pub(super) fn find(
        &self,
        text: &[u8],
        token_use: TokenUse,
        key: &Arc<VerifyingKey>,
    ) -> Option<CheckOutcome> {
        let is_it = |known: &&CheckedToken| {
            known.token_use == token_use && Arc::ptr_eq(&known.key, key) && **known.text == *text
        };
        let known = self.tokens.iter().find(is_it)?;
        Some(known.outcome.clone())
    }

    pub(super) fn note(
        &mut self,
        text: &[u8],
        token_use: TokenUse,
        key: &Arc<VerifyingKey>,
        outcome: &CheckOutcome,
    ) {
        self.tokens.push(CheckedToken {
            text: Zeroizing::new(text.into()),
            token_use,
            key: Arc::clone(key),
            outcome: outcome.clone(),
        });
    }
}
