//! Sign-outs everywhere that Descope has not confirmed, at whichever replica: until it has, no replica
//! renews an older session of the user, since Descope would.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::handle::Descope;
use crate::{
    clock::system_time,
    error::Error,
    ids::UserId,
    revocation::{CutMark, EverywhereCut, EverywhereSignOut, RevocationView},
    session::Session,
};

/// One sign-out everywhere, until Descope has confirmed it.
pub(super) struct SignOutEverywhere {
    descope: Descope,
    user: UserId,
    /// When it began, where other replicas know of it.
    cut: Option<EverywhereCut>,
    tried: AtomicBool,
    settled: AtomicBool,
}

impl SignOutEverywhere {
    /// Returns `true` if it is to be sent to Descope by this try; else only this session may still be ended.
    pub(super) fn begin_try(&self) -> bool {
        let queue = &self.descope.inner.queue;
        let view = self.descope.marks();
        let standing = self
            .cut
            .and_then(|cut| view?.everywhere_of(&self.user, cut));
        match standing {
            Some(EverywhereSignOut::SignedInAgain) => queue.end_everywhere(&self.user),
            // By what another replica has sent.
            Some(EverywhereSignOut::Confirmed) => self.confirmed(),
            Some(EverywhereSignOut::Pending(_)) | None => {}
        }
        let is_pending = queue.is_signing_out_everywhere(&self.user);
        let is_first = !self.tried.swap(true, Relaxed);
        if is_pending && !is_first && self.cut.is_some() {
            let now = self.descope.now();
            let keep = |view: &RevocationView| view.keep_everywhere(&self.user, now);
            self.descope.tell_of(keep);
        }
        is_pending
    }

    /// Notes how a try ended that has sent it.
    pub(super) fn end_try(&self, result: &Result<(), Error>) {
        match result {
            Ok(()) => self.confirmed(),
            Err(error) => self.failed(error),
        }
    }

    /// Notes why it was not sent, or not confirmed.
    pub(super) fn failed(&self, error: &Error) {
        // The session had ended before, and can end no others. What other replicas were told stands: the user
        // wants to be signed out.
        if error.upstream_verdict().is_refusal() && !self.settled.swap(true, Relaxed) {
            self.descope.inner.queue.give_up_everywhere(&self.user);
        }
    }

    fn confirmed(&self) {
        if self.settled.swap(true, Relaxed) {
            return;
        }
        let now = self.descope.now();
        self.descope.inner.queue.signed_out_everywhere(&self.user);
        if let Some(cut) = self.cut {
            let confirm = |view: &RevocationView| view.confirm_everywhere(&self.user, cut, now);
            self.descope.tell_of(confirm);
        }
    }
}

impl Descope {
    /// Notes that a user signs out everywhere, here and, where that is shared, for other replicas. The mark is
    /// to be told them.
    pub(super) fn begin_everywhere(&self, user: &UserId) -> (SignOutEverywhere, Option<CutMark>) {
        self.inner.queue.sign_out_everywhere(user);
        let view = self.marks().filter(|_| self.sharing().is_some());
        let began = view.and_then(|view| view.begin_everywhere(user, self.now()));
        let (cut, mark) = began.unzip();
        let task = SignOutEverywhere {
            descope: self.clone(),
            user: user.clone(),
            cut,
            tried: AtomicBool::new(false),
            settled: AtomicBool::new(false),
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
