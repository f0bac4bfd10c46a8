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
    jwks::{CachedKeys, KeyStore, KeyWait, KeyWaitOutcome, Lookup},
    jwt::{
        check::{Rules, TimeCheck, TokenUse},
        claims::Claims,
        compact::{Compact, HeaderRoom},
        header::Header,
        key::VerifyingKey,
    },
    limiter::OnceAMinute,
    rejection::Rejection,
    revocation::{RevocationView, Standing},
    rotation::RotationQueue,
    session::{Session, SignedToken, TenantClaims},
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
    /// Where revocation is on.
    pub(crate) marks: Option<Arc<RevocationView>>,
    pub(crate) max_token_len: usize,
    pub(crate) clock: Clock,
    /// Limits the warning that this machine's clock is behind.
    pub(crate) clock_warning: OnceAMinute,
    /// Limits the warning that there is no runtime to fetch keys on.
    pub(crate) runtime_warning: OnceAMinute,
}

/// A text that is to be verified as a token.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'t> {
    pub(super) text: &'t [u8],
    pub(super) token_use: TokenUse,
    /// That of a refresh token. `None` too without a crypto backend, and then no signature is good.
    pub(super) digest: Option<Digest>,
}

/// A token that is to be checked with the key that its header names.
struct KeyedToken<'t> {
    token: &'t Presented<'t>,
    compact: Compact<'t>,
    /// True if the header says that it is an access token.
    access_token: bool,
}

impl<'t> Presented<'t> {
    pub(crate) fn session(text: &'t [u8]) -> Self {
        Self {
            text,
            token_use: TokenUse::Session,
            digest: None,
        }
    }

    fn new(token: &'t str, token_use: TokenUse) -> Self {
        Self {
            text: token.as_bytes(),
            token_use,
            digest: match token_use {
                TokenUse::Session => None,
                TokenUse::Refresh => Digest::of(token).ok(),
            },
        }
    }
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
        let token = Presented::new(token, token_use);
        let known = self.known(&token, &now);
        known.unwrap_or_else(|| self.verify_unknown(&token, checked, &now, |_, _| true))
    }

    /// As [`start`](Self::start), for a token that is not [`known`](Self::known). The key that it names is
    /// looked up, and perhaps fetched, only if `is_wanted` says so; else it counts as unknown.
    pub(crate) fn verify_unknown(
        &self,
        token: &Presented<'_>,
        checked: Option<&mut CheckedTokens>,
        now: &Now,
        is_wanted: impl FnOnce(&CachedKeys<'_>, &str) -> bool,
    ) -> VerificationStep {
        let compact = match Compact::parse(token.text, self.max_token_len) {
            Ok(compact) => compact,
            Err(reason) => return VerificationStep::invalid(reason),
        };
        let keys = self.keys.cached();
        // Nearly all tokens of a project have the same header, which need not be parsed again.
        if let Some(key) = keys.by_header(compact.header_segment(), now) {
            let keyed = KeyedToken {
                token,
                compact,
                access_token: false,
            };
            let verdict = self.verify_with(key, &keyed, checked, now);
            return VerificationStep::Done(verdict);
        }
        let mut room = HeaderRoom::default();
        let header = match header(&compact, &mut room) {
            Ok(header) => header,
            Err(reason) => return VerificationStep::invalid(reason),
        };
        if !is_wanted(&keys, &header.kid) {
            return VerificationStep::invalid(UNKNOWN_KID);
        }
        match keys.get(&header.kid, now) {
            Lookup::Found(key) if header.alg == key.algorithm() => {
                let keyed = KeyedToken {
                    token,
                    compact,
                    access_token: header.access_token,
                };
                VerificationStep::Done(
                    self.verify_with(&key, &keyed, checked, now)
                        .inspect(|_| remember_header(&compact, &header, &key)),
                )
            }
            Lookup::Found(_) => VerificationStep::invalid(WRONG_ALGORITHM),
            lookup => self.without_key(lookup, now),
        }
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
    /// expired already says that this machine's clock is ahead, and nobody has revoked it since.
    pub(crate) async fn verify_fresh(
        &self,
        token: &str,
        token_use: TokenUse,
    ) -> Result<AuthenticToken, Rejection> {
        let verdict = self.verify(token, token_use).await;
        verdict
            .inspect(|fresh| self.check_clock(fresh))
            .map(AuthenticToken::whatever_is_revoked)
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
                let token = Presented::new(token, token_use);
                let compact =
                    Compact::parse(token.text, self.max_token_len).map_err(Rejection::invalid)?;
                let mut room = HeaderRoom::default();
                let header = header(&compact, &mut room).map_err(Rejection::invalid)?;
                if header.alg != key.algorithm() {
                    return Err(Rejection::invalid(WRONG_ALGORITHM));
                }
                // The fetch took time: the token may have expired meanwhile, and its key may be back.
                let now = self.clock.now();
                if let Some(VerificationStep::Done(verdict)) = self.known(&token, &now) {
                    return verdict;
                }
                let keyed = KeyedToken {
                    token: &token,
                    compact,
                    access_token: header.access_token,
                };
                self.verify_with(&key, &keyed, checked, &now)
            }
            KeyWaitOutcome::Unknown => Err(Rejection::invalid(UNKNOWN_KID)),
            KeyWaitOutcome::Unavailable { retry_after } => {
                Err(Rejection::keys_unavailable(retry_after))
            }
        }
    }

    /// Adds the judgement of the token's time as of now, and whether its session is refused all the same.
    /// Of a refresh token nobody asks for the latter.
    #[inline]
    pub(super) fn with_time_check(&self, session: Session, now: &Now) -> AuthenticToken {
        let time_check = self.rules.check_time(&session.verified().times, now.wall);
        if let TimeCheck::IssuedInFuture { by } = time_check {
            self.warn_of_clock(by, now);
        }
        let standing = match &self.marks {
            Some(marks) => marks.standing(&session, now),
            None => Standing::Good,
        };
        AuthenticToken {
            session,
            time_check,
            standing,
            signed: None,
        }
    }

    /// The result for a token whose key was not found.
    pub(super) fn without_key(&self, lookup: Lookup, now: &Now) -> VerificationStep {
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
        keyed: &KeyedToken<'_>,
        checked: Option<&mut CheckedTokens>,
        now: &Now,
    ) -> Result<AuthenticToken, Rejection> {
        let &Presented {
            text, token_use, ..
        } = keyed.token;
        let known = checked
            .as_deref()
            .and_then(|checked| checked.find(text, token_use, key));
        let is_known = known.is_some();
        let outcome = known.unwrap_or_else(|| {
            let outcome = self.check(key, keyed);
            if let Some(checked) = checked {
                checked.note(text, token_use, key, &outcome);
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
            self.sessions.keep(text, &verified.session, key, now.wall);
        }
        Ok(verified)
    }

    /// Checks signature and claims, time aside: the same token and key have the same outcome always.
    fn check(&self, key: &Arc<VerifyingKey>, keyed: &KeyedToken<'_>) -> CheckOutcome {
        let KeyedToken {
            token,
            compact,
            access_token,
        } = keyed;
        // The signature comes first: nothing of the payload is read before it holds.
        let signature = compact.signature()?;
        if !key.verify(compact.signing_input(), signature.as_bytes()) {
            return Err("wrong_signature");
        }
        let claims = compact.payload().and_then(Claims::parse)?;
        self.rules.check(&claims, token.token_use, *access_token)?;
        let marks = self.marks.as_ref();
        let session = Session::new(claims, self.tenant_claims, self.clock.clone(), marks);
        let signed = token.digest.map(|digest| {
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
