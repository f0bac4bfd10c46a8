//! Sign-outs everywhere, among the marks.

use std::sync::atomic::Ordering::Acquire;

use super::RevocationView;
use crate::{
    clock::{Now, whole_seconds},
    ids::UserId,
    metrics::{self, counter},
    revocation::{
        everywhere::{EverywhereCut, EverywhereSignOut},
        mark::{CutMark, MarkName},
    },
};

impl RevocationView {
    /// The sign-out everywhere of a user, if there was one of late.
    #[inline]
    pub(crate) fn everywhere(&self, user: &UserId) -> Option<EverywhereSignOut> {
        (self.everywhere.load(Acquire) != 0)
            .then(|| self.find_everywhere(user))
            .flatten()
    }

    fn find_everywhere(&self, user: &UserId) -> Option<EverywhereSignOut> {
        let name = MarkName::everywhere(user).ok()?;
        let over = MarkName::everywhere_over(user).ok()?;
        let marks = self.marks();
        let cut = marks.cut(name)?;
        Some(if marks.cut(over) >= Some(cut) {
            EverywhereSignOut::Over
        } else {
            EverywhereSignOut::Pending(EverywhereCut(cut))
        })
    }

    /// Notes that a user signs out everywhere. Returns the mark that other replicas are to be told.
    pub(crate) fn begin_everywhere(&self, user: &UserId, now: Now) -> Option<CutMark> {
        let name = MarkName::everywhere(user).ok()?;
        let over = MarkName::everywhere_over(user).ok()?;
        let over = self.marks().cut(over).unwrap_or_default();
        // It is another one than that which has ended in the same second.
        let cut = whole_seconds(now.wall).max(over.saturating_add(1));
        Some(self.note_one(CutMark { name, cut }, now))
    }

    /// Notes that a user's sign-out everywhere is over. Returns the mark that other replicas are to be told.
    pub(crate) fn end_everywhere(&self, user: &UserId, now: Now) -> Option<CutMark> {
        let Some(EverywhereSignOut::Pending(cut)) = self.everywhere(user) else {
            return None;
        };
        let name = MarkName::everywhere_over(user).ok()?;
        // The clock of whoever has signed out may be ahead.
        let cut = cut.0.max(whole_seconds(now.wall));
        Some(self.note_one(CutMark { name, cut }, now))
    }

    fn note_one(&self, mark: CutMark, now: Now) -> CutMark {
        self.note([mark], self.source.get().is_none(), now);
        metrics::count(counter::REVOCATION_MARKS, mark.name.kind().label());
        mark
    }
}
