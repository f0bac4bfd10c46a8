//! The log of marks in memory. Pure.

use std::time::Duration;

use crate::{
    revocation::CutMark,
    shared::log::{BEAT, LogPage, LogPosition, PAGE},
};

#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    since: Option<Duration>,
    beat: Duration,
    number: u64,
    entries: Vec<(LogPosition, Vec<CutMark>)>,
}

impl Log {
    pub(super) fn append(&mut self, marks: &[CutMark], keep: Duration, now: Duration) {
        self.since.get_or_insert(now);
        self.number += 1;
        let position = LogPosition {
            at: millis(now),
            number: self.number,
        };
        self.entries.push((position, marks.to_vec()));
        let oldest = millis(now.saturating_sub(keep));
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
        let oldest = millis(now.saturating_sub(keep));
        let is_wanted = |position: &LogPosition| match after {
            Some(after) => position.number > after.number && position.at >= after.at,
            None => position.at >= oldest,
        };
        let entries = self.entries.iter();
        let wanted = entries.filter(|(position, _)| is_wanted(position));
        LogPage {
            // Unlike before the loss, should that have been in the same millisecond.
            since: millis(since) + losses,
            // Before the first loss it has been made for these replicas alone.
            age: if losses == 0 {
                Duration::MAX
            } else {
                now.saturating_sub(since)
            },
            written: now.saturating_sub(self.beat),
            newest: self.number,
            entries: wanted.take(PAGE).cloned().collect(),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
