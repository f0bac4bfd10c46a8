//! The seam between the protocol and the engine that keeps its records.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::{
    log::{LogPage, LogPosition, LogTimes},
    record::{Attempt, Claim, Claimed, Ending, Found, Publication, Published, Record, RecordName},
};
use crate::revocation::CutMark;

/// Keeps the records. Each method is one atomic step, by the store's own clock, which may be another
/// than a replica's. A step whose answer is an error may have been made all the same.
#[async_trait]
pub(crate) trait Store: fmt::Debug + Send + Sync {
    /// Claims a token, or says why it is not to be sent.
    ///
    /// | record | by another attempt | by the same |
    /// |---|---|---|
    /// | none | claimed: [`Claimed::Own`]; after a loss of memory [`Claimed::Lost`], but for a sign-out | |
    /// | claimed | [`Record::Busy`] | renewed: [`Claimed::Own`] |
    /// | an answer | [`Record::Done`]; but for a sign-out [`Record::Late`] from the keep time after delivery on | the same |
    /// | at rest | [`Record::Rest`] | the same |
    /// | dead | [`Record::Dead`] | the same |
    ///
    /// A sign-out marks what is claimed or answered: for every other purpose that is
    /// [`EndedBy::SignOut`](super::record::EndedBy::SignOut) from then on. A record whose sign-out was
    /// marked is told as it is to a sign-out alone. A record at rest a sign-out claims.
    async fn claim(&self, claim: &Claim) -> Result<Found<Claimed>, StoreError>;

    /// The state of a record, without claiming it.
    async fn look(&self, name: RecordName) -> Result<Found<Option<Record>>, StoreError>;

    /// As [`look`](Self::look), for whoever asks what became of a token that was presented long ago: an
    /// answer that is [`Late`](Record::Late) is told as the answer that it is.
    async fn look_back(&self, name: RecordName) -> Result<Found<Option<Record>>, StoreError>;

    /// Keeps an answer, whoever has claimed the record: an answer is the truth however late it comes,
    /// for a token is rotated once. Only what its holder's own sign-out ended stays dead, and keeps the
    /// mark of a sign-out. In the place of another answer it keeps the age and the delivery of that.
    async fn publish(
        &self,
        name: RecordName,
        attempt: Attempt,
        answer: &Publication,
    ) -> Result<Published, StoreError>;

    /// Notes, for `life`, that a token is the successor of another one. A record that is there keeps
    /// its state.
    async fn link(
        &self,
        name: RecordName,
        predecessor: RecordName,
        life: Duration,
    ) -> Result<(), StoreError>;

    /// Notes that the successor of a token was presented. Returns its own predecessor where that is to
    /// be told, too: not if this was known.
    async fn deliver(
        &self,
        name: RecordName,
        keep: Duration,
    ) -> Result<Option<RecordName>, StoreError>;

    /// Ends a claim of this attempt, or does nothing where there is another one. That a token is dead
    /// is also noted where there is no record; that its holder signed out is noted in any case.
    async fn end(
        &self,
        name: RecordName,
        attempt: Attempt,
        ending: Ending,
    ) -> Result<(), StoreError>;

    /// Says what all replicas are to know, having noted since when the store remembers, where it did
    /// not. `slow_down` is told to all others: for how long Descope wants no calls; zero where it has
    /// answered one again.
    async fn tick(&self, slow_down: Option<Duration>) -> Result<Tick, StoreError>;

    /// Appends marks to the log that all replicas read.
    async fn append_marks(&self, marks: &[CutMark], times: LogTimes) -> Result<(), StoreError>;

    /// Reads the log after an entry; without one, what is not older than entries are kept. It notes that
    /// somebody was there, where nobody was for a while, and is an error where the store takes no writes.
    async fn read_marks(
        &self,
        after: Option<LogPosition>,
        times: LogTimes,
    ) -> Result<LogPage, StoreError>;
}

/// The common knowledge of all replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tick {
    /// Since when the store remembers, in milliseconds of its own clock: another number after a loss
    /// of memory.
    pub(crate) born: u64,
    /// How long ago that is.
    pub(crate) age: Duration,
    /// True if there may have been records before that: for any store but one that has just been made
    /// for these replicas alone.
    pub(crate) settles: bool,
    /// For how long Descope wants no calls.
    pub(crate) slow_down: Option<Duration>,
}

/// Why a store cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreError {
    pub(crate) kind: StoreErrorKind,
    /// Without a secret and without a byte of any record.
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreErrorKind {
    /// It cannot be reached, or does not answer in time.
    Unreachable,
    /// It has not answered of late, and was not asked.
    NotAsked,
    /// It answers and refuses: no permission, no memory, a replica that takes no writes.
    Refused,
    /// Its answer is none of the protocol's.
    Invalid,
}

impl StoreError {
    pub(crate) fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl StoreErrorKind {
    /// Its name in the log and in counters.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NotAsked => "skipped",
            Self::Refused => "refused",
            Self::Invalid => "invalid",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}
