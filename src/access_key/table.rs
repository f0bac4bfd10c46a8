//! The table of all keys: it is bounded, and decides when an exchange may start. It is pure, like
//! the states of the keys.

use std::{collections::HashMap, time::Duration};

use super::{
    key::{ExchangeOutcome, KeyState, KeyVerdict},
    settings::ExchangePolicy,
};
use crate::{clock::Now, digest::Digest, limiter::TokenBucket};

/// The table. Keys that Descope has accepted ("known") are kept apart from all others, so that no
/// flood of unknown keys evicts a machine's session.
#[derive(Debug)]
pub(super) struct ExchangeTable<V, W> {
    policy: ExchangePolicy,
    /// The limit on exchanges of unknown keys.
    budget: TokenBucket,
    /// When Descope answered 429, and for how long nothing may be sent.
    rate_limited: Option<(Now, Duration)>,
    known: HashMap<Digest, KnownKey<V, W>>,
    /// Keys whose first exchange is under way or failed, and refused ones.
    unknown: HashMap<Digest, KeyState<V, W>>,
    /// The number of requests so far, which says which key was used last.
    uses: u64,
    /// The number of exchanges so far, which numbers them.
    exchanges: u64,
}

#[derive(Debug)]
struct KnownKey<V, W> {
    key: KeyState<V, W>,
    used: u64,
}

/// The decision about one request. Where it says to exchange, the table counts the exchange of this
/// number as started, and [`finish`](ExchangeTable::finish) has to be called for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExchangeStep<V, W> {
    /// Use this session, which came from the exchange of this number; beside it, start the one that
    /// `exchange` numbers.
    Serve {
        session: V,
        number: u64,
        exchange: Option<u64>,
    },
    /// Wait for the exchange that is under way.
    Join(W),
    /// Start this exchange, and wait for it.
    Exchange(u64, W),
    /// Descope refused the key a moment ago.
    Refuse,
    /// No session can be had now.
    Unavailable {
        reason: &'static str,
        retry_after: Duration,
    },
}

impl<V: Clone, W: Clone> ExchangeTable<V, W> {
    pub(super) fn new(policy: ExchangePolicy) -> Self {
        Self {
            policy,
            budget: TokenBucket::new(
                policy.burst,
                Duration::from_secs(1) / policy.per_second.get(),
            ),
            rate_limited: None,
            known: HashMap::new(),
            unknown: HashMap::new(),
            uses: 0,
            exchanges: 0,
        }
    }

    /// Decides about a request that presents a key. `can_exchange` is true if there is a runtime for
    /// an exchange; `wait` makes the handle by which others wait for it.
    pub(super) fn present(
        &mut self,
        digest: Digest,
        can_exchange: bool,
        wait: impl FnOnce() -> W,
        now: &Now,
    ) -> ExchangeStep<V, W> {
        self.uses += 1;
        let (key, is_known) = match self.known.get_mut(&digest) {
            Some(known) => {
                known.used = self.uses;
                (Some(&mut known.key), true)
            }
            None => (self.unknown.get_mut(&digest), false),
        };
        let verdict = key.map_or(KeyVerdict::Exchange, |key| key.present(&self.policy, now));
        let rate_limit = self.rate_limit_left(now);
        match verdict {
            KeyVerdict::Serve(session, number) => ExchangeStep::Serve {
                session,
                number,
                exchange: None,
            },
            KeyVerdict::Aging(session, number) => ExchangeStep::Serve {
                session,
                number,
                exchange: (can_exchange && rate_limit.is_zero())
                    .then(|| self.start(digest, wait(), now)),
            },
            KeyVerdict::Join(wait) => ExchangeStep::Join(wait),
            KeyVerdict::Refuse => ExchangeStep::Refuse,
            KeyVerdict::Pause(retry_after) => ExchangeStep::Unavailable {
                reason: "exchange_failed",
                retry_after,
            },
            KeyVerdict::Exchange if !can_exchange => ExchangeStep::Unavailable {
                reason: "no_runtime",
                retry_after: Duration::ZERO,
            },
            KeyVerdict::Exchange if !rate_limit.is_zero() => ExchangeStep::Unavailable {
                reason: "rate_limited",
                retry_after: rate_limit,
            },
            KeyVerdict::Exchange if !is_known && !self.admits_unknown(digest, now) => {
                ExchangeStep::Unavailable {
                    reason: "budget_spent",
                    retry_after: self.budget.until_next(now),
                }
            }
            KeyVerdict::Exchange => {
                let wait = wait();
                ExchangeStep::Exchange(self.start(digest, wait.clone(), now), wait)
            }
        }
    }

    /// Notes the outcome of an exchange.
    pub(super) fn finish(
        &mut self,
        digest: Digest,
        number: u64,
        outcome: ExchangeOutcome<V>,
        now: &Now,
    ) {
        if let ExchangeOutcome::RateLimited(after) = outcome
            && after > self.rate_limit_left(now)
        {
            self.rate_limited = Some((*now, after));
        }
        let unknown = self.unknown.remove(&digest);
        let known = self.known.remove(&digest);
        let used = known.as_ref().map_or(self.uses, |known| known.used);
        let was_known = known.is_some();
        // The key may have been evicted meanwhile, by others that were used later.
        let Some(mut key) = known.map(|known| known.key).or(unknown) else {
            return;
        };
        let is_known = match outcome {
            _ if !key.is_running(number) => was_known,
            ExchangeOutcome::Session(..) => true,
            ExchangeOutcome::Refused => false,
            ExchangeOutcome::Failed | ExchangeOutcome::RateLimited(_) => was_known,
        };
        key.finish(number, outcome, &self.policy, now);
        // A known key whose renewal Descope refused is unknown from now on: it may be revoked.
        if is_known {
            if self.make_room_for_known(now) {
                self.known.insert(digest, KnownKey { key, used });
            }
        } else if self.make_room_for_unknown(now) {
            self.unknown.insert(digest, key);
        }
    }

    /// Drops the session that came from this exchange.
    pub(super) fn invalidate(&mut self, digest: Digest, number: u64) {
        if let Some(known) = self.known.get_mut(&digest) {
            known.key.invalidate(number);
        }
    }

    fn start(&mut self, digest: Digest, wait: W, now: &Now) -> u64 {
        self.exchanges += 1;
        let number = self.exchanges;
        let key = match self.known.get_mut(&digest) {
            Some(known) => &mut known.key,
            None => self.unknown.entry(digest).or_insert_with(KeyState::new),
        };
        key.start(number, wait, now);
        number
    }

    fn rate_limit_left(&self, now: &Now) -> Duration {
        self.rate_limited.map_or(Duration::ZERO, |(since, after)| {
            after.saturating_sub(now.since(&since))
        })
    }

    /// Returns `true` if an unknown key may be exchanged, and takes one exchange from the budget.
    fn admits_unknown(&mut self, digest: Digest, now: &Now) -> bool {
        (self.unknown.contains_key(&digest) || self.make_room_for_unknown(now))
            && self.budget.try_take(now)
    }

    /// Makes room for one more unknown key; returns `false` if all are being exchanged. It goes
    /// through all of them only when the table is full, and at most as often as the budget allows.
    fn make_room_for_unknown(&mut self, now: &Now) -> bool {
        if self.unknown.len() < self.policy.capacity {
            return true;
        }
        let policy = &self.policy;
        self.unknown.retain(|_, key| !key.is_idle(policy, now));
        if self.unknown.len() >= policy.capacity {
            let idle = self
                .unknown
                .iter()
                .find(|(_, key)| !key.is_exchanging(policy, now));
            let Some(digest) = idle.map(|(digest, _)| *digest) else {
                return false;
            };
            self.unknown.remove(&digest);
        }
        true
    }

    /// Makes room for one more known key: it evicts the one that was not used for longest. Returns
    /// `false` if all are being exchanged. It goes through all of them as often as exchanges end with
    /// the table full: choose a capacity that holds all machines.
    fn make_room_for_known(&mut self, now: &Now) -> bool {
        if self.known.len() < self.policy.capacity {
            return true;
        }
        let policy = &self.policy;
        let known = self.known.iter();
        let idle = known.filter(|(_, known)| !known.key.is_exchanging(policy, now));
        let oldest = idle.min_by_key(|(_, known)| known.used);
        let Some(digest) = oldest.map(|(digest, _)| *digest) else {
            return false;
        };
        self.known.remove(&digest).is_some()
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.known.len(), self.unknown.len())
    }
}
