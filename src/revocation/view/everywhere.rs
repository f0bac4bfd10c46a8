//! Sign-outs everywhere, among the marks.

use std::sync::atomic::Ordering::Acquire;

use super::RevocationView;
use crate::{
    clock::{Now, whole_seconds},
    ids::UserId,
    metrics::{self, counter},
    revocation::{
        everywhere::{EverywhereBegun, EverywhereCut, EverywhereSignOut},
        mark::{CutMark, MarkName, Subject},
        marks::latest_cut,
    },
};

impl RevocationView {
    /// Returns `false` if the user of a session has not signed out everywhere of late, as nearly all have
    /// not. Without a lock: each request with a session asks.
    #[inline]
    pub(crate) fn may_be_out_everywhere(&self, subject: &impl Subject) -> bool {
        self.everywhere.load(Acquire) != 0
            && self.slots.load().may_cut(subject.keys().everywhere(), None)
    }

    /// The newest sign-out everywhere of a user, if there was one of late.
    pub(crate) fn everywhere(&self, user: &UserId) -> Option<EverywhereSignOut> {
        if self.everywhere.load(Acquire) == 0 {
            return None;
        }
        self.everywhere_of(user, self.newest_everywhere(user)?)
    }

    /// When the newest one began.
    pub(crate) fn newest_everywhere(&self, user: &UserId) -> Option<EverywhereCut> {
        let cut = self.marks().cut(MarkName::everywhere(user).ok()?);
        cut.map(EverywhereCut)
    }

    /// The standing of a sign-out everywhere.
    pub(crate) fn everywhere_of(
        &self,
        user: &UserId,
        cut: EverywhereCut,
    ) -> Option<EverywhereSignOut> {
        let confirmed = MarkName::everywhere_confirmed(user).ok()?;
        let signed_in = MarkName::signed_in_again(user).ok()?;
        let marks = self.marks();
        Some(if marks.cut(signed_in) >= Some(cut.0) {
            EverywhereSignOut::SignedInAgain
        } else if marks.cut(confirmed) >= Some(cut.0) {
            EverywhereSignOut::Confirmed
        } else {
            EverywhereSignOut::Pending(cut)
        })
    }

    /// Notes that a user signs out everywhere. Returns the mark that other replicas are to be told, too.
    pub(crate) fn begin_everywhere(
        &self,
        user: &UserId,
        now: Now,
    ) -> Option<(EverywhereBegun, CutMark)> {
        let name = MarkName::everywhere(user).ok()?;
        let ends = [
            MarkName::everywhere_confirmed(user).ok()?,
            MarkName::signed_in_again(user).ok()?,
        ];
        let marks = self.marks();
        let before = marks.cut(name);
        let ends = ends.map(|name| marks.cut(name));
        drop(marks);
        let others = ends.into_iter().chain([before]).flatten();
        // It is another one than those before it, also than one of the same second.
        let cut = others
            .map(|cut| cut.saturating_add(1))
            .fold(whole_seconds(now.wall), u32::max)
            .min(latest_cut(now));
        let mark = self.note_one(CutMark { name, cut }, now);
        metrics::count(counter::REVOCATION_MARKS, name.kind().label());
        let begun = EverywhereBegun {
            cut: EverywhereCut(cut),
            before: before.map(EverywhereCut),
        };
        Some((begun, mark))
    }

    /// Notes once more that one is pending, so that no replica forgets it. Returns the mark.
    pub(crate) fn keep_everywhere(
        &self,
        user: &UserId,
        cut: EverywhereCut,
        now: Now,
    ) -> Option<CutMark> {
        let name = MarkName::everywhere(user).ok()?;
        // As it is known by now: a clock that was ahead may have been set back since.
        let cut = self.marks().cut(name).unwrap_or(cut.0);
        let mark = self.note_one(CutMark { name, cut }, now);
        self.marks().tell_again(name);
        Some(mark)
    }

    /// Notes that Descope has confirmed one, whichever came after it. Returns the mark.
    pub(crate) fn confirm_everywhere(
        &self,
        user: &UserId,
        cut: EverywhereCut,
        now: Now,
    ) -> Option<CutMark> {
        let name = MarkName::everywhere_confirmed(user).ok()?;
        Some(self.note_one(CutMark { name, cut: cut.0 }, now))
    }

    /// Notes that a user has signed in since one. Returns the mark.
    pub(crate) fn sign_in_again(
        &self,
        user: &UserId,
        since: EverywhereCut,
        now: Now,
    ) -> Option<CutMark> {
        let name = MarkName::signed_in_again(user).ok()?;
        Some(self.note_one(CutMark { name, cut: since.0 }, now))
    }

    fn note_one(&self, mark: CutMark, now: Now) -> CutMark {
        self.note([mark], self.source.get().is_none(), now);
        mark
    }
}
