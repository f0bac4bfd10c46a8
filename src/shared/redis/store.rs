//! The records in Redis.

use std::{
    fmt,
    future::poll_fn,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use redis::Value;

use super::{
    super::{
        log::{BEAT, LogPage, LogPosition, LogTimes, PAGE},
        record::{
            Attempt, Claim, Claimed, EndedBy, Ending, Found, Publication, Published, Purpose,
            Record, RecordName,
        },
        store::{Store, StoreError, StoreErrorKind, Tick},
    },
    answers::{self, State},
    failure,
    keys::{self, Keys, Part},
    marks,
    nodes::Nodes,
    scripts::{Run, Scripts},
    settings::RedisSettings,
};
use crate::{error::Error, revocation::CutMark, token::REMEMBER_DELIVERED};

/// A Redis or Valkey, or a cluster of them.
pub(crate) struct RedisStore {
    nodes: Nodes,
    keys: Keys,
    scripts: Scripts,
    confirmations: u8,
    /// The first server's connections for which its eviction policy was looked at.
    policy_seen: AtomicU64,
}

impl RedisStore {
    /// Connects nothing: that is done at the first use.
    ///
    /// # Errors
    ///
    /// Where the settings are wrong, as [`RedisSettings::check`] says.
    pub(crate) fn new(settings: &RedisSettings, project_id: &str) -> Result<Self, Error> {
        settings.check()?;
        let is_cluster = settings.is_cluster();
        Ok(Self {
            nodes: Nodes::new(&settings.address()?, is_cluster, settings.timeout()),
            keys: Keys::new(settings.key_prefix(), project_id, is_cluster),
            scripts: Scripts::new(),
            confirmations: settings.confirmations(),
            policy_seen: AtomicU64::new(0),
        })
    }

    /// The server's policy for when its memory is full, if it says so; with a cluster, the server that
    /// the settings name. Anything but `noeviction` forgets claims without a word.
    pub(crate) async fn policy(&self) -> Option<String> {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg("maxmemory-policy");
        let answer = self.nodes.first().ask(&command, self.nodes.deadline());
        // Who may not ask is told nothing, and the documentation says what it should be.
        answers::setting(answer.await.ok()?)
    }

    /// Warns of another policy, once for each connection: a server that was put in place of another
    /// may have been set up by somebody else.
    async fn look_at_policy(&self) {
        let connections = self.nodes.first().connections();
        if self.policy_seen.swap(connections, Ordering::Relaxed) == connections {
            return;
        }
        match self.policy().await {
            Some(policy) if policy != "noeviction" => tracing::warn!(
                policy,
                "redis evicts keys when its memory is full: claims of refresh tokens can be lost, and \
                 their sessions with them; set maxmemory-policy to noeviction"
            ),
            _ => {}
        }
    }

    async fn run(&self, part: Part, run: &Run<'_>) -> Result<Value, StoreError> {
        let answer = self.nodes.run(part, run).await;
        answer.map_err(|error| failure::store_error(&error))
    }

    /// Runs a script that writes what must not be lost. Says, too, whether as many replicas have it as
    /// the settings ask for.
    async fn run_writing(
        &self,
        part: Part,
        run: &Run<'_>,
    ) -> Result<(Value, Result<(), StoreError>), StoreError> {
        if self.confirmations == 0 {
            return Ok((self.run(part, run).await?, Ok(())));
        }
        let confirmed = self.nodes.run_confirmed(part, run, self.confirmations);
        let confirmed = confirmed
            .await
            .map_err(|error| failure::store_error(&error))?;
        let replicas = answers::confirmed(&confirmed.replicas)?;
        let outcome = if replicas < u64::from(self.confirmations) {
            Err(StoreError::new(
                StoreErrorKind::Refused,
                format!("redis: {replicas} replicas have confirmed, which is too few"),
            ))
        } else {
            Ok(())
        };
        Ok((confirmed.answer, outcome))
    }

    async fn look_for(
        &self,
        name: RecordName,
        purpose: &str,
    ) -> Result<Found<Option<Record>>, StoreError> {
        let keys = self.keys.of(name);
        let run = self
            .scripts
            .claim
            .on(&[&keys.state, &keys.whole, &keys.tokens, &keys.born])
            .arg("")
            .arg(purpose);
        answers::looked(answers::state(self.run(keys.part, &run).await?)?)
    }

    async fn tick_part(
        &self,
        part: Part,
        slow_down: Option<Duration>,
    ) -> Result<(u64, Duration, Duration), StoreError> {
        let (born, stop) = (self.keys.born(part), self.keys.stop(part));
        let keys: &[&str] = if part == Part::FIRST {
            &[&born, &stop]
        } else {
            &[&born]
        };
        let run = self.scripts.tick.on(keys);
        let run = match slow_down {
            None => run.arg(""),
            // Of which `millis` would make one.
            Some(Duration::ZERO) => run.number(0),
            Some(span) => run.number(millis(span)),
        };
        answers::tick(self.run(part, &run).await?)
    }

    fn run_end<'s>(&'s self, keys: &keys::RecordKeys, attempt: Attempt, ending: Ending) -> Run<'s> {
        let (word, code, how_long) = match ending {
            Ending::Free => ("free", "", Duration::ZERO),
            Ending::Rest(left) => ("rest", "", left),
            Ending::Dead(by, life) => ("dead", by.code(), life),
        };
        let end = &self.scripts.end;
        let run = end.on(&[&keys.state, &keys.whole, &keys.tokens]);
        let run = run.arg(attempt.hex()).arg(word).arg(code);
        run.number(millis(how_long))
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn claim(&self, claim: &Claim) -> Result<Found<Claimed>, StoreError> {
        let keys = self.keys.of(claim.name);
        let purpose = match claim.purpose {
            Purpose::Exchange => "exchange",
            Purpose::SignOut => "out",
        };
        let run = self
            .scripts
            .claim
            .on(&[&keys.state, &keys.whole, &keys.tokens, &keys.born])
            .arg(claim.attempt.hex())
            .arg(purpose)
            .number(millis(claim.lease))
            .number(whole_millis(claim.quarantine));
        let (answer, confirmed) = self.run_writing(keys.part, &run).await?;
        let found = answers::state(answer)?;
        if let (State::Own { made }, Err(error)) = (&found.state, confirmed) {
            // It may be gone with this server: whoever asks the next one would claim it, too. One that
            // was only renewed stays, for its call is under way.
            if *made {
                let run = self.run_end(&keys, claim.attempt, Ending::Free);
                if let Err(error) = self.run(keys.part, &run).await {
                    tracing::debug!(%error, "an unconfirmed claim could not be given back");
                }
            }
            return Err(error);
        }
        answers::claimed(found)
    }

    async fn look(&self, name: RecordName) -> Result<Found<Option<Record>>, StoreError> {
        self.look_for(name, "look").await
    }

    async fn look_back(&self, name: RecordName) -> Result<Found<Option<Record>>, StoreError> {
        self.look_for(name, "back").await
    }

    async fn publish(
        &self,
        name: RecordName,
        attempt: Attempt,
        answer: &Publication,
    ) -> Result<Published, StoreError> {
        let keys = self.keys.of(name);
        let run = self
            .scripts
            .publish
            .on(&[&keys.state, &keys.whole, &keys.tokens])
            .arg(attempt.hex())
            .arg(answer.whole.as_slice())
            .arg(answer.tokens.as_slice())
            .number(whole_millis(answer.keep))
            .number(whole_millis(answer.age))
            .number(millis(answer.life))
            .number(u64::from(answer.delivered))
            .number(millis(REMEMBER_DELIVERED));
        let (answer, confirmed) = self.run_writing(keys.part, &run).await?;
        let published = answers::published(&answer)?;
        confirmed?;
        Ok(published)
    }

    async fn link(
        &self,
        name: RecordName,
        predecessor: RecordName,
        life: Duration,
    ) -> Result<(), StoreError> {
        let keys = self.keys.of(name);
        let run = self.scripts.link.on(&[&keys.state]);
        let run = run.arg(keys::written(predecessor)).number(millis(life));
        answers::noted(&self.run(keys.part, &run).await?)
    }

    async fn deliver(
        &self,
        name: RecordName,
        keep: Duration,
    ) -> Result<Option<RecordName>, StoreError> {
        let keys = self.keys.of(name);
        let run = self.scripts.deliver.on(&[&keys.state, &keys.tokens]);
        let run = run.number(millis(keep)).number(millis(REMEMBER_DELIVERED));
        answers::name(&self.run(keys.part, &run).await?)
    }

    async fn end(
        &self,
        name: RecordName,
        attempt: Attempt,
        ending: Ending,
    ) -> Result<(), StoreError> {
        let keys = self.keys.of(name);
        let run = self.run_end(&keys, attempt, ending);
        // A failover may forget that a claim was given back, but not that somebody signed out.
        if !matches!(ending, Ending::Dead(EndedBy::SignOut, _)) {
            return answers::noted(&self.run(keys.part, &run).await?);
        }
        let (answer, confirmed) = self.run_writing(keys.part, &run).await?;
        answers::noted(&answer)?;
        confirmed
    }

    async fn tick(&self, slow_down: Option<Duration>) -> Result<Tick, StoreError> {
        // Others may have used it before, and a part of it may be new.
        let mut tick = Tick {
            settles: true,
            ..Tick::default()
        };
        // All at once: a part that does not answer holds up none of the others, which are to be born.
        let told = all(self
            .keys
            .parts()
            .map(|part| self.tick_part(part, slow_down)))
        .await;
        let mut failed = None;
        for (part, told) in self.keys.parts().zip(told) {
            match told {
                // The youngest part's: a loss of any of them is a loss.
                Ok((born, age, left)) => {
                    if born > tick.born {
                        (tick.born, tick.age) = (born, age);
                    }
                    if part == Part::FIRST {
                        tick.slow_down = Some(left).filter(|left| !left.is_zero());
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        self.look_at_policy().await;
        failed.map_or(Ok(tick), Err)
    }

    async fn append_marks(&self, marks: &[CutMark], times: LogTimes) -> Result<(), StoreError> {
        let (log, state) = (self.keys.marks(), self.keys.marks_state());
        let mut run = self.scripts.append_marks.on(&[&log, &state]);
        run = run.number(millis(times.keep)).number(millis(times.quiet));
        for (cut, names) in marks::entries(marks) {
            run = run.number(cut.into()).arg(names);
        }
        // A failover may not forget who was signed out.
        let (answer, confirmed) = self.run_writing(Part::FIRST, &run).await?;
        answers::noted(&answer)?;
        confirmed
    }

    async fn read_marks(
        &self,
        after: Option<LogPosition>,
        times: LogTimes,
    ) -> Result<LogPage, StoreError> {
        let (log, state) = (self.keys.marks(), self.keys.marks_state());
        let after = after.map_or_else(String::new, marks::written);
        let run = self.scripts.read_marks.on(&[&log, &state]);
        let run = run.number(millis(times.keep)).number(millis(times.quiet));
        let run = run.arg(after).number(PAGE as u64).number(millis(BEAT));
        marks::page(self.run(Part::FIRST, &run).await?)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("address", self.nodes.first().address())
            .finish_non_exhaustive()
    }
}

/// Waits for all of them at once.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|it| (Box::pin(it), None)).collect();
    poll_fn(|context| {
        let mut is_over = true;
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *output = Some(value),
                Poll::Pending => is_over = false,
            }
        }
        if is_over {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

/// At least one, for Redis has no span of none.
fn millis(span: Duration) -> u64 {
    whole_millis(span).max(1)
}

/// As far as a script counts without loss.
fn whole_millis(span: Duration) -> u64 {
    const MOST: u64 = 1 << 45;
    u64::try_from(span.as_millis()).map_or(MOST, |millis| millis.min(MOST))
}
