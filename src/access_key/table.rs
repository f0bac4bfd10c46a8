//! All keys, bounded, and when an exchange may start at all. Pure like the keys themselves.

use std::{collections::HashMap, time::Duration};

use super::{
    key::{Ending, Key, Verdict},
    settings::Policy,
};
use crate::{clock::Now, digest::Digest, limiter::TokenBucket};

/// The table. Keys that were good once and strangers are kept apart, so that no flood of strangers
/// drives out a machine's session.
#[derive(Debug)]
pub(super) struct Table<V, W> {
    policy: Policy,
    /// The limit on exchanges of keys that were never good.
    budget: TokenBucket,
    /// Descope's wish that nothing be sent for a while.
    stopped: Option<(Now, Duration)>,
    known: HashMap<Digest, Known<V, W>>,
    /// Keys whose first exchange is under way or failed, and refused ones.
    strangers: HashMap<Digest, Key<V, W>>,
    /// Counts up with each use and each exchange.
    uses: u64,
    exchanges: u64,
}

#[derive(Debug)]
struct Known<V, W> {
    key: Key<V, W>,
    used: u64,
}

/// What becomes of one request. Where it says to exchange, the exchange of this number is taken
/// for started, and has to be ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<V, W> {
    /// Use this session, which came by the exchange of this number; `exchange` beside it.
    Serve {
        session: V,
        number: u64,
        exchange: Option<u64>,
    },
    /// Wait for the exchange that is under way.
    Join(W),
    /// Exchange, and wait for it.
    Exchange(u64, W),
    /// Descope refused the key a moment ago.
    Refuse,
    /// There is nothing to be had now.
    Unavailable {
        reason: &'static str,
        retry_after: Duration,
    },
}

impl<V: Clone, W: Clone> Table<V, W> {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            budget: TokenBucket::new(
                policy.burst,
                Duration::from_secs(1) / policy.per_second.get(),
            ),
            stopped: None,
            known: HashMap::new(),
            strangers: HashMap::new(),
            uses: 0,
            exchanges: 0,
        }
    }

    /// A request presents a key. `can_exchange` says whether there is something to run an exchange
    /// on, `wait` makes what others wait for it by.
    pub(super) fn ask(
        &mut self,
        digest: Digest,
        can_exchange: bool,
        wait: impl FnOnce() -> W,
        now: &Now,
    ) -> Step<V, W> {
        self.uses += 1;
        let (key, is_known) = match self.known.get_mut(&digest) {
            Some(known) => {
                known.used = self.uses;
                (Some(&mut known.key), true)
            }
            None => (self.strangers.get_mut(&digest), false),
        };
        let verdict = key.map_or(Verdict::Exchange, |key| key.ask(&self.policy, now));
        let stop = self.stop_left(now);
        match verdict {
            Verdict::Serve(session, number) => Step::Serve {
                session,
                number,
                exchange: None,
            },
            Verdict::Aging(session, number) => Step::Serve {
                session,
                number,
                exchange: (can_exchange && stop.is_zero()).then(|| self.start(digest, wait(), now)),
            },
            Verdict::Join(wait) => Step::Join(wait),
            Verdict::Refuse => Step::Refuse,
            Verdict::Pause(retry_after) => Step::Unavailable {
                reason: "exchange_failed",
                retry_after,
            },
            Verdict::Exchange if !can_exchange => Step::Unavailable {
                reason: "no_runtime",
                retry_after: Duration::ZERO,
            },
            Verdict::Exchange if !stop.is_zero() => Step::Unavailable {
                reason: "rate_limited",
                retry_after: stop,
            },
            Verdict::Exchange if !is_known && !self.admits(digest, now) => Step::Unavailable {
                reason: "budget_spent",
                retry_after: self.budget.until_next(now),
            },
            Verdict::Exchange => {
                let wait = wait();
                Step::Exchange(self.start(digest, wait.clone(), now), wait)
            }
        }
    }

    /// An exchange has ended.
    pub(super) fn end(&mut self, digest: Digest, number: u64, ending: Ending<V>, now: &Now) {
        if let Ending::RateLimited(after) = ending
            && after > self.stop_left(now)
        {
            self.stopped = Some((*now, after));
        }
        let stranger = self.strangers.remove(&digest);
        let known = self.known.remove(&digest);
        let used = known.as_ref().map_or(self.uses, |known| known.used);
        let was_known = known.is_some();
        // Gone: driven out meanwhile, by others that were used later.
        let Some(mut key) = known.map(|known| known.key).or(stranger) else {
            return;
        };
        let is_known = match ending {
            _ if !key.is_flying(number) => was_known,
            Ending::Session(..) => true,
            Ending::Refused => false,
            Ending::Failed | Ending::RateLimited(_) => was_known,
        };
        key.end(number, ending, &self.policy, now);
        if is_known {
            if self.make_room(now) {
                self.known.insert(digest, Known { key, used });
            }
        } else if self.has_room(now) {
            self.strangers.insert(digest, key);
        }
    }

    /// The session that came by this exchange is none any more.
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
            None => self.strangers.entry(digest).or_insert_with(Key::new),
        };
        key.start(number, wait, now);
        number
    }

    fn stop_left(&self, now: &Now) -> Duration {
        self.stopped.map_or(Duration::ZERO, |(since, after)| {
            after.saturating_sub(now.since(&since))
        })
    }

    /// Whether a key that was never good may be exchanged.
    fn admits(&mut self, digest: Digest, now: &Now) -> bool {
        (self.strangers.contains_key(&digest) || self.has_room(now)) && self.budget.try_take(now)
    }

    /// Sees to it that one more stranger can be remembered. What is under way stays. It looks
    /// through all of them only when the table is full, and at most as often as the budget allows.
    fn has_room(&mut self, now: &Now) -> bool {
        if self.strangers.len() < self.policy.capacity {
            return true;
        }
        let policy = &self.policy;
        self.strangers.retain(|_, key| !key.is_idle(policy, now));
        if self.strangers.len() >= policy.capacity {
            let idle = self
                .strangers
                .iter()
                .find(|(_, key)| !key.is_busy(policy, now));
            let Some(digest) = idle.map(|(digest, _)| *digest) else {
                return false;
            };
            self.strangers.remove(&digest);
        }
        true
    }

    /// Drives out the good key that was not used for longest, if there is no room for one more. What
    /// is under way stays. It looks through all of them, as often as exchanges end with the table
    /// full: choose a capacity that holds all machines.
    fn make_room(&mut self, now: &Now) -> bool {
        if self.known.len() < self.policy.capacity {
            return true;
        }
        let policy = &self.policy;
        let known = self.known.iter();
        let idle = known.filter(|(_, known)| !known.key.is_busy(policy, now));
        let oldest = idle.min_by_key(|(_, known)| known.used);
        let Some(digest) = oldest.map(|(digest, _)| *digest) else {
            return false;
        };
        self.known.remove(&digest).is_some()
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.known.len(), self.strangers.len())
    }
}
