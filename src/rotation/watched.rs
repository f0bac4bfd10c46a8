//! Pure: the news of a family, for whoever watches it.

use std::time::SystemTime;

/// The state of a browser's session, as far as this process knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FamilyNews {
    /// True once none of its tokens brings a session any more.
    pub(crate) has_ended: bool,
    /// When the newest session ends that it has brought.
    pub(crate) session_end: Option<SystemTime>,
}

impl FamilyNews {
    /// Brings it up to date. Returns `true` if that is news. An answer that was let go has been
    /// brought all the same.
    pub(super) fn update(&mut self, now: Self) -> bool {
        let before = *self;
        self.has_ended = now.has_ended;
        self.session_end = self.session_end.max(now.session_end);
        *self != before
    }
}
