//! The time after Descope has asked to slow down (429). It is pure.

use std::time::Duration;

use super::pause::Pause;
use crate::clock::Now;

/// The longest time for which keys that were never good are held back by one answer.
const LONGEST_FOR_STRANGERS: Duration = Duration::from_secs(15 * 60);

/// The longest time for which the others are, and the time between two probes.
const MINUTE: Duration = Duration::from_secs(60);

/// The limit that Descope has set for a while. Keys that were good before, or that are expected, go
/// on one at a time, and pause for a minute at most if one of them is told to slow down; all others
/// are held back for as long as Descope says, but for one a minute. The first success ends it for
/// all.
#[derive(Debug)]
pub(super) struct RateLimit {
    in_force: Option<InForce>,
    /// The time after which an exchange counts as lost.
    lost_after: Duration,
}

#[derive(Debug)]
struct InForce {
    /// The number of exchanges begun so far when Descope last said so: what they bring says nothing
    /// about the limit.
    begun: u64,
    for_strangers: Pause,
    for_machines: Option<Pause>,
    until_probe: Pause,
    /// The exchange of the one machine, with its number.
    running: Option<(u64, Pause)>,
}

impl RateLimit {
    pub(super) fn new(lost_after: Duration) -> Self {
        Self {
            in_force: None,
            lost_after,
        }
    }

    /// Notes that Descope asked to slow down for so long, when so many exchanges had begun.
    pub(super) fn begin(&mut self, is_machine: bool, said: Duration, begun: u64, now: &Now) {
        let for_strangers = Pause::new(said.min(LONGEST_FOR_STRANGERS), now);
        let limit = match self.in_force(now) {
            Some(limit) => limit,
            None => self.in_force.insert(InForce {
                begun,
                for_strangers,
                for_machines: None,
                until_probe: Pause::new(MINUTE, now),
                running: None,
            }),
        };
        limit.begun = begun;
        if for_strangers.left(now) > limit.for_strangers.left(now) {
            limit.for_strangers = for_strangers;
        }
        // What a stranger is told must not hold machines back: strangers come without end.
        if is_machine {
            limit.for_machines = Some(Pause::new(said.min(MINUTE), now));
        }
    }

    /// Returns how long a machine's key has to wait for an exchange: `None` if it may begin.
    pub(super) fn machine_waits(&mut self, now: &Now) -> Option<Duration> {
        let limit = self.in_force(now)?;
        let pause = limit.for_machines.filter(|pause| !pause.is_over(now));
        let running = limit.running.map(|(_, lost)| lost);
        let other = running.filter(|lost| !lost.is_over(now));
        match (pause, other) {
            (Some(pause), _) => Some(pause.left(now)),
            (None, Some(_)) => Some(Duration::ZERO),
            (None, None) => None,
        }
    }

    /// Notes that the exchange of a machine's key begins.
    pub(super) fn machine_begins(&mut self, number: u64, now: &Now) {
        let lost = Pause::new(self.lost_after, now);
        if let Some(limit) = self.in_force(now) {
            limit.running = Some((number, lost));
        }
    }

    /// Returns how long strangers have to wait: `None` if they do not.
    pub(super) fn strangers_wait(&mut self, now: &Now) -> Option<Duration> {
        let limit = self.in_force(now)?;
        let left = limit.for_strangers.left(now);
        // Whoever is told to wait for a quarter of an hour is not there to be the probe.
        (!left.is_zero()).then(|| left.min(limit.until_probe.left(now)))
    }

    /// Returns for how long a probe has been due: `None` if it is not.
    pub(super) fn probe_due_for(&mut self, now: &Now) -> Option<Duration> {
        let limit = self.in_force(now)?;
        limit.until_probe.over_for(now)
    }

    /// Notes that a stranger's key goes up as a probe.
    pub(super) fn probe_begins(&mut self, now: &Now) {
        if let Some(limit) = self.in_force(now) {
            limit.until_probe = Pause::new(MINUTE, now);
        }
    }

    /// Notes the end of an exchange.
    pub(super) fn ended(&mut self, number: u64, is_success: bool) {
        let Some(limit) = &mut self.in_force else {
            return;
        };
        limit.running.take_if(|(running, _)| *running == number);
        if is_success && number > limit.begun {
            self.in_force = None;
        }
    }

    fn in_force(&mut self, now: &Now) -> Option<&mut InForce> {
        self.in_force.take_if(|limit| {
            let for_machines = limit.for_machines.is_none_or(|pause| pause.is_over(now));
            for_machines && limit.for_strangers.is_over(now)
        });
        self.in_force.as_mut()
    }
}
