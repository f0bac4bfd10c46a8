//! The exchange of an access key over all replicas: one makes it, and the others take its session.
//!
//! Nothing is lost by an exchange too many, so whatever goes wrong here is answered by one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    poll::Pauses,
    record::{Attempt, Claim, Claimed, Publication, Purpose, Record, RecordKind, RecordName},
    replica::Replica,
};
use crate::{
    client::RawExchange,
    token::{AccessKey, SessionToken},
};

#[derive(Serialize, Deserialize)]
struct StoredExchange {
    token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Value>,
}

/// A key and the options of its exchange, as all replicas name them.
pub(crate) struct SharedKey {
    name: RecordName,
    key: AccessKey,
}

/// Who is to exchange a key.
pub(crate) enum Exchanging {
    /// Nobody: another replica has.
    Done(RawExchange),
    /// This replica, and the others wait for it.
    Claimed(Attempt),
    /// This replica, for itself.
    Alone,
}

impl Replica {
    /// Names a key, with the options that it is exchanged with, which may differ while a new version of
    /// the service is deployed. `None` without a crypto backend.
    pub(crate) fn shared_key(&self, key: &AccessKey, options: &[u8]) -> Option<SharedKey> {
        let options = String::from_utf8_lossy(options);
        // A line feed is in no key, so that no two pairs are one text.
        let text = Zeroizing::new(format!("{}\n{options}", key.expose()));
        let digest = self.inner.sealer.digest(&text).ok()?;
        Some(SharedKey {
            name: RecordName::new(RecordKind::AccessKey, &digest),
            key: key.clone(),
        })
    }

    /// Says who is to exchange a key; waits for another replica's exchange as long as a call takes.
    pub(crate) async fn exchanging(&self, key: &SharedKey) -> Exchanging {
        let times = self.inner.times;
        let started = self.now();
        let Ok(attempt) = Attempt::new() else {
            return Exchanging::Alone;
        };
        let claim = Claim {
            name: key.name,
            attempt,
            purpose: Purpose::Exchange,
            lease: times.call,
            // Two exchanges do no harm.
            quarantine: Duration::ZERO,
        };
        let mut pauses = Pauses::new(self.average());
        loop {
            let Ok(found) = self.claim(&claim).await else {
                self.give_back(key.name, attempt);
                return Exchanging::Alone;
            };
            let age = match found.state {
                Claimed::Own => return Exchanging::Claimed(attempt),
                Claimed::Taken(Record::Done(answer)) => {
                    let found = self.open_exchange(key, &answer.sealed);
                    return found.map_or(Exchanging::Alone, Exchanging::Done);
                }
                Claimed::Taken(Record::Busy { age, .. }) => Some(age),
                Claimed::Taken(_) | Claimed::Lost { .. } => return Exchanging::Alone,
            };
            let left = times.call.saturating_sub(self.now().since(&started));
            if left.is_zero() {
                return Exchanging::Alone;
            }
            self.inner.clock.deadline(pauses.next(age).min(left)).await;
        }
    }

    /// Leaves an exchange for the other replicas, for so long.
    pub(crate) fn leave_exchange(
        &self,
        key: &SharedKey,
        attempt: Attempt,
        exchange: &RawExchange,
        life: Duration,
    ) {
        let stored = StoredExchange {
            token: exchange.session_token.expose().to_owned(),
            key: exchange.key_id.clone(),
        };
        let plain = serde_json::to_vec(&stored).map(Zeroizing::new);
        let seal = |plain: &[u8]| {
            let sealer = &self.inner.sealer;
            sealer.seal(key.key.expose(), &key.name.id, plain).ok()
        };
        let Some(closed) = plain.ok().and_then(|plain| seal(&plain)) else {
            return self.give_back(key.name, attempt);
        };
        let answer = Publication {
            whole: Vec::new(),
            tokens: closed,
            keep: Duration::ZERO,
            age: Duration::ZERO,
            life,
            delivered: false,
        };
        self.publish_until_taken(key.name, attempt, answer);
    }

    /// Gives a key back that was not exchanged.
    pub(crate) fn not_exchanged(&self, key: &SharedKey, attempt: Attempt) {
        self.give_back(key.name, attempt);
    }

    fn open_exchange(&self, key: &SharedKey, sealed: &[u8]) -> Option<RawExchange> {
        let opener = &self.inner.sealer;
        let plain = opener.open(key.key.expose(), &key.name.id, sealed)?;
        let stored: StoredExchange = serde_json::from_slice(&plain).ok()?;
        Some(RawExchange {
            session_token: SessionToken::new(stored.token),
            key_id: stored.key,
        })
    }
}
