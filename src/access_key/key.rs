//! What is known of one key: a state machine without clock, input and output.

use std::time::Duration;

use super::settings::Policy;
use crate::clock::Now;

/// How long to wait after a failure, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

/// The least that a session is used for, so that one that came late does not cost an exchange for
/// each request. The verifier has the last word about its time.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// The state of one key. `V` is a session, `W` is something to wait for an exchange by.
#[derive(Debug)]
pub(super) struct Key<V, W> {
    session: Option<Held<V>>,
    refused: Option<Now>,
    /// The last failures, and when the key may be tried again.
    failed: Option<Failed>,
    flight: Option<Flight<W>>,
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    /// By which exchange it came.
    number: u64,
    since: Now,
    renew_at: Duration,
    life: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    since: Now,
    pause: Duration,
}

#[derive(Debug)]
struct Flight<W> {
    number: u64,
    since: Now,
    wait: W,
}

/// What the key's state says to a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict<V, W> {
    /// Use this session, which came by the exchange of this number.
    Serve(V, u64),
    /// Likewise, but it is time for a new one.
    Aging(V, u64),
    /// An exchange is under way.
    Join(W),
    /// Descope said no a moment ago.
    Refuse,
    /// The last exchange failed a moment ago.
    Pause(Duration),
    /// Nothing helps but an exchange.
    Exchange,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending<V> {
    /// With a session that is good for so long.
    Session(V, Duration),
    Refused,
    Failed,
    /// Descope asked to slow down for so long.
    RateLimited(Duration),
}

impl<V: Clone, W: Clone> Key<V, W> {
    pub(super) fn new() -> Self {
        Self {
            session: None,
            refused: None,
            failed: None,
            flight: None,
        }
    }

    /// A request presents the key.
    pub(super) fn ask(&mut self, policy: &Policy, now: &Now) -> Verdict<V, W> {
        self.forget(policy, now);
        let pause = self
            .failed
            .map(|failed| failed.left(now))
            .unwrap_or_default();
        if let Some(held) = &self.session {
            let (value, number) = (held.value.clone(), held.number);
            let busy = self.is_busy(policy, now) || !pause.is_zero();
            return if busy || now.since(&held.since) < held.renew_at {
                Verdict::Serve(value, number)
            } else {
                Verdict::Aging(value, number)
            };
        }
        match &self.flight {
            _ if self.refused.is_some() => Verdict::Refuse,
            Some(flight) if !flight.is_lost(policy, now) => Verdict::Join(flight.wait.clone()),
            _ if !pause.is_zero() => Verdict::Pause(pause),
            _ => Verdict::Exchange,
        }
    }

    /// An exchange is started.
    pub(super) fn start(&mut self, number: u64, wait: W, now: &Now) {
        self.flight = Some(Flight {
            number,
            since: *now,
            wait,
        });
    }

    /// An exchange has ended. One that was taken for lost and replaced by another one changes
    /// nothing.
    pub(super) fn end(&mut self, number: u64, ending: Ending<V>, policy: &Policy, now: &Now) {
        if !self.is_flying(number) {
            return;
        }
        self.flight = None;
        match ending {
            Ending::Session(value, life) => {
                let life = life.max(SHORTEST_LIFE);
                self.session = Some(Held {
                    value,
                    number,
                    since: *now,
                    renew_at: life.saturating_sub(policy.renew_before.min(life / 4)),
                    life,
                });
                self.refused = None;
                self.failed = None;
            }
            Ending::Refused => {
                self.session = None;
                self.refused = Some(*now);
                self.failed = None;
            }
            Ending::Failed => {
                let pause = self.failed.map_or(FIRST_PAUSE, |failed| {
                    failed.pause.saturating_mul(2).min(LONGEST_PAUSE)
                });
                self.failed = Some(Failed { since: *now, pause });
            }
            Ending::RateLimited(_) => {}
        }
    }

    /// The session that came by this exchange is none any more, say because its signing key was
    /// withdrawn.
    pub(super) fn invalidate(&mut self, number: u64) {
        self.session.take_if(|held| held.number == number);
    }

    /// Drops what time has overtaken.
    fn forget(&mut self, policy: &Policy, now: &Now) {
        self.session
            .take_if(|held| now.since(&held.since) >= held.life);
        self.refused
            .take_if(|since| now.since(since) >= policy.keep_refusals);
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_idle(&mut self, policy: &Policy, now: &Now) -> bool {
        self.forget(policy, now);
        let paused = self
            .failed
            .is_some_and(|failed| !failed.left(now).is_zero());
        self.session.is_none() && self.refused.is_none() && !self.is_busy(policy, now) && !paused
    }

    pub(super) fn is_flying(&self, number: u64) -> bool {
        matches!(&self.flight, Some(flight) if flight.number == number)
    }

    /// Whether an exchange is under way.
    pub(super) fn is_busy(&self, policy: &Policy, now: &Now) -> bool {
        let flight = self.flight.as_ref();
        flight.is_some_and(|flight| !flight.is_lost(policy, now))
    }
}

impl<W> Flight<W> {
    /// Whether nobody should wait for it any more: the runtime that it was started on is no longer
    /// driven.
    fn is_lost(&self, policy: &Policy, now: &Now) -> bool {
        now.since(&self.since) >= policy.patience
    }
}

impl Failed {
    fn left(&self, now: &Now) -> Duration {
        self.pause.saturating_sub(now.since(&self.since))
    }
}
