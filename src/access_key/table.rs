//! The table of all keys: it is bounded, and decides when an exchange may start. It is pure, like
//! the states of the keys.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{
    admission::Admission,
    key::{ExchangeOutcome, KeyState, KeyVerdict},
    settings::ExchangePolicy,
};
use crate::{clock::Now, digest::Digest};

/// The table. Keys that Descope has accepted ("known") are kept apart from all others, so that no
/// flood of unknown keys evicts a machine's session.
#[derive(Debug)]
pub(super) struct ExchangeTable<V, W> {
    policy: ExchangePolicy,
    /// Keys that operations know of.
    expected: HashSet<Digest>,
    admission: Admission,
    known: HashMap<Digest, KnownKey<V, W>>,
    /// Keys whose first exchange is under way or failed, and refused ones.
    unknown: HashMap<Digest, UnknownKey<V, W>>,
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

#[derive(Debug)]
struct UnknownKey<V, W> {
    key: KeyState<V, W>,
    /// The place that it had among the strangers' keys that wait; an expected key has none.
    place: Option<u64>,
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
    pub(super) fn new(policy: ExchangePolicy, expected: HashSet<Digest>) -> Self {
        Self {
            policy,
            expected,
            admission: Admission::new(&policy),
            known: HashMap::new(),
            unknown: HashMap::new(),
            uses: 0,
            exchanges: 0,
        }
    }

    /// Decides about a request that presents a key. `can_exchange` tells if there is a runtime for
    /// an exchange; `wait` makes the handle by which others wait for it.
    pub(super) fn present(
        &mut self,
        digest: Digest,
        can_exchange: impl FnOnce() -> bool,
        wait: impl FnOnce() -> W,
        now: &Now,
    ) -> ExchangeStep<V, W> {
        self.uses += 1;
        let key = match self.known.get_mut(&digest) {
            Some(known) => {
                known.used = self.uses;
                Some(&mut known.key)
            }
            None => self.unknown.get_mut(&digest).map(|it| &mut it.key),
        };
        let verdict = key.map_or(KeyVerdict::Exchange, |key| key.present(&self.policy, now));
        match verdict {
            KeyVerdict::Serve(session, number) => ExchangeStep::Serve {
                session,
                number,
                exchange: None,
            },
            KeyVerdict::Aging(session, number) => ExchangeStep::Serve {
                session,
                number,
                exchange: (can_exchange() && self.admission.machine(now).is_ok())
                    .then(|| self.start(digest, None, wait(), now)),
            },
            KeyVerdict::Join(wait) => ExchangeStep::Join(wait),
            KeyVerdict::Refuse => ExchangeStep::Refuse,
            KeyVerdict::Pause(retry_after) => {
                self.admission.came_in_pause(digest, now);
                ExchangeStep::Unavailable {
                    reason: "exchange_failed",
                    retry_after,
                }
            }
            KeyVerdict::Exchange if !can_exchange() => ExchangeStep::Unavailable {
                reason: "no_runtime",
                retry_after: Duration::ZERO,
            },
            KeyVerdict::Exchange if !self.make_room_for(&digest, now) => {
                ExchangeStep::Unavailable {
                    reason: "budget_spent",
                    retry_after: Duration::ZERO,
                }
            }
            KeyVerdict::Exchange => {
                let admitted = if self.is_machine(&digest) {
                    self.admission.machine(now).map(|()| None)
                } else {
                    self.admission.stranger(digest, now).map(Some)
                };
                match admitted {
                    Ok(place) => {
                        let wait = wait();
                        ExchangeStep::Exchange(self.start(digest, place, wait.clone(), now), wait)
                    }
                    Err(held_back) => ExchangeStep::Unavailable {
                        reason: held_back.reason,
                        retry_after: held_back.retry_after,
                    },
                }
            }
        }
    }

    /// Notes the outcome of an exchange. Returns `false` if it brought the session of another user
    /// than the key's sessions before: then it counts as a failure, and nobody may be given it.
    #[must_use]
    pub(super) fn finish(
        &mut self,
        digest: Digest,
        number: u64,
        outcome: ExchangeOutcome<V>,
        now: &Now,
    ) -> bool {
        let is_machine = self.is_machine(&digest);
        let known = self.known.remove(&digest);
        let used = known.as_ref().map_or(self.uses, |known| known.used);
        let was_known = known.is_some();
        let (key, place) = match (known, self.unknown.remove(&digest)) {
            (Some(known), _) => (Some(known.key), None),
            (None, Some(unknown)) => (Some(unknown.key), unknown.place),
            // It was evicted meanwhile, by others that were used later.
            (None, None) => (None, None),
        };
        let is_foreign = key.as_ref().is_some_and(|key| key.is_foreign(&outcome));
        let outcome = if is_foreign {
            ExchangeOutcome::Failed
        } else {
            outcome
        };
        let is_success = matches!(outcome, ExchangeOutcome::Session { .. });
        self.admission.ended(number, is_success);
        if let ExchangeOutcome::RateLimited(said) = outcome {
            self.admission
                .rate_limited(is_machine, said, self.exchanges, now);
        }
        let Some(mut key) = key else {
            return true;
        };
        let is_running = key.is_running(number);
        let is_known = match outcome {
            _ if !is_running => was_known,
            ExchangeOutcome::Session { .. } => true,
            ExchangeOutcome::Refused => false,
            ExchangeOutcome::Failed | ExchangeOutcome::RateLimited(_) => {
                if let Some(place) = place {
                    self.admission.failed(digest, place, now);
                }
                was_known
            }
        };
        key.finish(number, outcome, &self.policy, now);
        // A known key whose renewal Descope refused is unknown from now on: it may be revoked.
        if is_known {
            if self.make_room_for_known(now) {
                self.known.insert(digest, KnownKey { key, used });
            }
        } else if self.make_room_for_unknown(now) {
            self.unknown.insert(digest, UnknownKey { key, place });
        }
        !is_foreign
    }

    /// Drops the session that came from this exchange.
    pub(super) fn invalidate(&mut self, digest: Digest, number: u64) {
        if let Some(known) = self.known.get_mut(&digest) {
            known.key.invalidate(number);
        }
    }

    fn start(&mut self, digest: Digest, place: Option<u64>, wait: W, now: &Now) -> u64 {
        self.exchanges += 1;
        let number = self.exchanges;
        if self.is_machine(&digest) {
            self.admission.machine_begins(number, now);
        }
        let key = if let Some(known) = self.known.get_mut(&digest) {
            &mut known.key
        } else {
            let unknown = self.unknown.entry(digest).or_insert_with(|| UnknownKey {
                key: KeyState::new(),
                place: None,
            });
            unknown.place = place;
            &mut unknown.key
        };
        key.start(number, wait, now);
        number
    }

    /// Returns `true` for a key that was good before, or is expected: its exchange costs nothing of
    /// the budget.
    fn is_machine(&self, digest: &Digest) -> bool {
        self.known.contains_key(digest) || self.expected.contains(digest)
    }

    fn make_room_for(&mut self, digest: &Digest, now: &Now) -> bool {
        self.known.contains_key(digest)
            || self.unknown.contains_key(digest)
            || self.make_room_for_unknown(now)
    }

    /// Makes room for one more unknown key; returns `false` if all are being exchanged. It goes
    /// through all of them only when the table is full, and at most as often as the budget allows.
    fn make_room_for_unknown(&mut self, now: &Now) -> bool {
        if self.unknown.len() < self.policy.capacity {
            return true;
        }
        let policy = &self.policy;
        self.unknown
            .retain(|_, unknown| !unknown.key.is_idle(policy, now));
        if self.unknown.len() >= policy.capacity {
            let idle = self
                .unknown
                .iter()
                .find(|(_, unknown)| !unknown.key.is_exchanging(policy, now));
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
