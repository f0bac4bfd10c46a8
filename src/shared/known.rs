//! The answers and the ends that this replica could publish anew if the store lost them. Pure.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::record::{Attempt, Ending, NamedAnswer, Publication, RecordName};
use crate::clock::Now;

/// As many as [`Bounds`] allow; beyond that the oldest are forgotten, and are lost with the store.
#[derive(Debug)]
pub(crate) struct Known {
    keep: Duration,
    bounds: Bounds,
    answers: HashMap<RecordName, KnownAnswer>,
    ends: HashMap<RecordName, KnownEnd>,
    /// Names in the order in which they came. One that has gone, or come again, is passed over.
    order: VecDeque<(RecordName, u64)>,
    bytes: usize,
    count: u64,
}

/// How much is known at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) number: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct KnownAnswer {
    attempt: Attempt,
    answer: Publication,
    successor: Option<RecordName>,
    at: Now,
    delivered_at: Option<Now>,
    number: u64,
}

#[derive(Debug)]
struct KnownEnd {
    attempt: Attempt,
    ending: Ending,
    at: Now,
    number: u64,
}

impl Known {
    pub(crate) fn new(keep: Duration, bounds: Bounds) -> Self {
        Self {
            keep,
            bounds,
            answers: HashMap::new(),
            ends: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            count: 0,
        }
    }

    /// Notes an answer that was published.
    pub(super) fn note_answer(
        &mut self,
        (name, attempt, answer, successor): NamedAnswer,
        now: Now,
    ) {
        self.forget(name);
        self.bytes += size(&answer);
        let number = self.place(name);
        let known = KnownAnswer {
            attempt,
            delivered_at: answer.delivered.then_some(now),
            answer,
            successor,
            at: now,
            number,
        };
        self.answers.insert(name, known);
        self.make_room();
    }

    /// Notes the end of a session.
    pub(super) fn note_end(
        &mut self,
        name: RecordName,
        attempt: Attempt,
        ending: Ending,
        now: Now,
    ) {
        if !matches!(ending, Ending::Dead(..)) {
            return;
        }
        self.forget(name);
        let number = self.place(name);
        let known = KnownEnd {
            attempt,
            ending,
            at: now,
            number,
        };
        self.ends.insert(name, known);
        self.make_room();
    }

    /// Notes that the successor of a token was presented.
    pub(super) fn deliver(&mut self, name: RecordName, now: Now) {
        if let Some(known) = self.answers.get_mut(&name) {
            known.delivered_at.get_or_insert(now);
        }
    }

    /// All that the store should have: what nobody has received, what was received within the keep
    /// time, and what has ended. What is over is forgotten.
    pub(super) fn all(
        &mut self,
        now: Now,
    ) -> (Vec<NamedAnswer>, Vec<(RecordName, Attempt, Ending)>) {
        let keep = self.keep;
        let over = |known: &KnownAnswer| {
            let late = |at: &Now| now.since(at) >= keep;
            now.since(&known.at) >= known.answer.life
                || known.delivered_at.as_ref().is_some_and(late)
        };
        self.answers.retain(|_, known| !over(known));
        self.ends.retain(|_, known| rest(known, now).is_some());
        self.bytes = self.answers.values().map(|known| size(&known.answer)).sum();
        let answers = self.answers.iter().map(|(name, known)| {
            let age = now.since(&known.at);
            let answer = Publication {
                age: known.answer.age.saturating_add(age),
                life: known.answer.life.saturating_sub(age),
                ..known.answer.clone()
            };
            (*name, known.attempt, answer, known.successor)
        });
        let ends = self
            .ends
            .iter()
            .filter_map(|(name, known)| Some((*name, known.attempt, rest(known, now)?)));
        (answers.collect(), ends.collect())
    }

    fn place(&mut self, name: RecordName) -> u64 {
        self.count += 1;
        self.order.push_back((name, self.count));
        self.count
    }

    fn forget(&mut self, name: RecordName) {
        if let Some(known) = self.answers.remove(&name) {
            self.bytes -= size(&known.answer);
        }
        self.ends.remove(&name);
    }

    fn make_room(&mut self) {
        let is_too_much = |this: &Self| {
            let number = this.answers.len() + this.ends.len();
            number > this.bounds.number || this.bytes > this.bounds.bytes
        };
        // What has come again stands twice in the order.
        let is_long = |this: &Self| this.order.len() > this.bounds.number.saturating_mul(2);
        while is_too_much(self) || is_long(self) {
            let Some((name, number)) = self.order.pop_front() else {
                return;
            };
            let newest = self.answers.get(&name).map(|known| known.number);
            let newest = newest.or_else(|| self.ends.get(&name).map(|known| known.number));
            if newest == Some(number) {
                self.forget(name);
            }
        }
    }
}

fn size(answer: &Publication) -> usize {
    answer.whole.len() + answer.tokens.len() + size_of::<KnownAnswer>()
}

/// The ending as it is yet to be remembered; `None` once that is over.
fn rest(known: &KnownEnd, now: Now) -> Option<Ending> {
    let Ending::Dead(by, life) = known.ending else {
        return None;
    };
    let left = life.saturating_sub(now.since(&known.at));
    (!left.is_zero()).then_some(Ending::Dead(by, left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        shared::record::{EndedBy, RecordKind},
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn name(number: u8) -> RecordName {
        RecordName {
            kind: RecordKind::Token,
            id: [number; 16],
        }
    }

    fn answer(life: Duration) -> Publication {
        Publication {
            whole: vec![0; 100],
            tokens: vec![0; 50],
            keep: 60 * SECOND,
            life,
            age: Duration::ZERO,
            delivered: false,
        }
    }

    fn known(number: usize) -> Known {
        let bounds = Bounds {
            number,
            bytes: 1 << 20,
        };
        Known::new(60 * SECOND, bounds)
    }

    #[test]
    fn what_nobody_has_received_is_published_anew_with_its_age() {
        let mut known = known(10);
        let now = Clock::System.now();
        let attempt = Attempt::new().unwrap();
        known.note_answer(
            (name(1), attempt, answer(3_600 * SECOND), Some(name(2))),
            now,
        );
        known.note_answer((name(3), attempt, answer(3_600 * SECOND), None), now);
        known.note_answer((name(4), attempt, answer(10 * SECOND), None), now);
        known.note_end(
            name(5),
            attempt,
            Ending::Dead(EndedBy::SignOut, 3_600 * SECOND),
            now,
        );
        known.note_end(name(6), attempt, Ending::Rest(SECOND), now);
        known.deliver(name(3), now.later(SECOND));
        let (answers, ends) = known.all(now.later(61 * SECOND));
        let [(found, _, answer, successor)] = answers.as_slice() else {
            panic!("{answers:?}");
        };
        assert_eq!((*found, *successor), (name(1), Some(name(2))));
        assert_eq!((answer.age, answer.life), (61 * SECOND, 3_539 * SECOND));
        let [(found, _, ending)] = ends.as_slice() else {
            panic!("{ends:?}");
        };
        assert_eq!(*found, name(5));
        assert_eq!(*ending, Ending::Dead(EndedBy::SignOut, 3_539 * SECOND));
        assert_eq!(known.all(now.later(3_601 * SECOND)).0.len(), 0);
    }

    #[test]
    fn the_oldest_give_way_and_an_end_takes_the_place_of_an_answer() {
        let mut known = known(3);
        let now = Clock::System.now();
        let attempt = Attempt::new().unwrap();
        for number in 0..100 {
            // The first comes again and again, so it is never the oldest.
            for number in [0, number] {
                let named = (name(number), attempt, answer(3_600 * SECOND), None);
                known.note_answer(named, now);
            }
        }
        let mut names: Vec<_> = known
            .all(now)
            .0
            .iter()
            .map(|(name, ..)| name.id[0])
            .collect();
        names.sort_unstable();
        assert_eq!(names, [0, 98, 99]);
        assert!(known.order.len() <= 6, "{}", known.order.len());
        known.note_end(
            name(99),
            attempt,
            Ending::Dead(EndedBy::Descope, SECOND),
            now,
        );
        let (answers, ends) = known.all(now);
        assert_eq!((answers.len(), ends.len()), (2, 1));
        assert_eq!(known.bytes, 2 * size(&answer(SECOND)));
    }
}
