//! The marks as this process knows them, and how sure it is to know all.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{
    heard::{Heard, nanoseconds},
    mark::{CutMark, MarkKind, MarkName, Subject, is_cut},
    marks::{Change, Marks, PENDING, SLACK, enter, latest_cut},
    settings::Revocation,
    slots::Slots,
    standing::Standing,
    status::RevocationStatus,
};
use crate::{
    clock::{Clock, Now, whole_seconds},
    ids::UserId,
    limiter::OnceAMinute,
    metrics::{self, counter},
};

mod everywhere;
mod freshness;

/// The marks that this process knows, for everybody who verifies sessions.
///
/// First what each request reads, in one line of the processor's cache.
#[repr(C)]
pub(crate) struct RevocationView {
    /// Before which time no mark can be missing, in nanoseconds of the monotonic clock.
    fresh_before: AtomicU64,
    /// The newest cut of any mark but a session token's.
    newest: AtomicU32,
    /// One where a session token may be marked.
    sessions: AtomicU32,
    /// The number of changes, from 1 on.
    number: AtomicU64,
    /// One where a user may have signed out everywhere.
    everywhere: AtomicU32,
    slots: ArcSwap<Slots>,
    clock: Clock,
    settings: Revocation,
    marks: Mutex<Marks>,
    /// Asks other replicas for their marks; absent where there are none.
    source: OnceLock<MarkSource>,
    heard: Mutex<Heard>,
    /// Told of each change.
    changes: watch::Sender<()>,
    stale_error: OnceAMinute,
}

/// Begins to ask for marks, where nobody does.
pub(crate) type MarkSource = Box<dyn Fn(&RevocationView) + Send + Sync>;

impl RevocationView {
    pub(crate) fn new(settings: Revocation, clock: Clock) -> Self {
        Self {
            fresh_before: AtomicU64::new(u64::MAX),
            newest: AtomicU32::new(0),
            sessions: AtomicU32::new(0),
            number: AtomicU64::new(1),
            everywhere: AtomicU32::new(0),
            slots: ArcSwap::from_pointee(Slots::with_room(0)),
            marks: Mutex::new(Marks::new(
                settings.longest_session,
                settings.max_marks,
                clock.now(),
            )),
            clock,
            settings,
            source: OnceLock::new(),
            heard: Mutex::default(),
            changes: watch::Sender::new(()),
            stale_error: OnceAMinute::default(),
        }
    }

    /// Makes it stale until other replicas have been heard of. Once, before any session is verified.
    pub(crate) fn listen_to(&self, source: MarkSource) {
        if self.source.set(source).is_ok() {
            self.fresh_before.store(0, Release);
        }
    }

    pub(crate) fn tick(&self) -> Duration {
        self.settings.tick
    }

    pub(crate) fn stale_after(&self) -> Duration {
        self.settings.relied_on()
    }

    /// How far back marks are of use.
    pub(crate) fn horizon(&self) -> Duration {
        self.settings.longest_session.saturating_add(SLACK)
    }

    /// For how long the log of all replicas keeps marks.
    pub(crate) fn kept(&self) -> Duration {
        self.horizon().max(PENDING)
    }

    #[cfg(test)]
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The standing of a session as of now.
    #[inline]
    pub(crate) fn standing(&self, subject: &impl Subject, now: &Now) -> Standing {
        let is_unsure =
            nanoseconds(now.mono) >= self.fresh_before.load(Acquire) && self.is_unsure(now);
        let newest = self.newest.load(Acquire);
        let any = is_cut(subject.issued(), newest) || self.sessions.load(Acquire) != 0;
        if any && !self.is_cleared(subject) && !self.is_cleared_by_the_right_clock(subject, now) {
            // Whatever else may be missing.
            return Standing::Revoked;
        }
        if is_unsure {
            Standing::Unknown
        } else {
            Standing::Good
        }
    }

    /// Returns `true` if no mark is about a session, which is looked for once after each new mark.
    #[inline]
    fn is_cleared(&self, subject: &impl Subject) -> bool {
        // Before the look: a mark that is made meanwhile is looked for at the next request.
        let number = self.number.load(Acquire);
        if subject.cleared_of() == number {
            return true;
        }
        if self.revoked_at(subject).is_some() {
            return false;
        }
        subject.note_cleared_of(number);
        true
    }

    /// As [`is_cleared`](Self::is_cleared), once what was marked while the clock was ahead is dated anew.
    #[cold]
    fn is_cleared_by_the_right_clock(&self, subject: &impl Subject, now: &Now) -> bool {
        let mut marks = self.marks();
        let corrected = marks.correct(*now);
        if corrected {
            self.slots.store(Arc::new(marks.slots()));
        }
        drop(marks);
        corrected && self.is_cleared(subject)
    }

    /// A look without a lock: `false` for nearly all that are not marked.
    fn may_be_marked(&self, subject: &impl Subject) -> bool {
        let slots = self.slots.load();
        let issued = subject.issued();
        let keys = subject.keys();
        // Each look may wait for memory.
        self.sessions.load(Acquire) != 0 && slots.may_cut(keys.session, issued)
            || slots.may_cut(keys.user, issued)
            || is_cut(issued, slots.everybody.load(Acquire))
            || is_cut(issued, slots.tenants.load(Acquire))
    }

    /// When the newest mark was noted here by which a session is refused, on the monotonic clock.
    pub(crate) fn revoked_at(&self, subject: &impl Subject) -> Option<Duration> {
        // Each new mark has every open connection ask.
        if !self.may_be_marked(subject) {
            return None;
        }
        let issued = subject.issued();
        let marks = self.marks();
        let cuts = |name: Result<MarkName, _>| marks.cuts(name.ok()?, issued);
        let of_itself = [
            cuts(MarkName::session(subject.payload())),
            cuts(MarkName::user(subject.user().as_str())),
            marks.cuts(MarkName::EVERYBODY, issued),
        ];
        let mut newest = of_itself.into_iter().flatten().max();
        if is_cut(issued, self.slots.load().tenants.load(Acquire)) {
            subject.any_tenant(&mut |tenant| {
                newest = newest.max(cuts(MarkName::tenant(tenant)));
                false
            });
        }
        newest
    }

    /// When one of a user's sessions was signed out last, as far as that is known, on the monotonic clock.
    pub(crate) fn signed_out_at(&self, user: &UserId) -> Option<Duration> {
        self.marks().noted_at(MarkName::sign_out(user).ok()?)
    }

    /// Notes marks that were made here, and returns them.
    pub(crate) fn mark(&self, names: &[MarkName], now: Now) -> Vec<CutMark> {
        let cut = whole_seconds(now.wall).max(1);
        let marks = names.iter().map(|&name| CutMark { name, cut });
        let marks: Vec<_> = marks.collect();
        self.note(marks.iter().copied(), self.source.get().is_none(), now);
        for name in names {
            metrics::count(counter::REVOCATION_MARKS, name.kind().label());
        }
        // Where no request came yet nobody listens, and so nobody would tell them later.
        self.keep_listening();
        marks
    }

    /// Sees to it that other replicas are listened to, if there are any.
    pub(crate) fn keep_listening(&self) {
        if let Some(source) = self.source.get() {
            source(self);
        }
    }

    /// Notes marks that all replicas read.
    pub(crate) fn note_told(&self, marks: impl IntoIterator<Item = CutMark>, now: Now) {
        // Made at a replica whose clock is ahead, a mark would refuse each new session until that time.
        let latest = latest_cut(now);
        let marks = marks.into_iter().map(|mark| CutMark {
            cut: mark.cut.min(latest),
            ..mark
        });
        self.note(marks, true, now);
    }

    /// Returns `true` if there was room for all of these.
    pub(crate) fn knows(&self, names: &[MarkName]) -> bool {
        let marks = self.marks();
        names.iter().all(|&name| marks.noted_at(name).is_some())
    }

    fn note(&self, new: impl IntoIterator<Item = CutMark>, told: bool, now: Now) {
        let mut marks = self.marks();
        let mut changed = false;
        if marks.prune(now) {
            self.slots.store(Arc::new(marks.slots()));
        }
        for mark in new {
            match marks.note(mark, told, now) {
                Change::Nothing => {}
                Change::Marked => {
                    changed = true;
                    self.enter(&marks, mark);
                }
                Change::Lacking => {
                    // What is not known here refuses nobody.
                    self.fresh_before.store(0, Release);
                }
            }
        }
        // After they have been entered.
        if changed {
            self.number.fetch_add(1, Release);
        }
        drop(marks);
        if changed {
            self.changes.send_replace(());
        }
    }

    /// Lets requests see a mark: first where it is found, then that there is one.
    fn enter(&self, marks: &Marks, mark: CutMark) {
        let slots = self.slots.load();
        if slots.is_full() {
            self.slots.store(Arc::new(marks.slots()));
        } else {
            enter(&slots, mark.name, mark.cut);
        }
        match mark.name.kind() {
            MarkKind::Session => self.sessions.store(1, Release),
            MarkKind::SignOut | MarkKind::EverywhereConfirmed | MarkKind::SignedInAgain => {}
            MarkKind::Everywhere => self.everywhere.store(1, Release),
            MarkKind::User | MarkKind::Tenant | MarkKind::Everybody => {
                self.newest.fetch_max(mark.cut, Release);
            }
        }
    }

    /// Marks that other replicas are to be told: so many at most.
    pub(crate) fn unsent(&self, most: usize) -> Vec<CutMark> {
        self.marks().unsent(most)
    }

    /// Notes that these stand where all replicas read them.
    pub(crate) fn told(&self, marks: &[CutMark]) {
        self.marks().note_told(marks);
    }

    /// Notes that all of it is to be told once more.
    pub(crate) fn forget_told(&self) {
        self.marks().forget_told();
    }

    pub(crate) fn status(&self) -> RevocationStatus {
        let now = self.clock.now();
        self.refresh(now);
        RevocationStatus {
            marks: self.marks().len(),
            fresh: self.is_fresh(&now),
            age: self.age(&now),
        }
    }

    /// Tells of each change from now on: for whoever waits for the end of a session.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.keep_listening();
        self.changes.subscribe()
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RevocationView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationView")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
