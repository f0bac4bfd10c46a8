//! The table with a clock moved by hand; answers are numbers.

use std::time::Duration;

use super::super::{
    call::{CallOutcome, Operation},
    family::FamilyStep,
    table::{Arrival, FamilyId, FamilyTable},
};
use crate::{
    clock::Now,
    digest::Digest,
    error::{Error, ErrorKind},
    ids::TenantId,
    token::RefreshToken,
};

pub(super) const KEEP: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Bench {
    pub(super) table: FamilyTable<u32>,
    pub(super) now: Now,
}

#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    Wait,
    Answer(u32),
    Refuse(ErrorKind, bool),
    Send(String),
}

impl Bench {
    pub(super) fn new(keep: Duration) -> Self {
        Self {
            table: FamilyTable::new(keep, 4),
            now: Now {
                wall: Duration::ZERO,
                mono: Duration::ZERO,
            },
        }
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now.wall += by;
        self.now.mono += by;
    }

    pub(super) fn arrive(&mut self, token: &str) -> Arrival {
        let token = RefreshToken::new(token);
        self.table.arrive(&token, Digest::of_test(&token), self.now)
    }

    pub(super) fn next(&mut self, arrival: &Arrival, op: &Operation) -> Seen {
        match self.table.next(arrival, op, self.now).unwrap() {
            FamilyStep::Wait => Seen::Wait,
            FamilyStep::Answer(answer) => Seen::Answer(answer),
            FamilyStep::Refuse(error) => Seen::Refuse(error.kind(), error.ends_session()),
            FamilyStep::Send { token } => Seen::Send(token.expose().to_owned()),
        }
    }

    /// Returns `true` if the caller gets an answer.
    pub(super) fn done(
        &mut self,
        family: FamilyId,
        result: Result<CallOutcome<u32>, Error>,
    ) -> bool {
        let successor = result.as_ref().ok().and_then(|it| it.successor.clone());
        let digest = successor.as_ref().map(Digest::of_test);
        let result = self.table.done(family, self.now, result, digest);
        result.unwrap().is_ok()
    }

    /// A request that need not wait.
    pub(super) fn ask(&mut self, token: &str, op: &Operation) -> Seen {
        let arrival = self.arrive(token);
        let seen = self.next(&arrival, op);
        self.table.leave(arrival.family);
        seen
    }

    /// A request that is sent, and its end.
    pub(super) fn call(
        &mut self,
        token: &str,
        op: &Operation,
        result: Result<CallOutcome<u32>, Error>,
    ) {
        let arrival = self.arrive(token);
        assert!(matches!(self.next(&arrival, op), Seen::Send(_)));
        self.done(arrival.family, result);
        self.table.leave(arrival.family);
    }

    pub(super) fn forget(&mut self, token: &str) {
        let arrival = self.arrive(token);
        let now = self.now;
        self.table.family(arrival.family).unwrap().sign_out(now);
        self.table.leave(arrival.family);
    }
}

fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(super) fn select(id: &str) -> Operation {
    Operation::Select(tenant(id))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where `failed` could")]
pub(super) fn rotated(answer: u32, successor: &str, id: &str) -> Result<CallOutcome<u32>, Error> {
    Ok(CallOutcome {
        answer: Ok(answer),
        successor: Some(RefreshToken::new(successor)),
        tenant: Some(tenant(id)),
        expires_at: None,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where `failed` could")]
pub(super) fn unrotated(answer: u32, id: &str) -> Result<CallOutcome<u32>, Error> {
    Ok(CallOutcome {
        answer: Ok(answer),
        successor: None,
        tenant: Some(tenant(id)),
        expires_at: None,
    })
}

/// Of the answer nothing can be used but the successor.
#[expect(clippy::unnecessary_wraps, reason = "it stands where `failed` could")]
pub(super) fn orphaned(kind: ErrorKind, successor: &str) -> Result<CallOutcome<u32>, Error> {
    Ok(CallOutcome {
        answer: Err(Error::new(kind, "failed")),
        successor: Some(RefreshToken::new(successor)),
        tenant: None,
        expires_at: None,
    })
}

pub(super) fn failed(kind: ErrorKind) -> Result<CallOutcome<u32>, Error> {
    let error = Error::new(kind, "failed");
    // Without a code it would be some proxy's word.
    Err(match kind {
        ErrorKind::Refused => error.with_code("E011001"),
        _ => error,
    })
}

pub(super) fn sends(token: &str) -> Seen {
    Seen::Send(token.to_owned())
}
