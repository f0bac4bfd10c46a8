//! How sure it is that all marks are known.

use std::{
    sync::atomic::Ordering::{Acquire, Release},
    time::Duration,
};

use super::RevocationView;
use crate::{
    clock::Now,
    metrics::{self, counter},
    revocation::heard::nanoseconds,
};

impl RevocationView {
    /// Notes that all marks are known that were made up to some time before `asked`: so much before.
    pub(crate) fn note_heard(&self, asked: Now, before: Duration) {
        let written = asked.mono.saturating_sub(before);
        let mut heard = self.heard();
        // Answers may come in another order than they were asked for.
        heard.at = heard.at.max(Some(written));
        drop(heard);
        self.refresh(asked);
    }

    /// Sets until when it is sure that no mark is missing.
    pub(super) fn refresh(&self, now: Now) {
        // Until the end, so that a mark that is found to be missing meanwhile is not forgotten.
        let marks = self.marks();
        let until = match (marks.is_lacking(now), self.source.get()) {
            (true, _) => 0,
            (false, None) => u64::MAX,
            (false, Some(_)) => {
                let heard = self.heard().at;
                let until = heard.map(|at| at.saturating_add(self.settings.relied_on()));
                until.map_or(0, |until| nanoseconds(until).saturating_add(1))
            }
        };
        self.fresh_before.store(until, Release);
        drop(marks);
    }

    /// Past the time until when it was sure: `true` where that refuses everybody. Sees to it that other
    /// replicas' marks are asked for.
    #[cold]
    pub(super) fn is_unsure(&self, now: &Now) -> bool {
        self.keep_listening();
        self.refresh(*now);
        if self.is_fresh(now) {
            return false;
        }
        self.say_stale(now);
        let outcome = if self.settings.is_strict {
            "refused"
        } else {
            "served"
        };
        metrics::count(counter::REVOCATION_UNSURE, outcome);
        self.settings.is_strict
    }

    fn say_stale(&self, now: &Now) {
        let is_lacking = self.marks().is_lacking(*now);
        // A process that has just begun knows nothing yet, and nothing is wrong with that.
        let begins = !is_lacking && self.heard().is_beginning(now, self.settings.relied_on());
        if begins || !self.stale_error.is_due(now) {
            return;
        }
        let served = !self.settings.is_strict;
        if is_lacking {
            tracing::error!(
                served,
                "more revocation marks than `max_marks` allows: some are missing here, so that it is \
                 unknown which sessions are refused; raise it"
            );
        } else {
            tracing::error!(
                served,
                "other replicas' revocation marks cannot be learned of: the shared state does not \
                 answer, so that it is unknown which sessions are refused"
            );
        }
    }

    pub(super) fn is_fresh(&self, now: &Now) -> bool {
        nanoseconds(now.mono) < self.fresh_before.load(Acquire)
    }

    /// How long ago the newest news of other replicas were written.
    pub(super) fn age(&self, now: &Now) -> Option<Duration> {
        let heard = self.heard().at;
        heard.map(|at| now.mono.saturating_sub(at))
    }
}
