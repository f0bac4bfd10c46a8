//! The records, and what each step makes of them. Pure.

use std::{collections::HashMap, time::Duration};

use super::log::Log;
use crate::{
    revocation::CutMark,
    shared::{
        log::{LogPage, LogPosition},
        record::{
            Attempt, Claim, Claimed, EndedBy, Ending, Found, Publication, Published, Purpose,
            Record, RecordName, StoredAnswer,
        },
        store::Tick,
    },
    token::REMEMBER_DELIVERED,
};

/// The records, and since when they are remembered. Pure: each step is given the time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    records: HashMap<RecordName, Entry>,
    born: Option<Born>,
    /// How many times it has been lost.
    losses: u64,
    slow_down_until: Option<Duration>,
    log: Log,
    /// The steps that were made.
    pub(crate) steps: u64,
}

#[derive(Clone, Copy, Debug)]
struct Born {
    number: u64,
    at: Duration,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    predecessor: Option<(RecordName, Duration)>,
    state: Option<State>,
    /// True once its holder signs out.
    signed_out: bool,
    /// When the state is over.
    until: Duration,
}

#[derive(Clone, Debug)]
enum State {
    Sent {
        owner: Attempt,
        at: Duration,
    },
    Done {
        owner: Attempt,
        whole: Vec<u8>,
        tokens: Vec<u8>,
        at: Duration,
        /// How old it was then.
        age: Duration,
        keep: Duration,
        /// From when on it is late.
        late_from: Option<Duration>,
    },
    Rest,
    Dead(EndedBy),
}

impl Memory {
    /// Forgets all that it remembers.
    pub(crate) fn lose(&mut self) {
        *self = Self {
            losses: self.losses + 1,
            steps: self.steps,
            ..Self::default()
        };
    }

    /// Notes that nobody could reach it until now.
    pub(crate) fn note_interruption(&mut self, now: Duration) {
        self.log.note_interruption(now);
    }

    pub(crate) fn append_marks(&mut self, marks: &[CutMark], keep: Duration, now: Duration) {
        self.log.append(marks, keep, now);
    }

    pub(crate) fn read_marks(
        &mut self,
        after: Option<LogPosition>,
        keep: Duration,
        now: Duration,
    ) -> LogPage {
        self.log.read(after, keep, now, self.losses)
    }

    /// The records in a form that is the same for the same ones.
    #[cfg(test)]
    pub(crate) fn sorted(&self) -> String {
        let mut records: Vec<_> = self.records.iter().collect();
        records.sort_by_key(|(name, _)| name.id);
        let shown: Vec<_> = records
            .iter()
            .map(|(name, entry)| format!("{} {entry:?} {}", name.hex(), entry.owner()))
            .collect();
        format!("{shown:?} {:?} {}", self.born, self.losses)
    }

    #[cfg(test)]
    pub(crate) fn is_claimed_by(&self, name: RecordName, attempt: Attempt) -> bool {
        let entry = self.records.get(&name);
        let state = entry.and_then(|entry| entry.state.as_ref());
        matches!(state, Some(State::Sent { owner, .. }) if *owner == attempt)
    }

    pub(crate) fn claim(&mut self, claim: &Claim, now: Duration) -> Found<Claimed> {
        let quarantine = self.quarantine(claim, now);
        let entry = self.entry(claim.name, now);
        let signs_out = claim.purpose == Purpose::SignOut;
        let predecessor = entry.predecessor.map(|(name, _)| name);
        let state = match &entry.state {
            Some(State::Sent { owner, .. }) if *owner == claim.attempt => Claimed::Own,
            Some(State::Rest) if signs_out => Claimed::Own,
            Some(_) => Claimed::Taken(entry.record(signs_out, now)),
            None => match quarantine {
                Some(left) if !signs_out => Claimed::Lost { left },
                _ => Claimed::Own,
            },
        };
        match &state {
            Claimed::Own => {
                let at = match entry.state {
                    Some(State::Sent { at, .. }) => at,
                    _ => now,
                };
                entry.signed_out |= signs_out;
                entry.until = now + claim.lease;
                entry.state = Some(State::Sent {
                    owner: claim.attempt,
                    at,
                });
            }
            Claimed::Taken(_) => {
                let marks = matches!(entry.state, Some(State::Sent { .. } | State::Done { .. }));
                entry.signed_out |= signs_out && marks;
            }
            Claimed::Lost { .. } => {}
        }
        self.tidy(claim.name);
        Found { state, predecessor }
    }

    pub(crate) fn look(&mut self, name: RecordName, now: Duration) -> Found<Option<Record>> {
        self.found(name, now, |entry| entry.record(false, now))
    }

    pub(crate) fn look_back(&mut self, name: RecordName, now: Duration) -> Found<Option<Record>> {
        self.found(name, now, |entry| match entry.record(false, now) {
            Record::Late => entry.record(true, now),
            record => record,
        })
    }

    fn found(
        &mut self,
        name: RecordName,
        now: Duration,
        record: impl FnOnce(&Entry) -> Record,
    ) -> Found<Option<Record>> {
        let entry = self.entry(name, now);
        let found = Found {
            state: entry.state.is_some().then(|| record(entry)),
            predecessor: entry.predecessor.map(|(name, _)| name),
        };
        self.tidy(name);
        found
    }

    pub(crate) fn publish(
        &mut self,
        name: RecordName,
        attempt: Attempt,
        answer: &Publication,
        now: Duration,
    ) -> Published {
        let entry = self.entry(name, now);
        if matches!(entry.state, Some(State::Dead(EndedBy::SignOut))) {
            return Published::SignedOut;
        }
        // The owner of an answer publishes it again where the store's word on that was lost.
        let own = matches!(
            &entry.state,
            Some(State::Sent { owner, .. } | State::Done { owner, .. }) if *owner == attempt
        );
        let mut before = (now, answer.age, None);
        if let Some(State::Done {
            at, age, late_from, ..
        }) = entry.state
        {
            before = (at, age, late_from);
        } else {
            entry.until = now;
        }
        let (at, age, late_from) = before;
        let late_from = late_from.or(answer.delivered.then_some(now));
        entry.until = match late_from {
            Some(from) => from + REMEMBER_DELIVERED,
            None => entry.until.max(now + answer.life),
        };
        entry.state = Some(State::Done {
            owner: attempt,
            whole: answer.whole.clone(),
            tokens: answer.tokens.clone(),
            at,
            age,
            keep: answer.keep,
            late_from,
        });
        match (entry.signed_out, own) {
            (true, _) => Published::SignedOut,
            (false, true) => Published::Own,
            (false, false) => Published::Foreign,
        }
    }

    pub(crate) fn link(
        &mut self,
        name: RecordName,
        predecessor: RecordName,
        life: Duration,
        now: Duration,
    ) {
        let entry = self.entry(name, now);
        let before = entry.predecessor.filter(|(known, _)| *known == predecessor);
        let known = before.map_or(Duration::ZERO, |(_, until)| until);
        entry.predecessor = Some((predecessor, known.max(now + life)));
    }

    pub(crate) fn deliver(
        &mut self,
        name: RecordName,
        keep: Duration,
        now: Duration,
    ) -> Option<RecordName> {
        let entry = self.entry(name, now);
        let mut before = None;
        if let Some(State::Done { late_from, .. }) = &mut entry.state
            && late_from.is_none()
        {
            *late_from = Some(now + keep);
            entry.until = now + keep + REMEMBER_DELIVERED;
            before = entry.predecessor.map(|(name, _)| name);
        }
        self.tidy(name);
        before
    }

    pub(crate) fn end(
        &mut self,
        name: RecordName,
        attempt: Attempt,
        ending: Ending,
        now: Duration,
    ) {
        let entry = self.entry(name, now);
        let own = matches!(&entry.state, Some(State::Sent { owner, .. }) if *owner == attempt);
        match ending {
            Ending::Free if own => {
                entry.state = None;
                // A sign-out that sent nothing has not happened at Descope, and comes again.
                entry.signed_out = false;
            }
            Ending::Rest(life) if own => {
                entry.state = Some(State::Rest);
                entry.until = now + life;
            }
            Ending::Dead(by, life) if own || entry.state.is_none() || by == EndedBy::SignOut => {
                entry.state = Some(State::Dead(by));
                entry.until = now + life;
            }
            _ => {}
        }
        self.tidy(name);
    }

    pub(crate) fn tick(&mut self, slow_down: Option<Duration>, now: Duration) -> Tick {
        let number = self.losses + 1;
        let born = *self.born.get_or_insert(Born { number, at: now });
        if slow_down == Some(Duration::ZERO) {
            self.slow_down_until = None;
        } else if let Some(span) = slow_down {
            let until = now + span;
            self.slow_down_until = self.slow_down_until.max(Some(until));
        }
        let left = self.slow_down_until.map(|until| until.saturating_sub(now));
        Tick {
            born: born.number,
            settles: self.losses > 0,
            age: now.saturating_sub(born.at),
            slow_down: left.filter(|left| !left.is_zero()),
        }
    }

    /// How long a token without a record is yet to be left alone. A memory that has lost nothing yet is
    /// relied on from the start.
    fn quarantine(&self, claim: &Claim, now: Duration) -> Option<Duration> {
        if self.losses == 0 {
            return None;
        }
        let age = self
            .born
            .map_or(Duration::ZERO, |born| now.saturating_sub(born.at));
        let left = claim.quarantine.saturating_sub(age);
        (!left.is_zero()).then_some(left)
    }

    fn entry(&mut self, name: RecordName, now: Duration) -> &mut Entry {
        let entry = self.records.entry(name).or_default();
        if entry.state.is_some() && entry.until <= now {
            entry.state = None;
            entry.signed_out = false;
        }
        if entry.predecessor.is_some_and(|(_, until)| until <= now) {
            entry.predecessor = None;
        }
        entry
    }

    fn tidy(&mut self, name: RecordName) {
        let is_empty = |entry: &Entry| entry.state.is_none() && entry.predecessor.is_none();
        if self.records.get(&name).is_some_and(is_empty) {
            self.records.remove(&name);
        }
    }
}

impl Entry {
    #[cfg(test)]
    fn owner(&self) -> String {
        match &self.state {
            Some(State::Sent { owner, .. } | State::Done { owner, .. }) => owner.hex(),
            _ => String::new(),
        }
    }

    fn record(&self, signs_out: bool, now: Duration) -> Record {
        let is_open = matches!(self.state, Some(State::Sent { .. } | State::Done { .. }));
        if self.signed_out && is_open && !signs_out {
            return Record::Dead(EndedBy::SignOut);
        }
        match &self.state {
            Some(State::Sent { at, .. }) => Record::Busy {
                age: now.saturating_sub(*at),
                left: self.until.saturating_sub(now),
            },
            Some(State::Done {
                late_from: Some(from),
                ..
            }) if *from <= now && !signs_out => Record::Late,
            Some(State::Done {
                whole,
                tokens,
                at,
                age,
                keep,
                ..
            }) => {
                let age = now.saturating_sub(*at).saturating_add(*age);
                let sealed = if age < *keep { whole } else { tokens };
                Record::Done(StoredAnswer {
                    sealed: sealed.clone(),
                    age,
                })
            }
            Some(State::Dead(by)) => Record::Dead(*by),
            Some(State::Rest) | None => Record::Rest {
                left: self.until.saturating_sub(now),
            },
        }
    }
}
