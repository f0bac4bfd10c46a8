use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::clock::Now;

/// Until when a key serves without more ado: for as long as the set that it is in is fresh.
///
/// Whoever replaces the set writes it, so that what was verified with a key before needs one look
/// at the key, and none for it among the others. Two clocks, which are read and written one after
/// the other: whoever comes in between sees an end of before beside one of after, and the earlier
/// one counts.
#[derive(Debug, Default)]
pub(super) struct Term {
    wall: AtomicU64,
    mono: AtomicU64,
}

impl Term {
    pub(super) fn set(&self, end: &Now) {
        self.wall.store(nanos(end.wall), Relaxed);
        self.mono.store(nanos(end.mono), Relaxed);
    }

    /// For good.
    pub(super) fn end(&self) {
        self.wall.store(0, Relaxed);
        self.mono.store(0, Relaxed);
    }

    #[inline]
    pub(super) fn lasts(&self, now: &Now) -> bool {
        nanos(now.wall) < self.wall.load(Relaxed) && nanos(now.mono) < self.mono.load(Relaxed)
    }
}

/// As far as they go: to the year 2554, where the caller has to ask for the key by its name.
#[inline]
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: u64, mono: u64) -> Now {
        Now {
            wall: Duration::from_nanos(wall),
            mono: Duration::from_nanos(mono),
        }
    }

    #[test]
    fn a_term_ends_where_the_first_of_its_clocks_says() {
        let term = Term::default();
        assert!(!term.lasts(&at(0, 0)), "it has not begun");
        term.set(&at(10, 20));
        assert!(term.lasts(&at(0, 0)) && term.lasts(&at(9, 19)));
        assert!(!term.lasts(&at(10, 19)) && !term.lasts(&at(9, 20)));
        term.set(&at(30, 40));
        assert!(term.lasts(&at(29, 39)), "it was prolonged");
        term.end();
        assert!(!term.lasts(&at(0, 0)));
    }

    #[test]
    fn a_term_without_end_lasts_as_long_as_a_clock_can_tell() {
        let term = Term::default();
        term.set(&Now::NEVER);
        let last = u64::MAX - 1;
        assert!(term.lasts(&at(last, last)));
        assert!(!term.lasts(&Now::NEVER));
    }
}
