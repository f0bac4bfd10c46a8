//! Sign-outs everywhere that Descope has not confirmed, at whichever replica: until it has, no replica
//! renews an older session of the user, since Descope would.

use super::handle::Descope;
use crate::{
    clock::system_time,
    error::Error,
    ids::UserId,
    revocation::{BegunEverywhere, CutMark, EverywhereCut, EverywhereSignOut, RevocationView},
    session::Session,
};

impl Descope {
    /// Notes that a user signs out everywhere, here and for other replicas: `None` where those are not
    /// told. The mark is to be told them.
    pub(super) fn begin_everywhere(&self, user: &UserId) -> Option<(BegunEverywhere, CutMark)> {
        self.sharing()?;
        self.marks()?.begin_everywhere(user, self.now())
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

    /// Returns `true` while a user's sign-out everywhere is to be sent to Descope; `began` is when it was
    /// noted for other replicas, which are told once more that it is pending.
    pub(super) fn is_signing_out_everywhere(
        &self,
        user: &UserId,
        began: Option<BegunEverywhere>,
    ) -> bool {
        let queue = &self.inner.queue;
        let out = self.marks().and_then(|view| view.everywhere(user));
        if began.is_some() && out == Some(EverywhereSignOut::SignedInAgain) {
            queue.end_everywhere(user);
        }
        let is_pending = queue.is_signing_out_everywhere(user);
        if let Some(began) = began.filter(|_| is_pending) {
            self.tell_of(|view| view.keep_everywhere(user, began.cut, self.now()));
        }
        is_pending
    }

    /// Notes how a sign-out everywhere ended at Descope, if that is settled.
    pub(super) fn note_everywhere(
        &self,
        user: &UserId,
        began: Option<BegunEverywhere>,
        result: &Result<(), Error>,
    ) {
        let queue = &self.inner.queue;
        let is_over = match result {
            Ok(()) => {
                queue.signed_out_everywhere(user);
                true
            }
            // The session had ended before, and can end no others.
            Err(error) if error.upstream_verdict().is_refusal() => {
                queue.give_up_everywhere(user);
                // Another one may yet be confirmed.
                began.is_some_and(|began| !began.beside_another)
            }
            Err(_) => false,
        };
        if let Some(began) = began.filter(|_| is_over) {
            self.tell_of(|view| view.confirm_everywhere(user, began.cut, self.now()));
        }
    }

    fn tell_of(&self, mark: impl FnOnce(&RevocationView) -> Option<CutMark>) {
        if let Some(view) = self.marks()
            && let Some(mark) = mark(view)
        {
            self.tell_in_background(view, vec![mark]);
        }
    }
}
