//! Which keys may be exchanged now. It is pure.
//!
//! A *machine's* key was good before, or operations said that it would come; all others are
//! *strangers'*: those of machines that come for the first time, and whatever somebody made up.

use std::time::Duration;

use super::{
    rate_limit::RateLimit,
    settings::ExchangePolicy,
    waiting::{PLACE_KEPT, WaitingKeys},
};
use crate::{clock::Now, digest::Digest, limiter::TokenBucket};

/// The limits on exchanges: Descope's, and the budget of strangers.
///
/// Half of the budget is kept for the keys that came before and got nothing, in the order in which
/// they first came. Without it whoever sends made-up keys takes each exchange as soon as the budget
/// allows one, and a machine that asks once a second never meets any.
#[derive(Debug)]
pub(super) struct Admission {
    budget: TokenBucket,
    /// How many exchanges of the budget are kept.
    kept: u32,
    waiting: WaitingKeys,
    limit: RateLimit,
}

/// The reason why a key may not be exchanged now, and the time until it is worth asking again.
#[derive(Debug)]
pub(super) struct HeldBack {
    pub(super) reason: &'static str,
    pub(super) retry_after: Duration,
}

impl Admission {
    pub(super) fn new(policy: &ExchangePolicy) -> Self {
        let interval = Duration::from_secs(1) / policy.per_second.get();
        Self {
            budget: TokenBucket::new(policy.burst, interval),
            kept: policy.burst / 2,
            waiting: WaitingKeys::default(),
            limit: RateLimit::new(policy.lost_after),
        }
    }

    /// Asks for an exchange of a machine's key.
    pub(super) fn machine(&mut self, now: &Now) -> Result<(), HeldBack> {
        self.limit.machine_waits(now).map_or(Ok(()), |retry_after| {
            Err(HeldBack {
                reason: "rate_limited",
                retry_after,
            })
        })
    }

    /// Asks for an exchange of a stranger's key, and takes it from the budget. Returns the key's
    /// place among those that wait, for [`failed`](Self::failed).
    pub(super) fn stranger(&mut self, digest: Digest, now: &Now) -> Result<u64, HeldBack> {
        let came_before = self.waiting.comes_again(digest, now);
        let admitted = match self.limit.strangers_wait(now) {
            None => self.within_budget(&digest, now),
            Some(_) if came_before && self.is_probe(&digest, now) => {
                self.limit.probe_begins(now);
                Ok(())
            }
            Some(retry_after) => Err(HeldBack {
                reason: "rate_limited",
                retry_after,
            }),
        };
        match admitted {
            Ok(()) => {
                let place = self.waiting.remove(&digest);
                Ok(place.unwrap_or_else(|| self.waiting.new_place()))
            }
            Err(held_back) => {
                if !came_before {
                    self.waiting.came(digest, now);
                }
                Err(held_back)
            }
        }
    }

    /// Notes that the exchange of a machine's key begins.
    pub(super) fn machine_begins(&mut self, number: u64, now: &Now) {
        self.limit.machine_begins(number, now);
    }

    /// Notes that Descope asked to slow down for so long, when so many exchanges had begun.
    pub(super) fn rate_limited(&mut self, is_machine: bool, said: Duration, begun: u64, now: &Now) {
        self.limit.begin(is_machine, said, begun, now);
    }

    /// Notes the end of an exchange.
    pub(super) fn ended(&mut self, number: u64, is_success: bool) {
        self.limit.ended(number, is_success);
    }

    /// Notes that a stranger's exchange brought nothing: its key waits again, at its old place.
    pub(super) fn failed(&mut self, digest: Digest, place: u64, now: &Now) {
        self.waiting.join_line(digest, place, now);
    }

    /// Notes that a key came during the pause after a failure, so that it keeps its place.
    pub(super) fn came_in_pause(&mut self, digest: Digest, now: &Now) {
        self.waiting.comes_again(digest, now);
    }

    fn within_budget(&mut self, digest: &Digest, now: &Now) -> Result<(), HeldBack> {
        let left = self.budget.left(now);
        let kept = if self.waiting.is_empty(now) {
            0
        } else {
            self.kept
        };
        // What is not kept goes to whoever is there: a key that has its turn may not come again for
        // a while, and nobody shall wait for that.
        if left > kept || self.waiting.is_among_first(digest, left as usize, now) {
            self.budget.try_take(now);
            return Ok(());
        }
        Err(HeldBack {
            reason: "budget_spent",
            retry_after: self.budget.until_next(now),
        })
    }

    /// Returns `true` if a probe is due and this key is the one: the first of those that wait, or
    /// any of them if the first does not come.
    fn is_probe(&mut self, digest: &Digest, now: &Now) -> bool {
        match self.limit.probe_due_for(now) {
            None => false,
            Some(overdue) if overdue >= PLACE_KEPT => true,
            Some(_) => self.waiting.is_among_first(digest, 1, now),
        }
    }
}
