//! The calls that present a refresh token and rotate nothing: they only read.

use std::{future::Future, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::watch;
use tracing::Instrument;

use super::{
    answer::KeptSession,
    failure::{self, abandoned, slowed_down, timed_out},
    lease::FamilyLease,
    reads::{ReadAnswer, ReadKey},
    table::{Arrival, FamilyId, FamilyTable},
};
use crate::{clock::Now, error::Error, running::runtime, token::RefreshToken};

/// For how long a family must have made no call to be a quiet one.
const QUIET: Duration = Duration::from_secs(10);

/// The decision about one call that only reads.
enum ReadStep {
    /// An equal call is under way: share its answer.
    Join(watch::Receiver<Option<ReadAnswer>>),
    /// Send this token, and leave the answer for others.
    Send(RefreshToken, watch::Sender<Option<ReadAnswer>>),
    Refuse(Error),
}

impl<T: KeptSession + Send + Sync + 'static> FamilyLease<T> {
    /// Makes a call with the newest token of the family that does not rotate it. Such calls run
    /// side by side, but not beside one that rotates: Descope would take a token that arrives late
    /// for a second use. For the same reason each runs to its end. Equal calls share one.
    ///
    /// # Errors
    ///
    /// The error of `ask`, also where an equal call was refused a moment ago; the end of the
    /// session, if Descope has said that before.
    /// [`ErrorKind::Throttled`](crate::ErrorKind::Throttled) beyond the limits on calls;
    /// [`ErrorKind::UpstreamTimeout`](crate::ErrorKind::UpstreamTimeout) behind a call that is
    /// overdue; [`ErrorKind::NoRuntime`](crate::ErrorKind::NoRuntime) outside of a tokio runtime.
    pub(crate) async fn read<F, Fut>(&self, key: ReadKey, ask: F) -> ReadAnswer
    where
        F: FnOnce(RefreshToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        let runtime = runtime()?;
        if let Some(retry_after) = self.queue.slowed_down(self.queue.clock().now()) {
            return Err(slowed_down(retry_after));
        }
        let turn = self.arrival.turn.shared(|| self.is_overdue()).await;
        let turn = turn.ok_or_else(timed_out)?;
        let permit = self.queue.permit()?;
        let now = self.queue.clock().now();
        let step = self.queue.table().read(&self.arrival, &key, now);
        let (token, answer) = match step.unwrap_or_else(|| ReadStep::Refuse(abandoned())) {
            ReadStep::Refuse(error) => return Err(self.queue.limited(error)),
            ReadStep::Join(answer) => {
                // Both are the call's own: who shares its answer makes none.
                drop((turn, permit));
                return joined(answer).await;
            }
            ReadStep::Send(token, answer) => (token, answer),
        };
        let lease = self.share();
        let shared = answer.subscribe();
        let call = async move {
            let result = ask(token).await.map(Arc::new);
            let now = lease.queue.clock().now();
            lease.queue.note_answered(result.as_ref().err(), now);
            let mut table = lease.queue.table();
            let result = table.was_read(lease.arrival.family, &key, result, now);
            drop(table);
            drop(turn);
            if let Err(error) = &result {
                failure::log(key.call(), error, answer.receiver_count());
            }
            answer.send_replace(Some(result));
            drop(permit);
        };
        runtime.spawn(call.in_current_span());
        joined(shared).await
    }
}

impl<T: KeptSession> FamilyTable<T> {
    /// Decides about a call that only reads. `None` if its family is gone.
    fn read(&mut self, arrival: &Arrival, key: &ReadKey, now: Now) -> Option<ReadStep> {
        let entry = self.families.get_mut(&arrival.family)?;
        let token = match entry.family.current(arrival.ticket, now) {
            Ok(token) => token,
            Err(error) => {
                let error = self.sparing(arrival.family, error);
                return Some(ReadStep::Refuse(error));
            }
        };
        if let Some(error) = entry.reads.refusal(key, entry.family.current_digest(), now) {
            return Some(ReadStep::Refuse(error));
        }
        if let Some(answer) = entry.reads.running(key) {
            return Some(ReadStep::Join(answer));
        }
        let is_quiet = entry.reads.is_quiet(QUIET, now);
        let limit = entry.reads.take(now);
        let limit = limit.and_then(|()| self.read_limit.take(is_quiet, now));
        Some(match limit {
            Ok(()) => ReadStep::Send(token, entry.reads.begin(key, now)),
            Err(rest) => ReadStep::Refuse(Error::throttled(
                "no call was made: this session, or all of them, asked too often",
                rest,
            )),
        })
    }

    /// Notes how such a call ended; the result is what its callers get.
    fn was_read(
        &mut self,
        id: FamilyId,
        key: &ReadKey,
        result: ReadAnswer,
        now: Now,
    ) -> ReadAnswer {
        let Some(entry) = self.families.get_mut(&id) else {
            return result;
        };
        let result = result.map_err(|error| entry.family.learned(error, now));
        entry.reads.end(key, result.as_ref().err(), now);
        self.count(id);
        result.map_err(|error| self.sparing(id, error))
    }
}

/// Waits for a call that somebody else may have made.
async fn joined(mut answer: watch::Receiver<Option<ReadAnswer>>) -> ReadAnswer {
    match answer.wait_for(Option::is_some).await {
        Ok(answer) => answer.clone().unwrap_or_else(|| Err(abandoned())),
        Err(_) => Err(abandoned()),
    }
}
