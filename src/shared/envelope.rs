//! The plain content of a sealed answer: the answer as Descope gave it, and the few things that a walk
//! goes by without verifying its tokens.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::walk::Opened;
use crate::{client::RawAnswer, clock::Now, ids::TenantId};

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    /// The tenant of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// When the session ends, in seconds of the Unix epoch; `None` where the answer has no session that
    /// could be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<u64>,
    #[serde(borrow)]
    answer: &'a RawValue,
}

/// An answer to be sealed, in both forms.
#[derive(Clone)]
pub(crate) struct PlainAnswer {
    pub(super) whole: Zeroizing<Vec<u8>>,
    pub(super) tokens: Zeroizing<Vec<u8>>,
}

/// An answer that was opened.
pub(crate) struct OpenedAnswer {
    pub(crate) answer: RawAnswer,
    tenant: Option<TenantId>,
    ends: Option<SystemTime>,
}

/// An answer's own bytes, in both forms, before its tokens are verified.
pub(crate) struct AnswerBytes {
    whole: Zeroizing<Vec<u8>>,
    tokens: Zeroizing<Vec<u8>>,
}

impl AnswerBytes {
    pub(crate) fn of(answer: &RawAnswer) -> Self {
        Self {
            whole: answer.to_bytes(),
            tokens: answer.tokens_to_bytes(),
        }
    }

    /// Adds what was verified. `None` cannot be: the bytes are JSON.
    pub(crate) fn with(
        self,
        tenant: Option<&TenantId>,
        ends: Option<SystemTime>,
    ) -> Option<PlainAnswer> {
        let put = |bytes: &[u8]| {
            let envelope = Envelope {
                tenant: tenant.map(|tenant| tenant.as_str().to_owned()),
                ends: ends.map(seconds),
                answer: serde_json::from_slice(bytes).ok()?,
            };
            serde_json::to_vec(&envelope).ok().map(Zeroizing::new)
        };
        Some(PlainAnswer {
            whole: put(&self.whole)?,
            tokens: put(&self.tokens)?,
        })
    }
}

impl OpenedAnswer {
    /// Reads the plain content; `None` for one of another version, or of none.
    pub(super) fn read(plain: &[u8]) -> Option<Self> {
        let envelope: Envelope<'_> = serde_json::from_slice(plain).ok()?;
        let tenant = match envelope.tenant {
            Some(tenant) => Some(TenantId::new(&tenant).ok()?),
            None => None,
        };
        Some(Self {
            answer: RawAnswer::from_bytes(envelope.answer.get().as_bytes())?,
            tenant,
            ends: envelope.ends.and_then(date),
        })
    }

    /// The content again, to be sealed under another token.
    pub(super) fn plain(&self) -> Option<PlainAnswer> {
        AnswerBytes::of(&self.answer).with(self.tenant.as_ref(), self.ends)
    }

    /// The part that a walk goes by.
    pub(super) fn opened(&self, age: Duration, now: Now) -> Opened {
        Opened {
            has_successor: self.answer.refresh_token().is_some(),
            tenant: self.tenant.clone(),
            is_good: self.ends.is_some_and(|end| end > now.date()),
            age,
        }
    }
}

fn seconds(date: SystemTime) -> u64 {
    let since = date.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn date(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
