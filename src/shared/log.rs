//! The log of revocation marks, which all replicas write and read. Pure.

use std::time::Duration;

use crate::revocation::CutMark;

/// How many entries are read at once.
pub(crate) const PAGE: usize = 1_000;

/// How many marks are one entry at most.
pub(crate) const ENTRY: usize = 500;

/// How long nothing was written when a reader writes that it was there: what is read proves that the
/// store takes writes, and so that no mark is missing that was made before.
pub(super) const BEAT: Duration = Duration::from_millis(200);

/// How long a log that has just begun is not relied on: marks that were lost are told again meanwhile.
const SETTLING: Duration = Duration::from_millis(600);

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
    /// How long ago that is.
    pub(crate) age: Duration,
    /// How long ago somebody wrote last, were it only that they were there.
    pub(crate) written: Duration,
    /// The number of the newest entry there is, of whatever age; 0 before the first.
    pub(crate) newest: u64,
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
    /// All has been read, and the log is so young that some may be missing from it.
    Settling,
}

impl LogReader {
    /// After which entry to read on; `None` for all.
    pub(super) fn position(&self) -> Option<LogPosition> {
        self.position
    }

    /// Goes on by a page.
    pub(super) fn advance(&mut self, page: &LogPage) -> Progress {
        let is_same = self.since.is_none_or(|since| since == page.since);
        let follows = match (self.position, page.entries.first()) {
            (None, _) => true,
            (Some(read), Some((next, _))) => next.number == read.number + 1,
            // Without a new entry the newest is the one that was read.
            (Some(read), None) => page.newest == read.number,
        };
        if !(is_same && follows) {
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
        } else if page.age < SETTLING {
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
            entries,
        }
    }

    const WHOLE: Progress = Progress::Whole {
        before: Duration::from_millis(150),
    };

    #[test]
    fn the_log_is_read_on_from_where_it_was_left() {
        let mut reader = LogReader::default();
        // The beginning may be gone, since marks are not kept for ever.
        assert_eq!(reader.advance(&page(1, 7..=9)), WHOLE);
        assert_eq!(reader.position().map(|it| it.number), Some(9));
        let nothing = LogPage {
            newest: 9,
            ..page(1, [])
        };
        assert_eq!(reader.advance(&nothing), WHOLE);
        assert_eq!(reader.advance(&page(1, 10..=10)), WHOLE);
        assert_eq!(reader.advance(&page(1, 11..1_011)), Progress::More);
    }

    #[test]
    fn a_log_that_lost_its_end_or_all_is_read_anew() {
        let read = || {
            let mut reader = LogReader::default();
            reader.advance(&page(1, 1..=9));
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
        for lost in [emptied, shortened, rewritten, page(2, [10]), page(1, [11])] {
            let mut reader = read();
            assert_eq!(reader.advance(&lost), Progress::Lost, "{lost:?}");
            assert_eq!(reader.position(), None);
            // Then from the beginning.
            assert_eq!(reader.advance(&lost), WHOLE);
        }
    }

    #[test]
    fn a_young_log_is_not_relied_on() {
        let young = LogPage {
            age: Duration::from_millis(500),
            ..page(1, [1])
        };
        assert_eq!(LogReader::default().advance(&young), Progress::Settling);
    }
}
