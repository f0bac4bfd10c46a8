//! A replica's side of the log of revocation marks: it reads the log several times a second, and tells
//! what was marked here.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{
    log::{ENTRY, LogReader, Progress},
    replica::{Replica, ReplicaInner, unavailable},
    store::StoreError,
};
use crate::{error::Error, random, revocation::RevocationView, telemetry};

/// How often a replica that begins asks for marks until it knows all.
const LEARNING: usize = 10;

/// The most entries that are told between two looks at the log.
const TOLD_AT_ONCE: usize = 20;

impl Replica {
    /// Sees to it that the view learns of other replicas' marks, for as long as both live. It is begun by
    /// the first request, on whose runtime it runs.
    pub(crate) fn inform(&self, view: &Arc<RevocationView>) {
        let replica = Arc::downgrade(&self.inner);
        let known = Arc::downgrade(view);
        view.listen_to(Box::new(move |view| {
            if let Some(inner) = replica.upgrade() {
                Self { inner }.follow_marks(&known, view.tick());
            }
        }));
    }

    /// Begins the task that follows the log, where none runs.
    fn follow_marks(&self, view: &Weak<RevocationView>, pause: Duration) {
        let Some(ticking) = self.begin_following() else {
            return;
        };
        let clock = self.inner.clock.clone();
        let (replica, view) = (Arc::downgrade(&self.inner), Weak::clone(view));
        let reader = Arc::new(tokio::sync::Mutex::new(LogReader::default()));
        ticking.run_at_once(clock, pause, move || {
            read_once(replica.clone(), view.clone(), Arc::clone(&reader))
        });
    }

    /// Reads what is new in the log, and tells what is new here.
    async fn read_marks(
        &self,
        view: &RevocationView,
        reader: &mut LogReader,
    ) -> Result<(), StoreError> {
        loop {
            let asked = self.now();
            let read = self
                .inner
                .store
                .read_marks(reader.position(), view.horizon());
            let page = self.step("read_marks", read).await?;
            let progress = reader.advance(&page);
            if progress == Progress::Lost {
                telemetry::shared_memory_lost();
                view.forget_told();
                reader.hold = a_few();
                continue;
            }
            let marks = page.entries.into_iter().flat_map(|(_, marks)| marks);
            view.note_told(marks, self.now());
            match progress {
                Progress::Whole { before } => view.note_heard(asked, before),
                Progress::Settling => {}
                Progress::More | Progress::Lost => continue,
            }
            break;
        }
        reader.hold = reader.hold.saturating_sub(1);
        if reader.hold == 0 {
            self.tell_some(view).await?;
        }
        Ok(())
    }

    /// Learns of all marks, before the first request comes.
    ///
    /// # Errors
    ///
    /// The store cannot be asked.
    pub(crate) async fn learn_marks(&self, view: &RevocationView) -> Result<(), Error> {
        // A log that has just begun settles within the first few.
        for _ in 0..LEARNING {
            let mut reader = LogReader::default();
            let read = self.read_marks(view, &mut reader).await;
            read.map_err(|error| unavailable(&error))?;
            if view.status().fresh {
                break;
            }
            self.inner.clock.deadline(view.tick()).await;
        }
        Ok(())
    }

    /// Tells the other replicas what was marked here.
    ///
    /// # Errors
    ///
    /// The store cannot be asked: it is told later.
    pub(crate) async fn tell_marks(&self, view: &RevocationView) -> Result<(), Error> {
        let told = self.tell_some(view).await;
        told.map_err(|error| unavailable(&error))
    }

    async fn tell_some(&self, view: &RevocationView) -> Result<(), StoreError> {
        for _ in 0..TOLD_AT_ONCE {
            let unsent = view.unsent(ENTRY);
            if unsent.is_empty() {
                break;
            }
            let store = &self.inner.store;
            let append = store.append_marks(&unsent, view.horizon());
            self.step("append_marks", append).await?;
            view.told(&unsent);
        }
        Ok(())
    }
}

/// One look at the log. Returns `false` once nobody is interested any more.
async fn read_once(
    replica: Weak<ReplicaInner>,
    view: Weak<RevocationView>,
    reader: Arc<tokio::sync::Mutex<LogReader>>,
) -> bool {
    let (Some(inner), Some(view)) = (replica.upgrade(), view.upgrade()) else {
        return false;
    };
    // What fails is logged where the store's state changes, and the view grows stale by itself.
    let mut reader = reader.lock().await;
    let _ = Replica { inner }.read_marks(&view, &mut reader).await;
    true
}

/// From one to five, by chance.
fn a_few() -> u8 {
    let mut bytes = [0];
    // Without random numbers nobody waits longer than the others.
    let _ = random::fill(&mut bytes);
    let [byte] = bytes;
    1 + byte % 5
}
