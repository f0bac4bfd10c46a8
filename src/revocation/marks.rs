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

/// Between two looks for marks whose time is over.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Marks {
    noted: HashMap<MarkName, Noted>,
    /// Those that do not stand yet where all replicas read them.
    unsent: BTreeSet<MarkName>,
    longest_session: Duration,
    max: usize,
    /// Until when a mark is missing for which there was no room, in seconds since the Unix epoch.
    lacking_until: u32,
    /// On the monotonic clock.
    pruned_at: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Noted {
    cut: u32,
    /// When it was noted here last, on the monotonic clock.
    at: Duration,
    /// In seconds since the Unix epoch.
    until: u32,
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
    pub(super) fn new(longest_session: Duration, max: usize) -> Self {
        Self {
            noted: HashMap::new(),
            unsent: BTreeSet::new(),
            longest_session,
            max,
            lacking_until: 0,
            pruned_at: Duration::ZERO,
        }
    }

    /// Notes a mark: `told` if it was read where all replicas read it.
    pub(super) fn note(&mut self, mark: CutMark, told: bool, now: Now) -> Change {
        // From the cut on: a clock that is ahead must not end it early.
        let began = Duration::from_secs(mark.cut.into()).max(now.wall);
        let until = began
            .saturating_add(self.longest_session)
            .saturating_add(SLACK);
        let until = whole_seconds(until);
        let has_room = self.noted.len() < self.max;
        match self.noted.entry(mark.name) {
            hash_map::Entry::Occupied(mut entry) => {
                let noted = entry.get_mut();
                let is_later = mark.cut > noted.cut && mark.name.kind() != MarkKind::Session;
                noted.until = noted.until.max(until);
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
                self.lacking_until = self.lacking_until.max(until);
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

    /// Returns `true` while a mark is missing for want of room.
    pub(super) fn is_lacking(&self, now: Now) -> bool {
        whole_seconds(now.wall) < self.lacking_until
    }

    /// Forgets the marks whose time is over, from time to time. Returns `true` if there were any.
    pub(super) fn prune(&mut self, now: Now) -> bool {
        if now.mono.saturating_sub(self.pruned_at) < PRUNE_EVERY {
            return false;
        }
        self.pruned_at = now.mono;
        let before = self.noted.len();
        let today = whole_seconds(now.wall);
        self.noted.retain(|_, noted| noted.until > today);
        self.unsent.retain(|name| self.noted.contains_key(name));
        self.noted.len() < before
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

/// Enters a mark into the table for requests.
pub(super) fn enter(slots: &Slots, name: MarkName, cut: u32) {
    use std::sync::atomic::Ordering::Release;

    match name.kind() {
        MarkKind::User => slots.put(name.key(), cut),
        // It refuses nobody.
        MarkKind::SignOut => {}
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
