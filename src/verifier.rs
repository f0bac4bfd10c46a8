//! From a token's text to a verdict: at once where the key is at hand, else when keys are in.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use crate::{
    clock::{Clock, Now},
    jwks::{KeyStore, KeyWait, Lookup, Settled},
    jwt::{
        check::{Rules, Slot, Timing},
        claims::Claims,
        compact::Compact,
        header::Header,
        key::VerifyingKey,
    },
    rejection::{Rejection, RejectionKind},
    session::{Session, TenantClaims},
};

#[cfg(test)]
mod jws_vectors;

/// How long to advise a client to wait where no better figure is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Verifies tokens of one project.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) keys: KeyStore,
    pub(crate) rules: Rules,
    pub(crate) tenant_claims: TenantClaims,
    pub(crate) max_token_len: usize,
    pub(crate) clock: Clock,
    pub(crate) clock_warning: ClockWarning,
}

/// A token that the project signed for this place; its time is a second question.
#[derive(Debug)]
pub(crate) struct Genuine {
    pub(crate) claims: Claims,
    pub(crate) timing: Timing,
}

/// What can be said of a token without waiting.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and boxing it would cost every request"
)]
pub(crate) enum Step {
    Done(Result<Genuine, Rejection>),
    /// The token's key may be among those being fetched.
    Wait(KeyWait),
}

impl Verifier {
    /// Judges a token, without waiting.
    pub(crate) fn start(&self, token: &str, slot: Slot) -> Step {
        let now = self.clock.now();
        match self.prepare(token) {
            Ok((compact, header)) => match self.keys.get(&header.kid, &now) {
                Lookup::Found(key) => Step::Done(self.finish(compact, &header, &key, slot, &now)),
                Lookup::Wait(wait) => Step::Wait(wait),
                Lookup::Unknown => Step::Done(Err(Rejection::invalid("unknown_kid"))),
                Lookup::Unavailable { retry_after } => {
                    Step::Done(Err(Rejection::keys_unavailable(retry_after)))
                }
                Lookup::NoRuntime => Step::Done(Err(no_runtime())),
            },
            Err(rejection) => Step::Done(Err(rejection)),
        }
    }

    /// Judges a token, waiting for keys where that may help.
    pub(crate) async fn genuine(&self, token: &str, slot: Slot) -> Result<Genuine, Rejection> {
        match self.start(token, slot) {
            Step::Done(verdict) => verdict,
            Step::Wait(wait) => self.resume(token, slot, wait).await,
        }
    }

    /// Goes on where [`start`](Self::start) had to wait.
    pub(crate) async fn resume(
        &self,
        token: &str,
        slot: Slot,
        wait: KeyWait,
    ) -> Result<Genuine, Rejection> {
        match wait.await {
            Settled::Found(key) => {
                let (compact, header) = self.prepare(token)?;
                self.finish(compact, &header, &key, slot, &self.clock.now())
            }
            Settled::Unknown => Err(Rejection::invalid("unknown_kid")),
            Settled::Unavailable { retry_after } => Err(Rejection::keys_unavailable(retry_after)),
        }
    }

    /// Everything that can be told without a key.
    fn prepare<'a>(&self, token: &'a str) -> Result<(Compact<'a>, Header), Rejection> {
        let compact = Compact::parse(token, self.max_token_len).map_err(Rejection::invalid)?;
        let header = compact
            .header()
            .and_then(|text| Header::parse(&text))
            .map_err(Rejection::invalid)?;
        Ok((compact, header))
    }

    /// Signature first; nothing of the payload is read before it holds.
    fn finish(
        &self,
        compact: Compact<'_>,
        header: &Header,
        key: &VerifyingKey,
        slot: Slot,
        now: &Now,
    ) -> Result<Genuine, Rejection> {
        if *header.alg != *key.algorithm() {
            return Err(Rejection::invalid("wrong_algorithm"));
        }
        let signature = compact.signature().map_err(Rejection::invalid)?;
        if !key.verify(compact.signing_input(), signature.as_bytes()) {
            return Err(Rejection::invalid("wrong_signature"));
        }
        let claims = compact
            .payload()
            .and_then(Claims::parse)
            .map_err(Rejection::invalid)?;
        self.rules
            .check(&claims, slot, header.access_token)
            .map_err(Rejection::invalid)?;
        let timing = self.rules.timing(&claims.times, now.wall);
        if let Timing::Early { by } = timing {
            self.clock_warning.warn(by, now.wall);
        }
        Ok(Genuine { claims, timing })
    }

    /// A session, if the token's time is right.
    pub(crate) fn session(&self, genuine: Genuine) -> Result<Session, Rejection> {
        genuine.timing.verdict()?;
        Ok(Session::new(genuine.claims, self.tenant_claims))
    }

    /// One verdict for several tokens of one name (cookies of several scopes): judged on
    /// genuineness, time aside, so that neither a leftover nor a planted one can decide by its
    /// position. Tokens of different users contradict each other; of one user's, the latest
    /// counts.
    ///
    /// Each verdict comes with something to tell its token by.
    pub(crate) fn judge<T>(
        verdicts: impl IntoIterator<Item = (T, Result<Genuine, Rejection>)>,
    ) -> Result<(T, Genuine), Rejection> {
        let mut best: Option<(T, Genuine)> = None;
        let mut contradiction = false;
        let mut unavailable = None;
        let mut refused = None;
        for (token, verdict) in verdicts {
            match (verdict, &best) {
                (Ok(genuine), None) => best = Some((token, genuine)),
                (Ok(genuine), Some((_, held))) => {
                    contradiction |= genuine.claims.user != held.claims.user;
                    if later(&genuine.claims, &held.claims) {
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
}

impl Timing {
    /// The refusal that a time orders, if it orders one.
    pub(crate) fn verdict(self) -> Result<(), Rejection> {
        match self {
            Self::Good => Ok(()),
            Self::Expired => Err(Rejection::new(RejectionKind::ExpiredToken)),
            Self::NotYetValid => Err(Rejection::invalid("not_yet_valid")),
            Self::Early { .. } => Err(Rejection::invalid("issued_in_the_future")),
        }
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

fn no_runtime() -> Rejection {
    tracing::warn!("keys cannot be fetched: verification was called outside of a tokio runtime");
    Rejection::keys_unavailable(RETRY_AFTER)
}

/// Says that this machine's clock is behind, at most once a minute.
#[derive(Debug, Default)]
pub(crate) struct ClockWarning {
    last: AtomicU64,
}

impl ClockWarning {
    fn warn(&self, by: Duration, now: SystemTime) {
        let minute = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
            / 60;
        if self.last.swap(minute, Relaxed) != minute {
            tracing::warn!(
                behind_seconds = by.as_secs(),
                "clock behind Descope: a genuine token was issued in the future and is refused"
            );
        }
    }
}
