//! The exchange of an access key over all replicas: one makes it, and the others take its session.
//!
//! Nothing is lost by an exchange too many, so whatever goes wrong here is answered by one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
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

/// Who is to exchange a key.
pub(crate) enum Exchanging {
    /// Nobody: another replica has.
    Done(RawExchange),
    /// This replica, and the others wait for it.
    Claimed(ClaimedKey),
    /// This replica, for itself.
    Alone,
}

/// A key that is this replica's to exchange.
pub(crate) struct ClaimedKey {
    replica: Replica,
    key: SharedKey,
    attempt: Attempt,
}

/// A key and the options of its exchange, as all replicas name them.
struct SharedKey {
    name: RecordName,
    key: AccessKey,
}

impl Replica {
    /// Says who is to exchange a key with these options, which may differ while a new version of the
    /// service is deployed; waits for another replica's exchange as long as a call takes.
    pub(crate) async fn exchanging(&self, key: &AccessKey, options: &[u8]) -> Exchanging {
        let times = self.inner.times;
        let (Some(key), Ok(attempt)) = (self.shared_key(key, options), Attempt::new()) else {
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
        let mut wait = self.wait(times.call);
        loop {
            let Ok(found) = self.claim(&claim).await else {
                return Exchanging::Alone;
            };
            let age = match found.state {
                Claimed::Own => {
                    return Exchanging::Claimed(ClaimedKey {
                        replica: self.clone(),
                        key,
                        attempt,
                    });
                }
                Claimed::Taken(Record::Done(answer)) => {
                    let found = self.open_exchange(&key, &answer.sealed);
                    return found.map_or(Exchanging::Alone, Exchanging::Done);
                }
                Claimed::Taken(Record::Busy { age, .. }) => Some(age),
                Claimed::Taken(_) | Claimed::Lost { .. } => return Exchanging::Alone,
            };
            if !wait.pause(age).await {
                return Exchanging::Alone;
            }
        }
    }

    /// `None` without a crypto backend.
    fn shared_key(&self, key: &AccessKey, options: &[u8]) -> Option<SharedKey> {
        let options = String::from_utf8_lossy(options);
        // A line feed is in no key, so that no two pairs are one text.
        let text = Zeroizing::new(format!("{}\n{options}", key.expose()));
        let digest = self.inner.sealer.digest(&text).ok()?;
        Some(SharedKey {
            name: RecordName::new(RecordKind::AccessKey, &digest),
            key: key.clone(),
        })
    }

    fn seal_exchange(&self, key: &SharedKey, exchange: &RawExchange) -> Option<Vec<u8>> {
        let stored = StoredExchange {
            token: exchange.session_token.expose().to_owned(),
            key: exchange.key_id.clone(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&stored).ok()?);
        let inner = &self.inner;
        let sealed = inner.sealer.seal(key.key.expose(), &key.name.id, &plain);
        sealed.ok()
    }

    fn open_exchange(&self, key: &SharedKey, sealed: &[u8]) -> Option<RawExchange> {
        let inner = &self.inner;
        let plain = inner.sealer.open(key.key.expose(), &key.name.id, sealed)?;
        let stored: StoredExchange = serde_json::from_slice(&plain).ok()?;
        Some(RawExchange {
            session_token: SessionToken::new(stored.token),
            key_id: stored.key,
        })
    }
}

impl ClaimedKey {
    /// Leaves its exchange for the other replicas, for so long.
    pub(crate) fn leave(self, exchange: &RawExchange, life: Duration) {
        let Some(tokens) = self.replica.seal_exchange(&self.key, exchange) else {
            return self.give_back();
        };
        let answer = Publication {
            whole: Vec::new(),
            tokens,
            keep: Duration::ZERO,
            age: Duration::ZERO,
            life,
            delivered: false,
        };
        self.replica
            .publish_until_taken(self.key.name, self.attempt, answer);
    }

    /// Gives a key back that was not exchanged.
    pub(crate) fn give_back(self) {
        self.replica.give_back(self.key.name, self.attempt);
    }
}
