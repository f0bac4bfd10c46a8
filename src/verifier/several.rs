//! Several tokens of one name in one request, as cookies of several scopes bring them.

use super::{AuthenticToken, Step, Verifier};
use crate::{
    jwt::{check::TokenUse, claims::Claims},
    rejection::{Rejection, RejectionKind},
};

/// What can be said of several tokens without waiting.
pub(crate) enum Several<T> {
    Done(Result<(T, AuthenticToken), Rejection>),
    /// The keys of some may be among those being fetched.
    Wait(Begun<T>),
}

/// Tokens of which some wait for keys.
pub(crate) struct Begun<T> {
    steps: Vec<(T, Step)>,
    slot: TokenUse,
}

impl Verifier {
    /// Judges the tokens, without waiting.
    ///
    /// All are begun before any is waited for: those that need keys then wait for one fetch, side
    /// by side.
    pub(crate) fn start_all<'t>(&self, tokens: &[&'t str], slot: TokenUse) -> Several<&'t str> {
        let steps: Vec<_> = tokens
            .iter()
            .map(|token| (*token, self.start(token, slot)))
            .collect();
        if steps.iter().any(|(_, step)| matches!(step, Step::Wait(_))) {
            return Several::Wait(Begun { steps, slot });
        }
        let verdicts = steps.into_iter().filter_map(|(token, step)| match step {
            Step::Done(verdict) => Some((token, verdict)),
            Step::Wait(_) => None,
        });
        Several::Done(judge(verdicts))
    }

    /// Judges the tokens, waiting for keys where that may help.
    pub(crate) async fn genuine_of<'t>(
        &self,
        tokens: &[&'t str],
        slot: TokenUse,
    ) -> Result<(&'t str, AuthenticToken), Rejection> {
        match self.start_all(tokens, slot) {
            Several::Done(verdict) => verdict,
            Several::Wait(begun) => self.resume_all(begun, |token| token).await,
        }
    }

    /// Goes on where [`start_all`](Self::start_all) had to wait. What was judged stays so.
    pub(crate) async fn resume_all<T>(
        &self,
        begun: Begun<T>,
        text: impl Fn(&T) -> &str,
    ) -> Result<(T, AuthenticToken), Rejection> {
        let Begun { steps, slot } = begun;
        let mut verdicts = Vec::with_capacity(steps.len());
        for (token, step) in steps {
            let verdict = match step {
                Step::Done(verdict) => verdict,
                // The time of each wait has run from its start on.
                Step::Wait(wait) => self.resume(text(&token), slot, wait).await,
            };
            verdicts.push((token, verdict));
        }
        let (token, genuine) = judge(verdicts)?;
        // Time has passed since some were judged.
        Ok((token, self.timed(genuine.session, &self.clock.now())))
    }
}

impl<T> Begun<T> {
    /// The same with other forms of the tokens.
    pub(crate) fn map<U>(self, form: impl Fn(T) -> U) -> Begun<U> {
        Begun {
            steps: self
                .steps
                .into_iter()
                .map(|(token, step)| (form(token), step))
                .collect(),
            slot: self.slot,
        }
    }
}

/// One verdict for several tokens of one name (cookies of several scopes): judged on
/// genuineness, time aside, so that neither a leftover nor a planted one can decide by its
/// position. Tokens of different users contradict each other; of one user's, the latest
/// counts.
///
/// Each verdict comes with something to tell its token by.
fn judge<T>(
    verdicts: impl IntoIterator<Item = (T, Result<AuthenticToken, Rejection>)>,
) -> Result<(T, AuthenticToken), Rejection> {
    let mut best: Option<(T, AuthenticToken)> = None;
    let mut contradiction = false;
    let mut unavailable = None;
    let mut refused = None;
    for (token, verdict) in verdicts {
        match (verdict, &best) {
            (Ok(genuine), None) => best = Some((token, genuine)),
            (Ok(genuine), Some((_, held))) => {
                contradiction |= genuine.claims().user != held.claims().user;
                if later(genuine.claims(), held.claims()) {
                    best = Some((token, genuine));
                }
            }
            // What cannot be judged might contradict; say so rather than guess.
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

/// Whether `one` is the younger token. Twins of one second are told apart by their text, so that
/// the order of headers decides nothing.
fn later(one: &Claims, other: &Claims) -> bool {
    let issued = |claims: &Claims| claims.times.issued.unwrap_or(f64::NEG_INFINITY);
    issued(one)
        .total_cmp(&issued(other))
        .then(one.times.expires.total_cmp(&other.times.expires))
        .then_with(|| one.table.payload().cmp(other.table.payload()))
        .is_gt()
}
