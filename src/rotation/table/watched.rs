//! Families that somebody watches: an open connection lives as long as the session of its browser. A
//! watch keeps no family in memory.

use tokio::sync::watch;

use super::{FamilyEntry, FamilyId, FamilyTable};
use crate::{
    digest::Digest,
    rotation::{answer::KeptSession, watched::FamilyNews},
};

impl<T: KeptSession> FamilyTable<T> {
    /// Tells of a family's news from now on.
    pub(in crate::rotation) fn watch(&mut self, id: FamilyId) -> watch::Receiver<FamilyNews> {
        let Some(entry) = self.families.get_mut(&id) else {
            return watch::Sender::new(FamilyNews::default()).subscribe();
        };
        let news = entry.news();
        let sender = entry
            .watched
            .get_or_insert_with(|| watch::Sender::new(news));
        sender.subscribe()
    }

    /// Keeps a watch beyond the family that is removed, for when its token comes again.
    pub(super) fn keep_watch(&mut self, entry: FamilyEntry<T>) {
        if let Some(sender) = entry.watched
            && sender.receiver_count() > 0
        {
            self.watched.insert(entry.family.chain().current(), sender);
        }
    }

    /// The watch of a token whose family is made anew.
    pub(super) fn take_watch(&mut self, token: Digest) -> Option<watch::Sender<FamilyNews>> {
        self.watched.remove(&token)
    }

    /// Forgets what nobody watches any more.
    pub(super) fn purge_watches(&mut self) {
        self.watched.retain(|_, sender| sender.receiver_count() > 0);
    }
}

impl<T: KeptSession> FamilyEntry<T> {
    fn news(&self) -> FamilyNews {
        FamilyNews {
            has_ended: self.family.end().is_some(),
            session_end: self.family.session_end(),
        }
    }

    /// Tells whoever watches what is new.
    pub(super) fn tell(&mut self) {
        let Some(sender) = &self.watched else { return };
        if sender.receiver_count() == 0 {
            self.watched = None;
            return;
        }
        let news = self.news();
        sender.send_if_modified(|told| told.update(news));
    }
}
