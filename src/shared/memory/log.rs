//! The log of marks in memory. Pure.

use std::time::Duration;

use crate::{
    revocation::CutMark,
    shared::log::{BEAT, LogPage, LogPosition, PAGE},
};

#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    since: Option<Duration>,
    /// When somebody could reach it again for whom it was away.
    resumed: Option<Duration>,
    beat: Duration,
    number: u64,
    entries: Vec<(LogPosition, Vec<CutMark>)>,
}

impl Log {
    pub(super) fn note_interruption(&mut self, now: Duration) {
        self.resumed = Some(now);
    }

    pub(super) fn append(&mut self, marks: &[CutMark], keep: Duration, now: Duration) {
        self.since.get_or_insert(now);
        self.beat = now;
        self.number += 1;
        let position = LogPosition {
            at: millis(now),
            number: self.number,
        };
        self.entries.push((position, marks.to_vec()));
        let oldest = oldest(keep, now);
        self.entries.retain(|(position, _)| position.at >= oldest);
    }

    pub(super) fn read(
        &mut self,
        after: Option<LogPosition>,
        keep: Duration,
        now: Duration,
        losses: u64,
    ) -> LogPage {
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(self.beat) >= BEAT {
            self.beat = now;
        }
        let oldest = oldest(keep, now);
        let is_wanted = |position: &LogPosition| match after {
            Some(after) => position.number > after.number,
            None => position.at >= oldest,
        };
        let is_there = |after| self.entries.iter().any(|(position, _)| *position == after);
        let entries = self.entries.iter();
        let wanted = entries.filter(|(position, _)| is_wanted(position));
        // Before the first loss it has been made for these replicas alone.
        let began = (losses > 0).then_some(since).max(self.resumed);
        LogPage {
            // Unlike before the loss, should that have been in the same millisecond.
            since: millis(since) + losses,
            age: began.map_or(Duration::MAX, |began| now.saturating_sub(began)),
            written: now.saturating_sub(self.beat),
            newest: self.number,
            continues: after.is_none_or(|after| after.at < oldest || is_there(after)),
            entries: wanted.take(PAGE).cloned().collect(),
        }
    }
}

fn oldest(keep: Duration, now: Duration) -> u64 {
    millis(now.saturating_sub(keep))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
