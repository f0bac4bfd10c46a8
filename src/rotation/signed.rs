//! The verified tokens that a family remembers.

use std::sync::Arc;

use crate::{digest::Digest, session::SignedToken};

/// The two tokens of a family that were verified last: as a rule the current one, and one that it
/// replaced and that a late request still presents. The signature of such a token need not be checked
/// again as long as its key is in force, which is for whoever asks to see to.
///
/// No more than two, so that a chain of many tokens takes no more memory.
#[derive(Clone, Debug, Default)]
pub(super) struct SignedTokens {
    /// The newest first.
    tokens: [Option<Arc<SignedToken>>; 2],
}

impl SignedTokens {
    pub(super) fn find(&self, digest: Digest) -> Option<&Arc<SignedToken>> {
        let mut known = self.tokens.iter().flatten();
        known.find(|token| token.digest == digest)
    }

    /// Notes a verified token, for which the one that came before the last is forgotten.
    pub(super) fn note(&mut self, token: &Arc<SignedToken>) {
        let [newest, other] = &mut self.tokens;
        if newest.as_ref().is_none_or(|it| it.digest != token.digest) {
            *other = newest.take();
        }
        *newest = Some(Arc::clone(token));
    }

    /// Forgets all of them. Returns `true` if there was one.
    pub(super) fn clear(&mut self) -> bool {
        let had_one = self.tokens.iter().any(Option::is_some);
        self.tokens = Default::default();
        had_one
    }

    /// The memory that they take, in bytes, roughly.
    pub(super) fn size(&self) -> usize {
        let known = self.tokens.iter().flatten();
        known.map(|token| token.size()).sum()
    }
}
