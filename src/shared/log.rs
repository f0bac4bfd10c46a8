//! The log of revocation marks, which all replicas write and read. Pure.

use std::time::Duration;

use crate::revocation::CutMark;

/// How many entries are read at once.
pub(crate) const PAGE: usize = 1_000;

/// How many marks are one entry at most: a page of these is to fit into an answer of the store.
#[cfg(any(feature = "redis", test))]
pub(super) const ENTRY: usize = 40;

/// How many marks are told at once.
pub(super) const TOLD: usize = 500;

/// How long nothing was written when a reader writes that it was there: what is read proves that the
/// store takes writes, and so that no mark is missing that was made before.
pub(super) const BEAT: Duration = Duration::from_millis(100);

/// For how many looks at the log at most a replica lets others tell first what was lost.
pub(super) const HOLD: u8 = 3;

/// How much longer than these looks take a log is not relied on that was lost or interrupted: until the
/// others have connected again and told what they know.
const SETTLING: Duration = Duration::from_millis(500);

/// The times of the log, which all replicas have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogTimes {
    /// How long entries are kept.
    pub(crate) keep: Duration,
    /// After how long without a write the log was interrupted: marks may have been made meanwhile that
    /// could not be told.
    pub(crate) quiet: Duration,
    /// For how long a log that has begun, or was interrupted, is not relied on.
    pub(super) settle: Duration,
}

impl LogTimes {
    /// Of replicas that look at the log once each `tick`, and rely on what they have heard for
    /// `stale_after`.
    pub(super) fn new(keep: Duration, tick: Duration, stale_after: Duration) -> Self {
        Self {
            keep,
            // What was told in vain is told again at the next look, and read at the one after: together
            // they stay below `stale_after`, which is five ticks at least.
            quiet: stale_after / 2,
            settle: (tick * u32::from(HOLD)).saturating_add(SETTLING),
        }
    }
}

/// The place of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogPosition {
    /// When it was written, in milliseconds of the store's clock.
    pub(crate) at: u64,
    /// Entries are numbered without a gap.
    pub(crate) number: u64,
}

/// A part of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogPage {
    /// Since when the log is remembered, in milliseconds of the store's clock: another number after a
    /// loss of memory.
    pub(crate) since: u64,
    /// How long ago that is, or since when it goes on without an interruption, if that is shorter.
    pub(crate) age: Duration,
    /// How long ago somebody wrote last, were it only that they were there.
    pub(crate) written: Duration,
    /// The number of the newest entry there is, of whatever age; 0 before the first.
    pub(crate) newest: u64,
    /// False if the entry after which was asked is none of the log's: not for its age, but since it was
    /// lost.
    pub(crate) continues: bool,
    /// The entries, [`PAGE`] at most.
    pub(crate) entries: Vec<(LogPosition, Vec<CutMark>)>,
}

/// How far a replica has read.
#[derive(Debug, Default)]
pub(super) struct LogReader {
    since: Option<u64>,
    position: Option<LogPosition>,
    /// How often the log is yet to be read before what was lost is told again. Each replica waits for
    /// another while, so that what one has told the others need not tell.
    pub(super) hold: u8,
}

/// The progress that a page brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The store has lost entries: all is to be read, and told, anew.
    Lost,
    /// There are more entries.
    More,
    /// All that was written until so long ago has been read.
    Whole { before: Duration },
    /// All has been read, and the log is so young, or goes on for so short a time, that some may be
    /// missing from it.
    Settling,
}

impl LogReader {
    /// Returns `true` if it has read nothing yet.
    pub(super) fn is_new(&self) -> bool {
        self.since.is_none()
    }

    /// After which entry to read on; `None` for all.
    pub(super) fn position(&self) -> Option<LogPosition> {
        self.position
    }

    /// Goes on by a page.
    pub(super) fn advance(&mut self, page: &LogPage, times: LogTimes) -> Progress {
        let is_same = self.since.is_none_or(|since| since == page.since);
        let follows = match (self.position, page.entries.first()) {
            (None, _) => true,
            (Some(read), Some((next, _))) => next.number == read.number + 1,
            // Without a new entry the newest is the one that was read.
            (Some(read), None) => page.newest == read.number,
        };
        if !(is_same && follows && page.continues) {
            *self = Self {
                since: Some(page.since),
                ..Self::default()
            };
            return Progress::Lost;
        }
        self.since = Some(page.since);
        if let Some((last, _)) = page.entries.last() {
            self.position = Some(*last);
        }
        if page.entries.len() >= PAGE {
            Progress::More
        } else if page.age < times.settle {
            Progress::Settling
        } else {
            Progress::Whole {
                before: page.written,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(since: u64, numbers: impl IntoIterator<Item = u64>) -> LogPage {
        let entries: Vec<_> = numbers
            .into_iter()
            .map(|number| (LogPosition { at: 5, number }, Vec::new()))
            .collect();
        LogPage {
            since,
            age: Duration::from_secs(60),
            written: Duration::from_millis(150),
            newest: entries.last().map_or(0, |(last, _)| last.number),
            continues: true,
            entries,
        }
    }

    fn times() -> LogTimes {
        let (tick, second) = (Duration::from_millis(200), Duration::from_secs(1));
        LogTimes::new(Duration::from_secs(3_600), tick, second)
    }

    const WHOLE: Progress = Progress::Whole {
        before: Duration::from_millis(150),
    };

    #[test]
    fn the_log_is_read_on_from_where_it_was_left() {
        let mut reader = LogReader::default();
        // The beginning may be gone, since marks are not kept for ever.
        assert_eq!(reader.advance(&page(1, 7..=9), times()), WHOLE);
        assert_eq!(reader.position().map(|it| it.number), Some(9));
        let nothing = LogPage {
            newest: 9,
            ..page(1, [])
        };
        assert_eq!(reader.advance(&nothing, times()), WHOLE);
        assert_eq!(reader.advance(&page(1, 10..=10), times()), WHOLE);
        assert_eq!(reader.advance(&page(1, 11..1_011), times()), Progress::More);
    }

    #[test]
    fn a_log_that_lost_its_end_or_all_is_read_anew() {
        let read = || {
            let mut reader = LogReader::default();
            reader.advance(&page(1, 1..=9), times());
            reader
        };
        let emptied = LogPage {
            newest: 0,
            ..page(1, [])
        };
        let shortened = LogPage {
            newest: 8,
            ..page(1, [])
        };
        // Others have written on where it had been cut off.
        let rewritten = page(1, [9]);
        // As many as were lost, so that the numbers fit.
        let replaced = LogPage {
            continues: false,
            ..page(1, [10])
        };
        let others = [page(2, [10]), page(1, [11])];
        for lost in [emptied, shortened, rewritten, replaced]
            .into_iter()
            .chain(others)
        {
            let mut reader = read();
            assert_eq!(reader.advance(&lost, times()), Progress::Lost, "{lost:?}");
            assert_eq!(reader.position(), None);
            // Then from the beginning.
            let all = LogPage {
                continues: true,
                ..lost
            };
            assert_eq!(reader.advance(&all, times()), WHOLE);
        }
    }

    #[test]
    fn a_young_log_is_not_relied_on_until_others_have_told_what_they_know() {
        let of_age = |millis| LogPage {
            age: Duration::from_millis(millis),
            ..page(1, [1])
        };
        let after = |millis| LogReader::default().advance(&of_age(millis), times());
        // Three looks of 200 ms, and half a second.
        assert_eq!(after(1_099), Progress::Settling);
        assert_eq!(after(1_100), WHOLE);
    }
}
