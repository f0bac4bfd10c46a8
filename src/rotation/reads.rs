//! One family's calls that only read: which are under way, and which were refused.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::watch;

use super::failure::refusal_stands;
use crate::{clock::Now, digest::Digest, error::Error, limiter::TokenBucket};

/// How many such calls a family makes at once; one more each second.
const BURST: u32 = 10;
const INTERVAL: Duration = Duration::from_secs(1);

/// How many different refusals are remembered.
const MAX_REFUSALS: usize = 8;

/// Names a call with its parameters: equal calls have equal names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadKey(pub(crate) String);

impl ReadKey {
    /// The name of the call in logs, without its parameters.
    pub(super) fn call(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

/// An answer that equal calls share.
pub(crate) type ReadAnswer = Result<Arc<Value>, Error>;

#[derive(Clone, Debug)]
pub(super) struct Reads {
    /// The token that the refusals are about.
    refused_token: Option<Digest>,
    under_way: Vec<(ReadKey, watch::Receiver<Option<ReadAnswer>>)>,
    refused: Vec<RefusedRead>,
    bucket: TokenBucket,
    /// When the last call was made, on the monotonic clock.
    last: Option<Duration>,
}

#[derive(Clone, Debug)]
struct RefusedRead {
    key: ReadKey,
    error: Error,
    at: Now,
    times: u32,
}

impl Default for Reads {
    fn default() -> Self {
        Self {
            refused_token: None,
            under_way: Vec::new(),
            refused: Vec::new(),
            bucket: TokenBucket::new(BURST, INTERVAL),
            last: None,
        }
    }
}

impl Reads {
    /// An equal call that is under way.
    pub(super) fn running(&self, key: &ReadKey) -> Option<watch::Receiver<Option<ReadAnswer>>> {
        let mut calls = self.under_way.iter();
        let (_, answer) = calls.find(|(other, answer)| other == key && is_under_way(answer))?;
        Some(answer.clone())
    }

    /// A refusal of Descope's that still answers such calls. It is about one token: whoever has selected a
    /// tenant since asks with another.
    pub(super) fn refusal(&mut self, key: &ReadKey, token: Digest, now: Now) -> Option<Error> {
        if self.refused_token.replace(token) != Some(token) {
            self.refused.clear();
        }
        let refused = self.refused.iter().find(|refused| refused.key == *key)?;
        (now.since(&refused.at) < refusal_stands(refused.times)).then(|| refused.error.clone())
    }

    /// Takes one call from what the family may make; the error is how long to wait.
    pub(super) fn take(&mut self, now: Now) -> Result<(), Duration> {
        self.bucket.take(&now)
    }

    /// Returns `true` if no call was made in the last `span`.
    pub(super) fn is_quiet(&self, span: Duration, now: Now) -> bool {
        self.last
            .is_none_or(|at| now.mono.saturating_sub(at) >= span)
    }

    /// Notes that a call is made; others find its answer at the sender.
    pub(super) fn begin(&mut self, key: &ReadKey, now: Now) -> watch::Sender<Option<ReadAnswer>> {
        let (sender, receiver) = watch::channel(None);
        self.last = Some(now.mono);
        self.under_way.retain(|(_, answer)| is_under_way(answer));
        self.under_way.push((key.clone(), receiver));
        sender
    }

    /// Notes how a call ended.
    pub(super) fn end(&mut self, key: &ReadKey, error: Option<&Error>, now: Now) {
        self.under_way.retain(|(other, _)| other != key);
        let place = self.refused.iter().position(|refused| refused.key == *key);
        let before = place.map(|place| self.refused.remove(place));
        let Some(error) = error.filter(|error| error.upstream_verdict().is_refusal()) else {
            return;
        };
        if self.refused.len() == MAX_REFUSALS {
            self.refused.remove(0);
        }
        self.refused.push(RefusedRead {
            key: key.clone(),
            error: error.clone(),
            at: now,
            times: before.map_or(1, |before| before.times.saturating_add(1)),
        });
    }

    /// Returns `true` if forgetting it would change no later decision.
    pub(super) fn is_stale(&self, now: Now) -> bool {
        let stands = |refused: &RefusedRead| {
            now.since(&refused.at) < refusal_stands(refused.times).saturating_mul(2)
        };
        let mut calls = self.under_way.iter();
        !calls.any(|(_, answer)| is_under_way(answer))
            && !self.refused.iter().any(stands)
            && self.is_quiet(INTERVAL.saturating_mul(BURST), now)
    }
}

/// Returns `true` while a call may still be answered: the sender is gone where its task panicked, or
/// was ended with its runtime.
fn is_under_way(answer: &watch::Receiver<Option<ReadAnswer>>) -> bool {
    answer.has_changed().is_ok()
}
