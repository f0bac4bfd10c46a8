//! The rows of [`Store`]'s tables, tried one by one: each engine passes all of them.

mod answers;
mod claims;
mod ends;
mod marks;
mod memory;

use std::time::Duration;

use async_trait::async_trait;

use super::{
    record::{
        Attempt, Claim, Claimed, EndedBy, Ending, Found, Publication, Published, Purpose, Record,
        RecordKind, RecordName, StoredAnswer,
    },
    store::Store,
};

/// A store under test, empty but for its birth, and its time.
#[async_trait]
pub(crate) trait Bench: Send + Sync {
    fn store(&self) -> &dyn Store;

    /// Lets so much of the store's time pass.
    async fn pass(&self, span: Duration);

    /// Lets so much of its time pass in which nobody reaches it.
    async fn interrupt(&self, span: Duration);

    /// Has it lose its memory.
    async fn forget_all(&self);
}

/// Names all checks to another macro, which makes a test of each.
macro_rules! each_check {
    ($make:ident) => {
        $make! {
            a_token_is_claimed_once_and_renewed_by_its_owner,
            a_claim_lapses_and_its_renewal_is_none,
            a_claim_that_is_renewed_lapses_later,
            an_answer_is_told_to_everybody_whole_and_then_its_tokens,
            an_answer_that_came_long_ago_is_kept_by_its_tokens_alone,
            an_answer_is_published_whoever_has_claimed,
            another_answer_keeps_age_and_delivery_of_the_first,
            an_answer_without_delivery_ends_with_its_life,
            a_delivered_answer_is_late_after_the_keep_time,
            a_delivery_is_noted_once_and_tells_the_predecessor,
            an_answer_nobody_waits_for_is_late_at_once,
            a_late_answer_is_told_to_a_sign_out,
            a_late_answer_is_told_to_who_looks_back,
            a_link_changes_no_state_and_outlives_it,
            a_link_without_a_state_is_no_record,
            a_claim_given_back_is_as_if_it_had_never_been,
            a_token_at_rest_is_nobodys_but_a_sign_outs,
            a_dead_token_is_dead_for_everybody_for_its_time,
            a_death_is_noted_where_there_is_no_record_and_over_no_other,
            a_sign_out_ends_whatever_there_is,
            a_sign_out_that_claims_leaves_nothing_for_others,
            a_sign_out_marks_a_claim_and_an_answer,
            an_answer_that_comes_after_a_sign_out_is_nobodys,
            what_descope_ended_an_answer_opens_again,
            another_attempt_ends_nothing,
            after_a_loss_of_memory_nobody_claims_but_a_sign_out,
            a_birth_is_noted_by_a_tick_alone_and_is_another_after_a_loss,
            replicas_learn_that_descope_wants_no_calls,
            marks_are_read_once_and_in_their_order,
            a_long_log_is_read_page_by_page,
            many_marks_of_one_second_are_all_told,
            old_marks_are_not_read_and_their_age_is_no_loss,
            a_log_that_was_lost_is_another_one,
            whoever_reads_notes_that_somebody_was_there,
            a_log_that_nobody_could_reach_is_young_again,
            records_of_tokens_and_of_access_keys_are_apart,
            empty_and_large_answers_come_back_as_they_were,
        }
    };
}
#[allow(unused_imports, reason = "for the tests of each engine")]
pub(crate) use each_check;

#[allow(unused_imports, reason = "for the tests of each engine")]
pub(crate) use self::{answers::*, claims::*, ends::*, marks::*, memory::*};

/// Longer than any check takes.
const LONG: Duration = Duration::from_secs(60);
/// A time that a check lets pass.
const SHORT: Duration = Duration::from_millis(150);

fn past(span: Duration) -> Duration {
    span + Duration::from_millis(30)
}

fn name(first: u8) -> RecordName {
    RecordName {
        kind: RecordKind::Token,
        id: [first; 16],
    }
}

fn attempt() -> Attempt {
    Attempt::new().unwrap()
}

fn publication(text: &str) -> Publication {
    Publication {
        whole: format!("{text}, whole").into(),
        tokens: format!("{text}, tokens").into(),
        keep: LONG,
        age: Duration::ZERO,
        life: LONG,
        delivered: false,
    }
}

/// One attempt at a bench.
struct Replica<'b> {
    bench: &'b dyn Bench,
    attempt: Attempt,
    lease: Duration,
    quarantine: Duration,
}

impl<'b> Replica<'b> {
    fn at(bench: &'b dyn Bench) -> Self {
        Self {
            bench,
            attempt: attempt(),
            lease: LONG,
            quarantine: Duration::ZERO,
        }
    }

    fn leasing(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    async fn found(&self, name: RecordName, purpose: Purpose) -> Found<Claimed> {
        let claim = Claim {
            name,
            attempt: self.attempt,
            purpose,
            lease: self.lease,
            quarantine: self.quarantine,
        };
        self.bench.store().claim(&claim).await.unwrap()
    }

    async fn claim(&self, name: RecordName) -> Claimed {
        self.found(name, Purpose::Exchange).await.state
    }

    async fn sign_out(&self, name: RecordName) -> Claimed {
        self.found(name, Purpose::SignOut).await.state
    }

    async fn publish(&self, name: RecordName, answer: &Publication) -> Published {
        let store = self.bench.store();
        store.publish(name, self.attempt, answer).await.unwrap()
    }

    async fn end(&self, name: RecordName, ending: Ending) {
        let store = self.bench.store();
        store.end(name, self.attempt, ending).await.unwrap();
    }
}

async fn look(bench: &dyn Bench, name: RecordName) -> Option<Record> {
    bench.store().look(name).await.unwrap().state
}

async fn predecessor(bench: &dyn Bench, name: RecordName) -> Option<RecordName> {
    bench.store().look(name).await.unwrap().predecessor
}

fn dead(by: EndedBy) -> Record {
    Record::Dead(by)
}

#[track_caller]
fn is_busy(record: &Record) {
    let Record::Busy { age, left } = record else {
        panic!("{record:?}");
    };
    assert!(
        *age < LONG && *left <= LONG && !left.is_zero(),
        "{record:?}"
    );
}

#[track_caller]
fn sealed(record: Option<Record>) -> String {
    let Some(Record::Done(StoredAnswer { sealed, .. })) = record else {
        panic!("{record:?}");
    };
    String::from_utf8(sealed).unwrap()
}

#[track_caller]
fn taken(claimed: Claimed) -> Record {
    let Claimed::Taken(record) = claimed else {
        panic!("{claimed:?}");
    };
    record
}

/// For whoever asks a store step by step.
#[cfg(all(feature = "__internals", feature = "redis"))]
pub(crate) mod steps {
    pub(crate) use super::super::{
        record::{Attempt, Claim, EndedBy, Ending, Publication, Purpose, RecordKind, RecordName},
        redis::RedisStore,
        store::{Store, StoreError},
    };

    /// Of replicas that rely on what they have heard for two seconds.
    pub(crate) fn log_times() -> super::super::log::LogTimes {
        super::marks::long()
    }
}
