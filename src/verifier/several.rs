//! Several tokens of one name in one request, as cookies of several scopes bring them.

use super::{
    token::{AuthenticToken, VerificationStep},
    verify::Verifier,
};
use crate::{
    jwt::{check::TokenUse, claims::Claims},
    rejection::{Rejection, RejectionKind},
};

/// The result for several tokens as far as verification goes without waiting. Each token comes
/// with something of the caller's to tell it by.
pub(crate) enum SeveralSteps<T> {
    Done(Result<(T, AuthenticToken), Rejection>),
    /// The keys of some may be among those being fetched.
    Wait(PendingTokens<T>),
}

/// Tokens of which some wait for keys.
pub(crate) struct PendingTokens<T> {
    steps: Vec<(T, VerificationStep)>,
    token_use: TokenUse,
}

impl Verifier {
    /// Verifies the tokens as far as that goes without waiting.
    ///
    /// All are begun before any is waited for: those that need keys then wait for one fetch, side
    /// by side.
    pub(crate) fn start_several<'t>(
        &self,
        tokens: &[&'t str],
        token_use: TokenUse,
    ) -> SeveralSteps<&'t str> {
        let steps: Vec<_> = tokens
            .iter()
            .map(|token| (*token, self.start(token, token_use)))
            .collect();
        let waits = |(_, step): &(_, VerificationStep)| matches!(step, VerificationStep::Wait(_));
        if steps.iter().any(waits) {
            return SeveralSteps::Wait(PendingTokens { steps, token_use });
        }
        let verdicts = steps.into_iter().filter_map(|(token, step)| match step {
            VerificationStep::Done(verdict) => Some((token, verdict)),
            VerificationStep::Wait(_) => None,
        });
        SeveralSteps::Done(one_of(verdicts))
    }

    /// Verifies the tokens, waiting for keys where that may help.
    pub(crate) async fn verify_several<'t>(
        &self,
        tokens: &[&'t str],
        token_use: TokenUse,
    ) -> Result<(&'t str, AuthenticToken), Rejection> {
        match self.start_several(tokens, token_use) {
            SeveralSteps::Done(verdict) => verdict,
            SeveralSteps::Wait(pending) => self.resume_several(pending, |token| token).await,
        }
    }

    /// Goes on where [`start_several`](Self::start_several) had to wait. Tokens that were judged
    /// then are not judged again.
    pub(crate) async fn resume_several<T>(
        &self,
        pending: PendingTokens<T>,
        text: impl Fn(&T) -> &str,
    ) -> Result<(T, AuthenticToken), Rejection> {
        let PendingTokens { steps, token_use } = pending;
        let mut verdicts = Vec::with_capacity(steps.len());
        for (token, step) in steps {
            let verdict = match step {
                VerificationStep::Done(verdict) => verdict,
                // One after the other is as fast as together: the deadline of each wait has run
                // since it was made.
                VerificationStep::Wait(wait) => self.resume(text(&token), token_use, wait).await,
            };
            verdicts.push((token, verdict));
        }
        let (token, verified) = one_of(verdicts)?;
        // Some were judged before the wait, and may have expired during it.
        let verified = self.with_time_check(verified.session, &self.clock.now());
        Ok((token, verified))
    }
}

impl<T> PendingTokens<T> {
    /// Turns what tells the tokens into another form.
    pub(crate) fn map<U>(self, form: impl Fn(T) -> U) -> PendingTokens<U> {
        PendingTokens {
            steps: self
                .steps
                .into_iter()
                .map(|(token, step)| (form(token), step))
                .collect(),
            token_use: self.token_use,
        }
    }
}

/// Returns the one token that counts among several of one name: the latest of one user's. Tokens of
/// different users contradict each other, and none of them counts.
///
/// The time of the tokens plays no part, and neither does their order, so that neither a leftover
/// cookie nor one that somebody planted decides by where it stands.
fn one_of<T>(
    verdicts: impl IntoIterator<Item = (T, Result<AuthenticToken, Rejection>)>,
) -> Result<(T, AuthenticToken), Rejection> {
    let mut best: Option<(T, AuthenticToken)> = None;
    let mut contradiction = false;
    let mut unavailable = None;
    let mut refused = None;
    for (token, verdict) in verdicts {
        match (verdict, &best) {
            (Ok(verified), None) => best = Some((token, verified)),
            (Ok(verified), Some((_, held))) => {
                contradiction |= verified.claims().user != held.claims().user;
                if later(verified.claims(), held.claims()) {
                    best = Some((token, verified));
                }
            }
            // A token that cannot be judged now might be another user's, so none is chosen.
            (Err(rejection), _) if rejection.kind() == RejectionKind::KeysUnavailable => {
                unavailable = Some(rejection);
            }
            (Err(rejection), _) => refused = Some(rejection),
        }
    }
    if contradiction {
        return Err(Rejection::because(
            RejectionKind::AmbiguousCredentials,
            "cookies_of_different_users",
        ));
    }
    match (unavailable, best, refused) {
        (Some(rejection), _, _) | (None, None, Some(rejection)) => Err(rejection),
        (None, Some(best), _) => Ok(best),
        (None, None, None) => Err(Rejection::new(RejectionKind::MissingToken)),
    }
}

/// Returns `true` if `one` is the later token. Tokens of the same second are told apart by their
/// text, so that the order of headers decides nothing.
fn later(one: &Claims, other: &Claims) -> bool {
    let issued = |claims: &Claims| claims.times.issued.unwrap_or(f64::NEG_INFINITY);
    issued(one)
        .total_cmp(&issued(other))
        .then(one.times.expires.total_cmp(&other.times.expires))
        .then_with(|| one.table.payload().cmp(other.table.payload()))
        .is_gt()
}
