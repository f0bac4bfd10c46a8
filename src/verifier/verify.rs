//! Verification of one token.

use std::{sync::Arc, time::Duration};

use super::{
    cache::SessionCache,
    checked::{CheckOutcome, CheckedTokens, GenuineToken},
    token::{AuthenticToken, VerificationStep},
};
use crate::{
    answer::SessionAnswer,
    clock::{Clock, Now},
    digest::Digest,
    jwks::{KeyStore, KeyWait, KeyWaitOutcome, Lookup},
    jwt::{
        check::{Rules, TimeCheck, TokenUse},
        claims::Claims,
        compact::{Compact, HeaderRoom},
        header::Header,
        key::VerifyingKey,
    },
    limiter::OnceAMinute,
    rejection::Rejection,
    rotation::RotationQueue,
    session::{Session, SignedToken, TenantClaims},
    token::SessionToken,
};

/// The `Retry-After` of a refusal for want of a runtime, which no figure is known for.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) const UNKNOWN_KID: &str = "unknown_kid";
const WRONG_ALGORITHM: &str = "wrong_algorithm";

/// Verifies tokens of one project.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) keys: KeyStore,
    pub(crate) sessions: SessionCache,
    /// Knows the refresh tokens that were verified before.
    pub(crate) refresh_tokens: RotationQueue<SessionAnswer>,
    pub(crate) rules: Rules,
    pub(crate) tenant_claims: TenantClaims,
    pub(crate) max_token_len: usize,
    pub(crate) clock: Clock,
    /// Limits the warning that this machine's clock is behind.
    pub(crate) clock_warning: OnceAMinute,
    /// Limits the warning that there is no runtime to fetch keys on.
    pub(crate) runtime_warning: OnceAMinute,
}

/// A token that is to be checked with the key that its header names.
struct KeyedToken<'t> {
    text: &'t [u8],
    compact: Compact<'t>,
    /// True if the header says that it is an access token.
    access_token: bool,
}

impl Verifier {
    /// Verifies a token as far as that goes without waiting.
    pub(crate) fn start(&self, token: &str, token_use: TokenUse) -> VerificationStep {
        self.start_within(token, token_use, None)
    }

    /// As [`start`](Self::start), for a token of a request of which some may have been checked.
    pub(super) fn start_within(
        &self,
        token: &str,
        token_use: TokenUse,
        checked: Option<&mut CheckedTokens>,
    ) -> VerificationStep {
        let now = self.clock.now();
        let cached = match token_use {
            TokenUse::Session => self.cached(token.as_bytes(), &now),
            // Those are remembered with their families, once the key has been found.
            TokenUse::Refresh => None,
        };
        cached.unwrap_or_else(|| self.verify_uncached(token.as_bytes(), token_use, checked, &now))
    }

    /// As [`start`](Self::start), for a token that is not [`cached`](Self::cached).
    pub(crate) fn verify_uncached(
        &self,
        token: &[u8],
        token_use: TokenUse,
        checked: Option<&mut CheckedTokens>,
        now: &Now,
    ) -> VerificationStep {
        let compact = match Compact::parse(token, self.max_token_len) {
            Ok(compact) => compact,
            Err(reason) => return VerificationStep::invalid(reason),
        };
        let keys = self.keys.cached();
        // Nearly all tokens of a project have the same header, which need not be parsed again.
        if let Some(key) = keys.by_header(compact.header_segment(), now) {
            let keyed = KeyedToken {
                text: token,
                compact,
                access_token: false,
            };
            let verdict = self.verify_with(key, &keyed, token_use, checked, now);
            return VerificationStep::Done(verdict);
        }
        let mut room = HeaderRoom::default();
        let header = match header(&compact, &mut room) {
            Ok(header) => header,
            Err(reason) => return VerificationStep::invalid(reason),
        };
        match keys.get(&header.kid, now) {
            Lookup::Found(key) if header.alg == key.algorithm() => {
                let keyed = KeyedToken {
                    text: token,
                    compact,
                    access_token: header.access_token,
                };
                VerificationStep::Done(
                    self.verify_with(&key, &keyed, token_use, checked, now)
                        .inspect(|_| remember_header(&compact, &header, &key)),
                )
            }
            Lookup::Found(_) => VerificationStep::invalid(WRONG_ALGORITHM),
            lookup => self.without_key(lookup, now),
        }
    }

    /// The result for a session token that was verified before, if it is cached. Everything that
    /// may have changed since is checked again: its time, and the standing of its key.
    #[inline]
    pub(crate) fn cached(&self, token: &[u8], now: &Now) -> Option<VerificationStep> {
        let (session, aged) = self.sessions.find(token, |session, key| {
            let aged = (!key.serves(now)).then(|| Arc::clone(key));
            (session.clone(), aged)
        })?;
        self.judge_again(session, aged, now)
    }

    /// The key that a session token was verified with, if the token is cached.
    pub(crate) fn key_of_cached(&self, token: &SessionToken) -> Option<Arc<VerifyingKey>> {
        let token = token.expose().as_bytes();
        self.sessions.find(token, |_, key| Arc::clone(key))
    }

    /// As [`cached`](Self::cached), for a session that somebody holds with the key that its token was
    /// verified with.
    #[inline]
    pub(crate) fn held(
        &self,
        session: &Session,
        key: &Arc<VerifyingKey>,
        now: &Now,
    ) -> Option<VerificationStep> {
        let aged = (!key.serves(now)).then(|| Arc::clone(key));
        self.judge_again(session.clone(), aged, now)
    }

    /// The result for a session of which a verified token speaks, as of now. `aged` is the key that
    /// signed it, unless that is in a fresh set.
    #[inline]
    fn judge_again(
        &self,
        session: Session,
        aged: Option<Arc<VerifyingKey>>,
        now: &Now,
    ) -> Option<VerificationStep> {
        // A key in a fresh set vouches for its tokens without being looked up.
        let Some(key) = aged else {
            let token = self.with_time_check(session, now);
            return Some(VerificationStep::Done(Ok(token)));
        };
        match self.keys.cached().get(key.kid(), now) {
            Lookup::Found(current) if Arc::ptr_eq(&current, &key) => {
                let token = self.with_time_check(session, now);
                Some(VerificationStep::Done(Ok(token)))
            }
            // Another key of the same name: the signature has to be checked with that one.
            Lookup::Found(_) => None,
            lookup => Some(self.without_key(lookup, now)),
        }
    }

    /// The session token that was verified before, if it is cached and its key still vouches for it
    /// without being looked up. Its bytes may be anything.
    #[inline]
    pub(crate) fn cached_genuine(&self, token: &[u8]) -> Option<AuthenticToken> {
        let now = self.clock.now();
        let session = self.sessions.find(token, |session, key| {
            key.serves(&now).then(|| session.clone())
        })??;
        Some(self.with_time_check(session, &now))
    }

    /// Verifies a token, waiting for keys where that may help.
    pub(crate) async fn verify(
        &self,
        token: &str,
        token_use: TokenUse,
    ) -> Result<AuthenticToken, Rejection> {
        match self.start(token, token_use) {
            VerificationStep::Done(verdict) => verdict,
            VerificationStep::Wait(wait) => self.resume(token, token_use, None, wait).await,
        }
    }

    /// As [`verify`](Self::verify), for a token that Descope has issued a moment ago: one that has
    /// expired already says that this machine's clock is ahead.
    pub(crate) async fn verify_fresh(
        &self,
        token: &str,
        token_use: TokenUse,
    ) -> Result<AuthenticToken, Rejection> {
        let verdict = self.verify(token, token_use).await;
        verdict.inspect(|fresh| self.check_clock(fresh))
    }

    /// Goes on where [`start`](Self::start) had to wait.
    pub(crate) async fn resume(
        &self,
        token: &str,
        token_use: TokenUse,
        checked: Option<&mut CheckedTokens>,
        wait: KeyWait,
    ) -> Result<AuthenticToken, Rejection> {
        match wait.await {
            KeyWaitOutcome::Found(key) => {
                let token = token.as_bytes();
                let compact =
                    Compact::parse(token, self.max_token_len).map_err(Rejection::invalid)?;
                let mut room = HeaderRoom::default();
                let header = header(&compact, &mut room).map_err(Rejection::invalid)?;
                if header.alg != key.algorithm() {
                    return Err(Rejection::invalid(WRONG_ALGORITHM));
                }
                // The fetch took time: the token may have expired meanwhile.
                let now = self.clock.now();
                let keyed = KeyedToken {
                    text: token,
                    compact,
                    access_token: header.access_token,
                };
                self.verify_with(&key, &keyed, token_use, checked, &now)
            }
            KeyWaitOutcome::Unknown => Err(Rejection::invalid(UNKNOWN_KID)),
            KeyWaitOutcome::Unavailable { retry_after } => {
                Err(Rejection::keys_unavailable(retry_after))
            }
        }
    }

    /// Adds the judgement of the token's time as of now.
    #[inline]
    pub(super) fn with_time_check(&self, session: Session, now: &Now) -> AuthenticToken {
        let time_check = self.rules.check_time(&session.verified().times, now.wall);
        if let TimeCheck::IssuedInFuture { by } = time_check {
            self.warn_of_clock(by, now);
        }
        AuthenticToken {
            session,
            time_check,
            signed: None,
        }
    }

    /// The result for a token whose key was not found.
    fn without_key(&self, lookup: Lookup, now: &Now) -> VerificationStep {
        VerificationStep::Done(Err(match lookup {
            Lookup::Wait(wait) => return VerificationStep::Wait(wait),
            Lookup::Found(_) | Lookup::Unknown => Rejection::invalid(UNKNOWN_KID),
            Lookup::Unavailable { retry_after } => Rejection::keys_unavailable(retry_after),
            Lookup::NoRuntime => self.no_runtime(now),
        }))
    }

    fn no_runtime(&self, now: &Now) -> Rejection {
        if self.runtime_warning.is_due(now) {
            tracing::warn!(
                "keys cannot be fetched: verification was called outside of a tokio runtime"
            );
        }
        Rejection::keys_unavailable(RETRY_AFTER)
    }

    /// Checks signature, claims and time. `key` is the one that the token's header names, for the
    /// algorithm that it names.
    fn verify_with(
        &self,
        key: &Arc<VerifyingKey>,
        token: &KeyedToken<'_>,
        token_use: TokenUse,
        checked: Option<&mut CheckedTokens>,
        now: &Now,
    ) -> Result<AuthenticToken, Rejection> {
        let digest = match token_use {
            TokenUse::Session => None,
            // It fails without a crypto backend only, and then no signature is good.
            TokenUse::Refresh => Digest::of_bytes(token.text).ok(),
        };
        let known = checked
            .as_deref()
            .and_then(|checked| checked.find(token.text, token_use, key))
            .or_else(|| self.remembered(key, digest?).map(Ok));
        let is_known = known.is_some();
        let outcome = known.unwrap_or_else(|| {
            let outcome = self.check(key, token, token_use, digest);
            if let Some(checked) = checked {
                checked.note(token.text, token_use, key, &outcome);
            }
            outcome
        });
        let GenuineToken { session, signed } = outcome.map_err(Rejection::invalid)?;
        let verified = AuthenticToken {
            signed,
            ..self.with_time_check(session, now)
        };
        // A token that is refused for its time would only take up room in the cache.
        let is_good = verified.time_check == TimeCheck::Valid;
        if token_use == TokenUse::Session && is_good && !is_known {
            self.sessions
                .keep(token.text, &verified.session, key, now.wall);
        }
        Ok(verified)
    }

    /// A refresh token that was checked before, with this very key, as its family remembers it.
    fn remembered(&self, key: &Arc<VerifyingKey>, token: Digest) -> Option<GenuineToken> {
        let signed = self.refresh_tokens.signed(token)?;
        // Another key, be it of the same name, has not said a word about the token.
        Arc::ptr_eq(&signed.key, key).then(|| GenuineToken {
            session: signed.session.clone(),
            signed: Some(signed),
        })
    }

    /// Checks signature and claims, time aside: the same token and key have the same outcome always.
    /// `digest` is that of a refresh token.
    fn check(
        &self,
        key: &Arc<VerifyingKey>,
        token: &KeyedToken<'_>,
        token_use: TokenUse,
        digest: Option<Digest>,
    ) -> CheckOutcome {
        // The signature comes first: nothing of the payload is read before it holds.
        let signature = token.compact.signature()?;
        if !key.verify(token.compact.signing_input(), signature.as_bytes()) {
            return Err("wrong_signature");
        }
        let claims = token.compact.payload().and_then(Claims::parse)?;
        self.rules.check(&claims, token_use, token.access_token)?;
        let session = Session::new(claims, self.tenant_claims, self.clock.clone());
        let signed = digest.map(|digest| {
            Arc::new(SignedToken {
                digest,
                session: session.clone(),
                key: Arc::clone(key),
            })
        });
        Ok(GenuineToken { session, signed })
    }

    /// Says that this machine's clock is ahead, if a token that Descope has just issued has expired.
    fn check_clock(&self, fresh: &AuthenticToken) {
        let now = self.clock.now();
        if fresh.time_check == TimeCheck::Expired && self.clock_warning.is_due(&now) {
            let issued = fresh.claims().times.issued.unwrap_or_default();
            let ahead = now.wall.as_secs_f64() - issued;
            tracing::error!(
                ahead_seconds = ahead.round(),
                "clock ahead of Descope: a token that it has just issued has expired here; set this \
                 machine's clock (NTP)"
            );
        }
    }

    fn warn_of_clock(&self, by: Duration, now: &Now) {
        if self.clock_warning.is_due(now) {
            tracing::warn!(
                behind_seconds = by.as_secs(),
                "clock behind Descope: a genuine token was issued in the future and is refused"
            );
        }
    }
}

/// Parses the header of a token, which names its key.
pub(super) fn header<'r>(
    compact: &Compact<'_>,
    room: &'r mut HeaderRoom,
) -> Result<Header<'r>, &'static str> {
    compact.header(room).and_then(Header::parse)
}

/// Lets the next token with the same header find its key by it. Access tokens are left out, since
/// only their own header tells them apart from sessions.
fn remember_header(compact: &Compact<'_>, header: &Header<'_>, key: &VerifyingKey) {
    if !header.access_token {
        key.note_header(compact.header_segment());
    }
}
