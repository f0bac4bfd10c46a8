//! Several tokens of one name in one request, as cookies of several scopes bring them.

use super::{
    checked::CheckedTokens,
    token::{AuthenticToken, VerificationStep},
    verify::Verifier,
};
use crate::{
    clock::Now,
    jwt::{check::TokenUse, claims::Claims, unverified::UnverifiedClaims},
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
    tokens: Vec<Begun<T, VerificationStep>>,
    token_use: TokenUse,
}

/// A token, and the state of its verification.
struct Begun<T, State> {
    token: T,
    state: State,
    /// Read only where keys were missing; `None` too if no key could make it a token of this use.
    claimed: Option<UnverifiedClaims>,
}

/// A token with its verdict.
type Judged<T> = Begun<T, Result<AuthenticToken, Rejection>>;

impl Verifier {
    /// Verifies the tokens as far as that goes without waiting.
    ///
    /// All are begun before any is waited for: those that need keys then wait for one fetch, side
    /// by side. None is waited for that could not take a genuine one's place: a leftover of an
    /// earlier key, or a made-up name, would else hold up a good session for as long as it lies in
    /// the browser.
    pub(crate) fn start_several<'t>(
        &self,
        tokens: &[&'t str],
        token_use: TokenUse,
        checked: &mut CheckedTokens,
    ) -> SeveralSteps<&'t str> {
        let begun: Vec<_> = tokens
            .iter()
            .map(|token| self.begin(token, token_use, checked))
            .collect();
        let now = self.clock.now();
        let latest = begun
            .iter()
            .filter_map(|begun| begun.state.genuine())
            .map(AuthenticToken::claims)
            .reduce(|held, one| if later(one, held) { one } else { held });
        let is_worth_a_wait = |begun: &Begun<_, _>| {
            matches!(begun.state, VerificationStep::Wait(_))
                && latest.is_none_or(|latest| self.may_replace(begun.claimed, latest, &now))
        };
        if begun.iter().any(is_worth_a_wait) {
            let tokens = begun;
            return SeveralSteps::Wait(PendingTokens { tokens, token_use });
        }
        let judged = begun.into_iter().filter_map(|begun| match begun.state {
            VerificationStep::Done(verdict) => Some(Judged {
                token: begun.token,
                state: verdict,
                claimed: begun.claimed,
            }),
            VerificationStep::Wait(_) => None,
        });
        SeveralSteps::Done(self.one_of(judged, &now))
    }

    /// Goes on where [`start_several`](Self::start_several) had to wait. Tokens that were judged
    /// then are not judged again.
    pub(crate) async fn resume_several<T>(
        &self,
        pending: PendingTokens<T>,
        checked: &mut CheckedTokens,
        text: impl Fn(&T) -> &str,
    ) -> Result<(T, AuthenticToken), Rejection> {
        let PendingTokens { tokens, token_use } = pending;
        let mut judged = Vec::with_capacity(tokens.len());
        for begun in tokens {
            let state = match begun.state {
                VerificationStep::Done(verdict) => verdict,
                // One after the other is as fast as together: the deadline of each wait has run
                // since it was made.
                VerificationStep::Wait(wait) => {
                    let resumed =
                        self.resume(text(&begun.token), token_use, Some(&mut *checked), wait);
                    resumed.await
                }
            };
            judged.push(Judged {
                token: begun.token,
                state,
                claimed: begun.claimed,
            });
        }
        let now = self.clock.now();
        let (token, verified) = self.one_of(judged, &now)?;
        // Some were judged before the wait, and may have expired during it.
        let AuthenticToken {
            session, signed, ..
        } = verified;
        let verified = AuthenticToken {
            signed,
            ..self.with_time_check(session, &now)
        };
        Ok((token, verified))
    }

    fn begin<'t>(
        &self,
        token: &'t str,
        token_use: TokenUse,
        checked: &mut CheckedTokens,
    ) -> Begun<&'t str, VerificationStep> {
        let state = self.start_within(token, token_use, Some(checked));
        let claimed = state.lacks_keys().then(|| {
            UnverifiedClaims::read(token.as_bytes(), self.max_token_len, &self.rules, token_use)
        });
        Begun {
            token,
            state,
            claimed: claimed.and_then(Result::ok),
        }
    }

    /// Returns the one token that counts among several of one name: the latest of one user's. Tokens of
    /// different users contradict each other, and none of them counts.
    ///
    /// The time of the tokens plays no part, and neither does their order, so that neither a leftover
    /// cookie nor one that somebody planted decides by where it stands.
    fn one_of<T>(
        &self,
        judged: impl IntoIterator<Item = Judged<T>>,
        now: &Now,
    ) -> Result<(T, AuthenticToken), Rejection> {
        let mut best: Option<(T, AuthenticToken)> = None;
        let mut contradiction = false;
        let mut unavailable = Vec::new();
        let mut refused = None;
        for Judged {
            token,
            state,
            claimed,
        } in judged
        {
            match (state, &best) {
                (Ok(verified), None) => best = Some((token, verified)),
                (Ok(verified), Some((_, held))) => {
                    contradiction |= verified.claims().user != held.claims().user;
                    if later(verified.claims(), held.claims()) {
                        best = Some((token, verified));
                    }
                }
                (Err(rejection), _) if rejection.kind() == RejectionKind::KeysUnavailable => {
                    unavailable.push((rejection, claimed));
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
        // A later token that cannot be judged now may be the user's new session, or another user's,
        // so none is chosen. An earlier one is a leftover, or made up: waiting for its key would
        // shut out whoever has it in the browser for as long as keys cannot be fetched.
        unavailable.retain(|(_, claimed)| {
            let replaces =
                |(_, held): &(T, AuthenticToken)| self.may_replace(*claimed, held.claims(), now);
            best.as_ref().is_none_or(replaces)
        });
        match (unavailable.pop(), best, refused) {
            (Some((rejection, _)), _, _) | (None, None, Some(rejection)) => Err(rejection),
            (None, Some(best), _) => Ok(best),
            (None, None, None) => Err(Rejection::new(RejectionKind::MissingToken)),
        }
    }

    /// Returns `true` if a token that cannot be judged for want of keys could be the one that
    /// counts, in place of the genuine one `held`.
    fn may_replace(&self, claimed: Option<UnverifiedClaims>, held: &Claims, now: &Now) -> bool {
        claimed.is_some_and(|claimed| claimed.are_later_than(&held.times, &self.rules, now.wall))
    }
}

impl<T> PendingTokens<T> {
    /// Turns what tells the tokens into another form.
    pub(crate) fn map<U>(self, form: impl Fn(T) -> U) -> PendingTokens<U> {
        PendingTokens {
            tokens: self
                .tokens
                .into_iter()
                .map(|begun| Begun {
                    token: form(begun.token),
                    state: begun.state,
                    claimed: begun.claimed,
                })
                .collect(),
            token_use: self.token_use,
        }
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
