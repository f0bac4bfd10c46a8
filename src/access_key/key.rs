//! The state of one access key: a state machine without clock, input and output.

use std::time::Duration;

use super::{pause::Pause, settings::ExchangePolicy};
use crate::{clock::Now, ids::UserId};

/// The pauses after a failed exchange: the first one, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

/// The shortest time for which a session is kept: without it, a session that is already over when it
/// arrives would cost an exchange for each request. The verifier still refuses it when it has
/// expired.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// The state of one key. `V` is a session, `W` a handle on an exchange's result to wait for.
#[derive(Debug)]
pub(super) struct KeyState<V, W> {
    /// The user of the key's sessions: a key never becomes another one's.
    user: Option<UserId>,
    session: Option<HeldSession<V>>,
    /// When Descope refused the key.
    refused: Option<Now>,
    /// The pause after the last failure.
    failed: Option<Pause>,
    exchange: Option<RunningExchange<W>>,
}

#[derive(Debug)]
struct HeldSession<V> {
    value: V,
    /// The number of the exchange that it came from.
    number: u64,
    since: Now,
    renew_at: Duration,
    life: Duration,
}

#[derive(Debug)]
struct RunningExchange<W> {
    number: u64,
    since: Now,
    wait: W,
}

/// The answer of the key's state to a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyVerdict<V, W> {
    /// Use this session, which came from the exchange of this number.
    Serve(V, u64),
    /// Use it, but it is time for a new one.
    Aging(V, u64),
    /// An exchange is under way.
    Join(W),
    /// Descope refused the key a moment ago.
    Refuse,
    /// The last exchange failed a moment ago: wait so long.
    Pause(Duration),
    /// An exchange is needed.
    Exchange,
}

/// The outcome of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExchangeOutcome<V> {
    /// A session of this user that is good for so long.
    Session {
        value: V,
        user: UserId,
        life: Duration,
    },
    Refused,
    Failed,
    /// Descope asked to slow down for so long.
    RateLimited(Duration),
}

impl<V: Clone, W: Clone> KeyState<V, W> {
    pub(super) fn new() -> Self {
        Self {
            user: None,
            session: None,
            refused: None,
            failed: None,
            exchange: None,
        }
    }

    /// Decides about a request that presents the key.
    pub(super) fn present(&mut self, policy: &ExchangePolicy, now: &Now) -> KeyVerdict<V, W> {
        self.expire(policy, now);
        let pause = self
            .failed
            .map(|failed| failed.left(now))
            .unwrap_or_default();
        if let Some(held) = &self.session {
            let (value, number) = (held.value.clone(), held.number);
            // One renewal at a time, and none while Descope fails.
            let busy = self.is_exchanging(policy, now) || !pause.is_zero();
            return if busy || now.since(&held.since) < held.renew_at {
                KeyVerdict::Serve(value, number)
            } else {
                KeyVerdict::Aging(value, number)
            };
        }
        match &self.exchange {
            _ if self.refused.is_some() => KeyVerdict::Refuse,
            Some(exchange) if !exchange.is_lost(policy, now) => {
                KeyVerdict::Join(exchange.wait.clone())
            }
            _ if !pause.is_zero() => KeyVerdict::Pause(pause),
            _ => KeyVerdict::Exchange,
        }
    }

    /// Notes that an exchange was started.
    pub(super) fn start(&mut self, number: u64, wait: W, now: &Now) {
        self.exchange = Some(RunningExchange {
            number,
            since: *now,
            wait,
        });
    }

    /// Returns `true` if an exchange brought the session of another user than the ones before it:
    /// the answer was made for another key.
    pub(super) fn is_foreign(&self, outcome: &ExchangeOutcome<V>) -> bool {
        match (outcome, &self.user) {
            (ExchangeOutcome::Session { user, .. }, Some(before)) => user != before,
            _ => false,
        }
    }

    /// Notes the outcome of an exchange. One that was taken for lost and replaced by another one
    /// changes nothing.
    pub(super) fn finish(
        &mut self,
        number: u64,
        outcome: ExchangeOutcome<V>,
        policy: &ExchangePolicy,
        now: &Now,
    ) {
        if !self.is_running(number) {
            return;
        }
        self.exchange = None;
        match outcome {
            ExchangeOutcome::Session { value, user, life } => {
                let life = life.max(SHORTEST_LIFE);
                self.user = Some(user);
                self.session = Some(HeldSession {
                    value,
                    number,
                    since: *now,
                    renew_at: policy.renew_at(life),
                    life,
                });
                self.refused = None;
                self.failed = None;
            }
            ExchangeOutcome::Refused => {
                self.session = None;
                self.refused = Some(*now);
                self.failed = None;
            }
            ExchangeOutcome::Failed => {
                let length = self.failed.map_or(FIRST_PAUSE, |failed| {
                    failed.length.saturating_mul(2).min(LONGEST_PAUSE)
                });
                self.failed = Some(Pause::new(length, now));
            }
            ExchangeOutcome::RateLimited(_) => {}
        }
    }

    /// Drops the session that came from this exchange, for example because its signing key was
    /// withdrawn. A newer session stays.
    pub(super) fn invalidate(&mut self, number: u64) {
        self.session.take_if(|held| held.number == number);
    }

    /// Drops a session and a refusal whose time is over.
    fn expire(&mut self, policy: &ExchangePolicy, now: &Now) {
        self.session
            .take_if(|held| now.since(&held.since) >= held.life);
        self.refused
            .take_if(|since| now.since(since) >= policy.keep_refusals);
    }

    /// Returns `true` if there is nothing to remember.
    pub(super) fn is_idle(&mut self, policy: &ExchangePolicy, now: &Now) -> bool {
        self.expire(policy, now);
        let paused = self.failed.is_some_and(|failed| !failed.is_over(now));
        self.session.is_none()
            && self.refused.is_none()
            && !self.is_exchanging(policy, now)
            && !paused
    }

    /// Returns `true` if the exchange of this number is under way, though perhaps lost.
    pub(super) fn is_running(&self, number: u64) -> bool {
        matches!(&self.exchange, Some(exchange) if exchange.number == number)
    }

    /// Returns `true` if an exchange is under way that is not lost.
    pub(super) fn is_exchanging(&self, policy: &ExchangePolicy, now: &Now) -> bool {
        let exchange = self.exchange.as_ref();
        exchange.is_some_and(|exchange| !exchange.is_lost(policy, now))
    }
}

impl<W> RunningExchange<W> {
    /// Returns `true` if it will not end: the runtime that it was started on is no longer driven.
    fn is_lost(&self, policy: &ExchangePolicy, now: &Now) -> bool {
        now.since(&self.since) >= policy.lost_after
    }
}
