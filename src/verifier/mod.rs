//! From a token's text to a verdict: at once where the key is at hand, else when keys are in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{
    clock::{Clock, Now},
    json::Fault,
    jwks::{KeyStore, KeyWait, KeyWaitOutcome, Lookup},
    jwt::{
        check::{Rules, Timing, TokenUse},
        claims::Claims,
        compact::{Compact, HeaderRoom},
        header::Header,
        key::VerifyingKey,
    },
    rejection::{Rejection, RejectionKind},
    session::{Session, TenantClaims},
};

mod cache;
#[cfg(test)]
mod jws_vectors;
mod several;

pub use self::cache::SessionCacheStatus;
pub(crate) use self::{
    cache::{Bounds, SessionCache},
    several::Several,
};

/// How long to advise a client to wait where no better figure is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

const UNKNOWN_KID: Fault = "unknown_kid";
const WRONG_ALGORITHM: Fault = "wrong_algorithm";

/// Verifies tokens of one project.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) keys: KeyStore,
    pub(crate) sessions: SessionCache,
    pub(crate) rules: Rules,
    pub(crate) tenant_claims: TenantClaims,
    pub(crate) max_token_len: usize,
    pub(crate) clock: Clock,
    /// That this machine's clock is behind.
    pub(crate) clock_warning: OnceAMinute,
    /// That there is nothing to fetch keys on.
    pub(crate) runtime_warning: OnceAMinute,
}

/// A token that the project signed for this place; its time is a second question.
#[derive(Debug)]
pub(crate) struct AuthenticToken {
    /// Not to be given away before [`timing`](Self::timing) was asked.
    session: Session,
    pub(crate) timing: Timing,
}

/// What can be said of a token without waiting.
pub(crate) enum Step {
    Done(Result<AuthenticToken, Rejection>),
    /// The token's key may be among those being fetched.
    Wait(KeyWait),
}

impl Step {
    /// Whether there is no verdict, for now or at all, for want of keys.
    pub(crate) fn lacks_keys(&self) -> bool {
        match self {
            Self::Done(verdict) => verdict
                .as_ref()
                .is_err_and(|rejection| rejection.kind() == RejectionKind::KeysUnavailable),
            Self::Wait(_) => true,
        }
    }
}

impl AuthenticToken {
    /// What the token says.
    pub(crate) fn claims(&self) -> &Claims {
        self.session.verified()
    }

    /// A session, if the token's time is right.
    #[inline]
    pub(crate) fn session(self) -> Result<Session, Rejection> {
        self.timing.verdict()?;
        Ok(self.session)
    }
}

impl Verifier {
    /// Judges a token, without waiting.
    pub(crate) fn start(&self, token: &str, slot: TokenUse) -> Step {
        let now = self.clock.now();
        let known = match slot {
            TokenUse::Session => self.known(token.as_bytes(), &now),
            TokenUse::Refresh => None,
        };
        known.unwrap_or_else(|| self.verify_uncached(token.as_bytes(), slot, &now))
    }

    /// As [`start`](Self::start), for a token that is not [`known`](Self::known).
    pub(crate) fn verify_uncached(&self, token: &[u8], slot: TokenUse, now: &Now) -> Step {
        let compact = match Compact::parse(token, self.max_token_len) {
            Ok(compact) => compact,
            Err(fault) => return refused(fault),
        };
        let keys = self.keys.cached();
        if let Some(key) = keys.by_header(compact.header_segment(), now) {
            return Step::Done(self.finish(token, compact, false, key, slot, now));
        }
        let mut room = HeaderRoom::default();
        let header = match header(&compact, &mut room) {
            Ok(header) => header,
            Err(fault) => return refused(fault),
        };
        match keys.get(&header.kid, now) {
            Lookup::Found(key) if header.alg == key.algorithm() => Step::Done(
                self.finish(token, compact, header.access_token, &key, slot, now)
                    .inspect(|_| learn(&compact, &header, &key)),
            ),
            Lookup::Found(_) => refused(WRONG_ALGORITHM),
            lookup => self.without_key(lookup, now),
        }
    }

    /// What can be said of a session token that was verified before: all that may have changed
    /// since is asked again.
    #[inline]
    pub(crate) fn known(&self, token: &[u8], now: &Now) -> Option<Step> {
        let (session, aged) = self.sessions.find(token, |session, key| {
            let aged = (!key.serves(now)).then(|| Arc::clone(key));
            (session.clone(), aged)
        })?;
        let Some(key) = aged else {
            return Some(Step::Done(Ok(self.timed(session, now))));
        };
        match self.keys.cached().get(key.kid(), now) {
            Lookup::Found(current) if Arc::ptr_eq(&current, &key) => {
                Some(Step::Done(Ok(self.timed(session, now))))
            }
            // Of the same name, but not the key that signed it: all of it again.
            Lookup::Found(_) => None,
            lookup => Some(self.without_key(lookup, now)),
        }
    }

    /// Judges a token, waiting for keys where that may help.
    pub(crate) async fn genuine(
        &self,
        token: &str,
        slot: TokenUse,
    ) -> Result<AuthenticToken, Rejection> {
        match self.start(token, slot) {
            Step::Done(verdict) => verdict,
            Step::Wait(wait) => self.resume(token, slot, wait).await,
        }
    }

    /// Goes on where [`start`](Self::start) had to wait.
    pub(crate) async fn resume(
        &self,
        token: &str,
        slot: TokenUse,
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
                let now = self.clock.now();
                self.finish(token, compact, header.access_token, &key, slot, &now)
            }
            KeyWaitOutcome::Unknown => Err(Rejection::invalid(UNKNOWN_KID)),
            KeyWaitOutcome::Unavailable { retry_after } => {
                Err(Rejection::keys_unavailable(retry_after))
            }
        }
    }

    /// What a look-up that found nothing comes to.
    fn without_key(&self, lookup: Lookup, now: &Now) -> Step {
        Step::Done(Err(match lookup {
            Lookup::Wait(wait) => return Step::Wait(wait),
            Lookup::Found(_) | Lookup::Unknown => Rejection::invalid(UNKNOWN_KID),
            Lookup::Unavailable { retry_after } => Rejection::keys_unavailable(retry_after),
            Lookup::NoRuntime => self.no_runtime(now),
        }))
    }

    fn no_runtime(&self, now: &Now) -> Rejection {
        if self.runtime_warning.is_due(now.wall) {
            tracing::warn!(
                "keys cannot be fetched: verification was called outside of a tokio runtime"
            );
        }
        Rejection::keys_unavailable(RETRY_AFTER)
    }

    /// Signature first; nothing of the payload is read before it holds. `key` is the one that the
    /// header names, for the algorithm that it names.
    fn finish(
        &self,
        token: &[u8],
        compact: Compact<'_>,
        access_token: bool,
        key: &Arc<VerifyingKey>,
        slot: TokenUse,
        now: &Now,
    ) -> Result<AuthenticToken, Rejection> {
        let signature = compact.signature().map_err(Rejection::invalid)?;
        if !key.verify(compact.signing_input(), signature.as_bytes()) {
            return Err(Rejection::invalid("wrong_signature"));
        }
        let claims = compact
            .payload()
            .and_then(Claims::parse)
            .map_err(Rejection::invalid)?;
        self.rules
            .check(&claims, slot, access_token)
            .map_err(Rejection::invalid)?;
        let genuine = self.timed(Session::new(claims, self.tenant_claims), now);
        if slot == TokenUse::Session && genuine.timing == Timing::Good {
            self.sessions.keep(token, &genuine.session, key, now.wall);
        }
        Ok(genuine)
    }

    /// The second question.
    #[inline]
    fn timed(&self, session: Session, now: &Now) -> AuthenticToken {
        let timing = self.rules.timing(&session.verified().times, now.wall);
        if let Timing::Early { by } = timing {
            self.warn_of_clock(by, now);
        }
        AuthenticToken { session, timing }
    }

    fn warn_of_clock(&self, by: Duration, now: &Now) {
        if self.clock_warning.is_due(now.wall) {
            tracing::warn!(
                behind_seconds = by.as_secs(),
                "clock behind Descope: a genuine token was issued in the future and is refused"
            );
        }
    }
}

impl Timing {
    /// The refusal that a time orders, if it orders one.
    #[inline]
    pub(crate) fn verdict(self) -> Result<(), Rejection> {
        match self {
            Self::Good => Ok(()),
            Self::Expired => Err(Rejection::new(RejectionKind::ExpiredToken)),
            Self::NotYetValid => Err(Rejection::invalid("not_yet_valid")),
            Self::Early { .. } => Err(Rejection::invalid("issued_in_the_future")),
        }
    }
}

/// The header of a token, which names its key.
fn header<'r>(compact: &Compact<'_>, room: &'r mut HeaderRoom) -> Result<Header<'r>, Fault> {
    compact.header(room).and_then(Header::parse)
}

/// Has the next token with the same header known by it.
fn learn(compact: &Compact<'_>, header: &Header<'_>, key: &VerifyingKey) {
    if !header.access_token {
        key.note_header(compact.header_segment());
    }
}

fn refused(fault: Fault) -> Step {
    Step::Done(Err(Rejection::invalid(fault)))
}

/// Lets a warning through at most once a minute.
#[derive(Debug, Default)]
pub(crate) struct OnceAMinute {
    last: AtomicU64,
}

impl OnceAMinute {
    fn is_due(&self, now: Duration) -> bool {
        let minute = now.as_secs() / 60;
        self.last.swap(minute, Relaxed) != minute
    }
}
