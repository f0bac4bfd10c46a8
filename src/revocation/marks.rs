//! The marks by their whole names, with what is to be told to other replicas. Pure.

use std::{
    collections::{BTreeSet, HashMap, hash_map},
    time::Duration,
};

use super::{
    mark::{CutMark, MarkKind, MarkName, is_cut},
    slots::{ALWAYS, Slots},
};
use crate::clock::{Now, whole_seconds};

/// How much longer a mark is kept than a session lives: the clocks of replicas differ.
pub(super) const SLACK: Duration = Duration::from_secs(60);

/// How far ahead of this clock those of other replicas may be.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// How long a sign-out everywhere counts as pending, at least: it is told again with each try, and between
/// two of those may be ten minutes.
pub(super) const PENDING: Duration = Duration::from_secs(1_800);

/// Between two looks for marks whose time is over.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Marks {
    noted: HashMap<MarkName, Noted>,
    /// Those that do not stand yet where all replicas read them.
    unsent: BTreeSet<MarkName>,
    longest_session: Duration,
    max: usize,
    /// Until when a mark is missing for which there was no room.
    lacking_until: Until,
    /// On the monotonic clock.
    pruned_at: Duration,
    /// How far the wall clock was ahead of the monotonic one at first, and at most since it was last set
    /// back.
    ahead: (Duration, Duration),
}

#[derive(Clone, Copy, Debug)]
struct Noted {
    cut: u32,
    /// When it was noted here last, on the monotonic clock.
    at: Duration,
    until: Until,
}

/// The end of a time that is over once it is by both clocks: the wall clock may be ahead for a while, and
/// set back behind the time again.
#[derive(Clone, Copy, Debug, Default)]
struct Until {
    /// In seconds since the Unix epoch.
    wall: u32,
    mono: Duration,
}

/// A change, as far as the table for requests has to follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    /// This mark is new, or its cut later.
    Marked,
    /// There was no room for it.
    Lacking,
}

impl Marks {
    pub(super) fn new(longest_session: Duration, max: usize, now: Now) -> Self {
        Self {
            noted: HashMap::new(),
            unsent: BTreeSet::new(),
            longest_session,
            max,
            lacking_until: Until::default(),
            pruned_at: Duration::ZERO,
            ahead: (offset(now), offset(now)),
        }
    }

    /// Notes a mark: `told` if it was read where all replicas read it.
    pub(super) fn note(&mut self, mark: CutMark, told: bool, now: Now) -> Change {
        // From the cut on: a clock that is ahead must not end it early.
        let began = Duration::from_secs(mark.cut.into()).max(now.wall);
        let span = self.span_of(mark.name);
        let until = Until {
            wall: whole_seconds(began.saturating_add(span)),
            mono: now.mono.saturating_add(span),
        };
        self.ahead.1 = self.ahead.1.max(offset(now));
        let has_room = self.noted.len() < self.max;
        match self.noted.entry(mark.name) {
            hash_map::Entry::Occupied(mut entry) => {
                let noted = entry.get_mut();
                let is_later = mark.cut > noted.cut && mark.name.kind() != MarkKind::Session;
                noted.until = noted.until.later(until);
                if mark.cut >= noted.cut {
                    // One of the same second may have been made later, whoever tells of it: an answer that
                    // came between the two is refused by it.
                    noted.at = now.mono;
                    if told {
                        self.unsent.remove(&mark.name);
                    }
                }
                if !is_later {
                    return Change::Nothing;
                }
                noted.cut = mark.cut;
                if !told {
                    self.unsent.insert(mark.name);
                }
                Change::Marked
            }
            hash_map::Entry::Vacant(entry) if has_room => {
                entry.insert(Noted {
                    cut: mark.cut,
                    at: now.mono,
                    until,
                });
                if !told {
                    self.unsent.insert(mark.name);
                }
                Change::Marked
            }
            hash_map::Entry::Vacant(_) => {
                self.lacking_until = self.lacking_until.later(until);
                Change::Lacking
            }
        }
    }

    /// When the mark of a name was noted, if a session is refused by it that was issued then.
    pub(super) fn cuts(&self, name: MarkName, issued: Option<f64>) -> Option<Duration> {
        let noted = self.noted.get(&name)?;
        let is_marked = name.kind() == MarkKind::Session || is_cut(issued, noted.cut);
        is_marked.then_some(noted.at)
    }

    /// When the mark of a name was noted last.
    pub(super) fn noted_at(&self, name: MarkName) -> Option<Duration> {
        self.noted.get(&name).map(|noted| noted.at)
    }

    /// The cut of the mark of a name.
    pub(super) fn cut(&self, name: MarkName) -> Option<u32> {
        self.noted.get(&name).map(|noted| noted.cut)
    }

    /// Returns `true` while a mark is missing for want of room.
    pub(super) fn is_lacking(&self, now: Now) -> bool {
        !self.lacking_until.is_over(now)
    }

    /// Forgets the marks whose time is over, from time to time, and dates those anew that were made while
    /// the clock was ahead. Returns `true` if there were any.
    pub(super) fn prune(&mut self, now: Now) -> bool {
        let corrected = self.correct(now);
        if now.mono.saturating_sub(self.pruned_at) < PRUNE_EVERY {
            return corrected;
        }
        self.pruned_at = now.mono;
        let before = self.noted.len();
        self.noted.retain(|_, noted| !noted.until.is_over(now));
        self.unsent.retain(|name| self.noted.contains_key(name));
        corrected || self.noted.len() < before
    }

    /// Dates what was noted while the clock was ahead, which has been set back since, by what the
    /// monotonic clock says: it would refuse each new session until that time. Returns `true` if there
    /// may be any.
    ///
    /// A clock that is set back further than where it was at first may be the wrong one, and what it
    /// dated anew would let sessions in that are revoked.
    pub(super) fn correct(&mut self, now: Now) -> bool {
        let (first, most) = self.ahead;
        let ahead = offset(now).max(first);
        if ahead.saturating_add(CLOCKS_DIFFER) >= most {
            return false;
        }
        self.ahead.1 = ahead;
        let span = self.span().max(PENDING);
        let latest = ahead.saturating_add(CLOCKS_DIFFER);
        let at_most = |mono: Duration| whole_seconds(mono.saturating_add(latest));
        for noted in self.noted.values_mut() {
            noted.cut = noted.cut.min(at_most(noted.at));
            noted.until.wall = noted.until.wall.min(at_most(noted.at.saturating_add(span)));
        }
        let lacking = &mut self.lacking_until;
        lacking.wall = lacking.wall.min(at_most(lacking.mono));
        true
    }

    /// For how long a mark is kept.
    fn span(&self) -> Duration {
        self.longest_session.saturating_add(SLACK)
    }

    fn span_of(&self, name: MarkName) -> Duration {
        match name.kind() {
            MarkKind::Everywhere | MarkKind::EverywhereConfirmed | MarkKind::SignedInAgain => {
                self.span().max(PENDING)
            }
            _ => self.span(),
        }
    }

    /// The marks that other replicas are yet to be told: so many at most.
    pub(super) fn unsent(&self, most: usize) -> Vec<CutMark> {
        let unsent = self.unsent.iter().take(most);
        let marks = unsent.filter_map(|&name| {
            let cut = self.noted.get(&name)?.cut;
            Some(CutMark { name, cut })
        });
        marks.collect()
    }

    /// Notes that these were told.
    pub(super) fn note_told(&mut self, marks: &[CutMark]) {
        for mark in marks {
            let noted = self.noted.get(&mark.name);
            if noted.is_some_and(|noted| noted.cut <= mark.cut) {
                self.unsent.remove(&mark.name);
            }
        }
    }

    /// Notes that one of it is to be told again.
    pub(super) fn tell_again(&mut self, name: MarkName) {
        if self.noted.contains_key(&name) {
            self.unsent.insert(name);
        }
    }

    /// Notes that all of it is to be told again.
    pub(super) fn forget_told(&mut self) {
        self.unsent = self.noted.keys().copied().collect();
    }

    pub(super) fn len(&self) -> usize {
        self.noted.len()
    }

    /// The table for requests, with all marks.
    pub(super) fn slots(&self) -> Slots {
        let slots = Slots::with_room(self.noted.len());
        for (&name, noted) in &self.noted {
            enter(&slots, name, noted.cut);
        }
        slots
    }
}

impl Until {
    fn later(self, other: Self) -> Self {
        Self {
            wall: self.wall.max(other.wall),
            mono: self.mono.max(other.mono),
        }
    }

    fn is_over(self, now: Now) -> bool {
        whole_seconds(now.wall) >= self.wall && now.mono >= self.mono
    }
}

/// The latest second that a replica whose clock is about right can have written into a mark by now.
pub(super) fn latest_cut(now: Now) -> u32 {
    whole_seconds(now.wall.saturating_add(CLOCKS_DIFFER))
}

/// How far the wall clock is ahead of the monotonic one.
fn offset(now: Now) -> Duration {
    now.wall.saturating_sub(now.mono)
}

/// Enters a mark into the table for requests.
pub(super) fn enter(slots: &Slots, name: MarkName, cut: u32) {
    use std::sync::atomic::Ordering::Release;

    match name.kind() {
        // A sign-out everywhere refuses no session: that there is one is found without a lock.
        MarkKind::User | MarkKind::Everywhere => slots.put(name.key(), cut),
        MarkKind::SignOut | MarkKind::EverywhereConfirmed | MarkKind::SignedInAgain => {}
        MarkKind::Session => slots.put(name.key(), ALWAYS),
        MarkKind::Tenant => {
            slots.put(name.key(), cut);
            slots.tenants.fetch_max(cut, Release);
        }
        MarkKind::Everybody => {
            slots.everybody.fetch_max(cut, Release);
        }
    }
}
