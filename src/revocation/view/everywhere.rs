//! Sign-outs everywhere, among the marks.

use std::sync::atomic::Ordering::Acquire;

use super::RevocationView;
use crate::{
    clock::{Now, whole_seconds},
    ids::UserId,
    metrics::{self, counter},
    revocation::{
        everywhere::{BegunEverywhere, EverywhereCut, EverywhereSignOut},
        mark::{CutMark, MarkName, Subject},
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

    /// The sign-out everywhere of a user, if there was one of late.
    pub(crate) fn everywhere(&self, user: &UserId) -> Option<EverywhereSignOut> {
        if self.everywhere.load(Acquire) == 0 {
            return None;
        }
        let began = MarkName::everywhere(user).ok()?;
        let confirmed = MarkName::everywhere_confirmed(user).ok()?;
        let signed_in = MarkName::signed_in_again(user).ok()?;
        let marks = self.marks();
        let cut = marks.cut(began)?;
        Some(if marks.cut(signed_in) >= Some(cut) {
            EverywhereSignOut::SignedInAgain
        } else if marks.cut(confirmed) >= Some(cut) {
            EverywhereSignOut::Confirmed
        } else {
            EverywhereSignOut::Pending(EverywhereCut(cut))
        })
    }

    /// Notes that a user signs out everywhere. Returns the mark that other replicas are to be told, too.
    pub(crate) fn begin_everywhere(
        &self,
        user: &UserId,
        now: Now,
    ) -> Option<(BegunEverywhere, CutMark)> {
        let before = self.everywhere(user);
        let name = MarkName::everywhere(user).ok()?;
        let ends = [
            MarkName::everywhere_confirmed(user).ok()?,
            MarkName::signed_in_again(user).ok()?,
        ];
        let marks = self.marks();
        let ended = ends.map(|name| marks.cut(name).unwrap_or_default());
        drop(marks);
        // It is another one than that which has ended in the same second.
        let cut = ended
            .into_iter()
            .fold(whole_seconds(now.wall), |cut, ended| {
                cut.max(ended.saturating_add(1))
            });
        let begun = BegunEverywhere {
            cut: EverywhereCut(cut),
            beside_another: matches!(before, Some(EverywhereSignOut::Pending(_))),
        };
        Some((begun, self.note_one(CutMark { name, cut }, now)))
    }

    /// Notes once more that one is pending, so that it is not forgotten. Returns the mark that other replicas
    /// are to be told.
    pub(crate) fn keep_everywhere(
        &self,
        user: &UserId,
        cut: EverywhereCut,
        now: Now,
    ) -> Option<CutMark> {
        let name = MarkName::everywhere(user).ok()?;
        Some(self.note_one(CutMark { name, cut: cut.0 }, now))
    }

    /// Notes that Descope has confirmed one, whichever came after it. Returns the mark, likewise.
    pub(crate) fn confirm_everywhere(
        &self,
        user: &UserId,
        cut: EverywhereCut,
        now: Now,
    ) -> Option<CutMark> {
        let name = MarkName::everywhere_confirmed(user).ok()?;
        Some(self.note_one(CutMark { name, cut: cut.0 }, now))
    }

    /// Notes that a user has signed in since. Returns the mark, likewise.
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
        metrics::count(counter::REVOCATION_MARKS, mark.name.kind().label());
        mark
    }
}
