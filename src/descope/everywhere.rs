//! Sign-outs everywhere that Descope has not confirmed, at whichever replica: until it has, no replica
//! renews an older session of the user, since Descope would.

use super::handle::Descope;
use crate::{clock::system_time, ids::UserId, revocation::EverywhereSignOut};

impl Descope {
    /// The sign-out everywhere of a user that replicas tell each other of, where there was one of late.
    pub(super) fn everywhere(&self, user: &UserId) -> Option<EverywhereSignOut> {
        self.marks()?.everywhere(user)
    }

    /// Notes a genuine token of a user, by when it was issued: one of after they signed out everywhere is a
    /// new sign-in's, which a late sign-out must not end. Returns `true` for one of before that, as far as
    /// replicas tell each other of it.
    pub(super) fn note_issued(&self, user: &UserId, issued: Option<f64>) -> bool {
        if let Some(EverywhereSignOut::Pending(cut)) = self.everywhere(user)
            && !cut.is_before(issued)
        {
            return cut.covers(issued);
        }
        self.inner.queue.note_session(user, issued.map(system_time));
        self.end_everywhere(user);
        false
    }

    /// Returns `true` while a user's sign-out everywhere is to be sent to Descope.
    pub(super) fn is_signing_out_everywhere(&self, user: &UserId) -> bool {
        let queue = &self.inner.queue;
        if self.everywhere(user) == Some(EverywhereSignOut::Over) {
            queue.end_everywhere(user);
        }
        queue.is_signing_out_everywhere(user)
    }

    /// Tells other replicas that a user's sign-out everywhere is over.
    pub(super) fn end_everywhere(&self, user: &UserId) {
        if let Some(view) = self.marks()
            && let Some(mark) = view.end_everywhere(user, self.now())
        {
            self.tell_in_background(view, vec![mark]);
        }
    }
}
