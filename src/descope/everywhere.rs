//! Sign-outs everywhere that Descope has not confirmed, at whichever replica: until it has, no replica
//! renews an older session of the user, since Descope would.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use super::handle::Descope;
use crate::{
    clock::system_time,
    error::Error,
    ids::UserId,
    revocation::{CutMark, EverywhereBegun, EverywhereCut, EverywhereSignOut, RevocationView},
    session::Session,
};

/// One sign-out everywhere, until Descope has confirmed it.
pub(super) struct SignOutEverywhere {
    descope: Descope,
    user: UserId,
    /// Its number here; `None` where too many users sign out.
    number: Option<u64>,
    /// When it began, where other replicas know of it.
    begun: Option<EverywhereBegun>,
    tried: AtomicBool,
    /// The newest one that other replicas knew of when it was sent last: a confirmation is about that, too.
    sent_beside: AtomicU32,
}

impl SignOutEverywhere {
    /// Returns `true` if it is to be sent to Descope by this try; else only this session may still be ended.
    pub(super) fn begin_try(&self) -> bool {
        let Some(number) = self.number else {
            return false;
        };
        let queue = &self.descope.inner.queue;
        match self.begun.and_then(|begun| self.standing(begun.cut)) {
            Some(EverywhereSignOut::SignedInAgain) => {
                queue.end_everywhere_up_to(&self.user, number);
            }
            // By what another replica has sent.
            Some(EverywhereSignOut::Confirmed) => queue.signed_out_everywhere(&self.user, number),
            Some(EverywhereSignOut::Pending(_)) | None => {}
        }
        let is_pending = queue.is_signing_out_everywhere(&self.user, number);
        let is_first = !self.tried.swap(true, Relaxed);
        if let Some(begun) = self.begun.filter(|_| is_pending) {
            let view = self.descope.marks();
            let newest = view.and_then(|view| view.newest_everywhere(&self.user));
            let beside = newest.unwrap_or(begun.cut).max(begun.cut);
            self.sent_beside.store(beside.second(), Relaxed);
            if !is_first {
                let now = self.descope.now();
                self.descope
                    .tell_of(|view| view.keep_everywhere(&self.user, begun.cut, now));
            }
        }
        is_pending
    }

    /// Notes how a try ended that has sent it.
    pub(super) fn end_try(&self, result: &Result<(), Error>) {
        match (result, self.number) {
            (Ok(()), Some(number)) => {
                let queue = &self.descope.inner.queue;
                queue.signed_out_everywhere(&self.user, number);
                if self.begun.is_some() {
                    self.end_for_replicas(EverywhereCut::of(self.sent_beside.load(Relaxed)));
                }
            }
            (Err(error), _) => self.failed(error),
            (Ok(()), None) => {}
        }
    }

    /// Notes why it was not sent, or not confirmed.
    pub(super) fn failed(&self, error: &Error) {
        let Some(number) = self.number else { return };
        if !error.upstream_verdict().is_refusal() {
            return;
        }
        // The session had ended before, and can end no others.
        let queue = &self.descope.inner.queue;
        queue.give_up_everywhere(&self.user, number);
        let Some(begun) = self.begun else { return };
        // Those of before may yet be confirmed.
        let is_alone = begun.before.is_none_or(|before| {
            !matches!(self.standing(before), Some(EverywhereSignOut::Pending(_)))
        });
        if is_alone {
            self.end_for_replicas(begun.cut);
        }
    }

    fn standing(&self, cut: EverywhereCut) -> Option<EverywhereSignOut> {
        self.descope.marks()?.everywhere_of(&self.user, cut)
    }

    fn end_for_replicas(&self, cut: EverywhereCut) {
        // Once: it is noted by the try, and by whoever has waited for that.
        if matches!(self.standing(cut), Some(EverywhereSignOut::Pending(_))) {
            let now = self.descope.now();
            self.descope
                .tell_of(|view| view.confirm_everywhere(&self.user, cut, now));
        }
    }
}

impl Descope {
    /// Notes that a user signs out everywhere, here and, where that is shared, for other replicas. The mark is
    /// to be told them.
    pub(super) fn begin_everywhere(&self, user: &UserId) -> (SignOutEverywhere, Option<CutMark>) {
        let number = self.inner.queue.sign_out_everywhere(user);
        let view = self.marks().filter(|_| self.sharing().is_some());
        let begun = view.and_then(|view| view.begin_everywhere(user, self.now()));
        let (begun, mark) = begun.unzip();
        let task = SignOutEverywhere {
            descope: self.clone(),
            user: user.clone(),
            number,
            begun,
            tried: AtomicBool::new(false),
            sent_beside: AtomicU32::default(),
        };
        (task, mark)
    }

    /// Notes a genuine refresh token of a user, by when it was issued: one of after they signed out
    /// everywhere is a new sign-in's, which a late sign-out must not end. Returns `true` for one of before
    /// that, as far as replicas tell each other of it.
    pub(super) fn note_issued(&self, user: &UserId, issued: Option<f64>) -> bool {
        let out = self.marks().and_then(|view| view.everywhere(user));
        if let Some(EverywhereSignOut::Pending(cut)) = out {
            if cut.is_before(issued) {
                self.signed_in_again(user, cut);
            }
            return cut.covers(issued);
        }
        let issued_at = issued.map(system_time);
        self.inner.queue.note_session(user, issued_at);
        false
    }

    /// The same of a session that a request shows.
    pub(super) fn note_shown(&self, session: &Session) {
        self.note_issued(session.user_id(), session.verified().times.issued);
    }

    /// Notes a session by which a user has signed in here, a moment ago.
    pub(super) fn note_signed_in(&self, session: &Session) {
        let user = session.user_id();
        let out = self.marks().and_then(|view| view.everywhere(user));
        if let Some(EverywhereSignOut::Pending(cut)) = out
            && !cut.covers(session.verified().times.issued)
        {
            self.signed_in_again(user, cut);
        }
    }

    fn signed_in_again(&self, user: &UserId, since: EverywhereCut) {
        self.inner.queue.end_everywhere(user);
        self.tell_of(|view| view.sign_in_again(user, since, self.now()));
    }

    fn tell_of(&self, mark: impl FnOnce(&RevocationView) -> Option<CutMark>) {
        if let Some(view) = self.marks()
            && let Some(mark) = mark(view)
        {
            self.tell_in_background(view, vec![mark]);
        }
    }
}
