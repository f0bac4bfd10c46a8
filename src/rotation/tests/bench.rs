//! The table with a clock moved by hand; answers are numbers.

use std::{sync::Arc, time::Duration};

use super::super::{
    answer::KeptSession,
    call::{CallOutcome, Operation},
    chain::KeepTimes,
    family::FamilyStep,
    table::{Arrival, Bounds, FamilyId, FamilyTable, Holder},
    users::{UndeliveredUsers, UserKey},
};
use crate::{
    clock::Now,
    digest::Digest,
    error::{Error, ErrorKind},
    ids::{TenantId, UserId},
    revocation::MarkName,
    token::RefreshToken,
};

pub(super) const KEEP: Duration = Duration::from_secs(60);

/// The life of each token.
pub(super) const LIFE: Duration = Duration::from_secs(28 * 24 * 3_600);

/// An answer of 1,000 bytes, half of them the user's record.
impl KeptSession for u32 {
    fn size(&self) -> usize {
        if *self < WITHOUT_RECORD { 1_000 } else { 500 }
    }

    fn without_record(&self) -> Self {
        WITHOUT_RECORD + self % WITHOUT_RECORD
    }

    fn revoked_at(&self) -> Option<Duration> {
        None
    }

    fn mark_name(&self) -> Option<MarkName> {
        None
    }
}

/// Numbers from here on are answers without a record.
pub(super) const WITHOUT_RECORD: u32 = 1_000_000;

#[derive(Clone)]
pub(super) struct Bench {
    pub(super) table: FamilyTable<u32>,
    pub(super) now: Now,
    pub(super) users: Arc<UndeliveredUsers>,
    /// True if the requests show a session beside their refresh token.
    pub(super) shows_session: bool,
    /// False while no browser shows what arrives.
    pub(super) has_shown: bool,
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
        Self::of_size(keep, 4)
    }

    /// A table of so many families.
    pub(super) fn of_size(keep: Duration, families: usize) -> Self {
        let bytes = usize::MAX;
        let undelivered = None;
        Self::with(KeepTimes { keep, undelivered }, Bounds { families, bytes })
    }

    pub(super) fn with(times: KeepTimes, bounds: Bounds) -> Self {
        let users = Arc::new(UndeliveredUsers::new(bounds.families));
        Self {
            table: FamilyTable::new(times, bounds, Arc::clone(&users)),
            now: Now {
                wall: Duration::ZERO,
                mono: Duration::ZERO,
            },
            users,
            shows_session: false,
            has_shown: true,
        }
    }

    /// The user of a token: its name up to the first dash.
    pub(super) fn user(&self, token: &str) -> UserKey {
        let name = token.split('-').next().unwrap_or_default();
        self.users.key(&UserId::from_claim(name).unwrap())
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now.wall += by;
        self.now.mono += by;
    }

    /// Sets the wall clock forward, as NTP does: no time has passed.
    pub(super) fn step(&mut self, by: Duration) {
        self.now.wall += by;
    }

    pub(super) fn arrive(&mut self, token: &str) -> Arrival {
        let holder = Holder {
            user: self.user(token),
            shows_session: self.shows_session,
            has_shown: self.has_shown,
            issued_at: Some(self.now.date()),
            signed_out: false,
            life: LIFE,
        };
        let token = RefreshToken::new(token);
        let digest = Digest::of_test(&token);
        self.table.arrive(&token, digest, holder, None, self.now)
    }

    pub(super) fn next(&mut self, arrival: &Arrival, op: &Operation) -> Seen {
        match self.table.next(arrival, op, self.now).unwrap() {
            FamilyStep::Wait => Seen::Wait,
            FamilyStep::Answer(answer) => Seen::Answer(answer),
            FamilyStep::Refuse(error) => Seen::Refuse(error.kind(), error.removes_cookies()),
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

    /// A request, and the end of its call, if it is sent.
    pub(super) fn ask_and_end(
        &mut self,
        token: &str,
        op: &Operation,
        result: Result<CallOutcome<u32>, Error>,
    ) -> bool {
        let arrival = self.arrive(token);
        let sent = matches!(self.next(&arrival, op), Seen::Send(_));
        if sent {
            self.done(arrival.family, result);
        }
        self.table.leave(arrival.family);
        sent
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
        let out = self
            .table
            .with_family(arrival.family, |it| it.sign_out(now));
        assert!(out.is_some());
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
        successor_expires_at: None,
        successor_signed: None,
        tenant: Some(tenant(id)),
        expires_at: None,
        by_another: false,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where `failed` could")]
pub(super) fn unrotated(answer: u32, id: &str) -> Result<CallOutcome<u32>, Error> {
    Ok(CallOutcome {
        answer: Ok(answer),
        successor: None,
        successor_expires_at: None,
        successor_signed: None,
        tenant: Some(tenant(id)),
        expires_at: None,
        by_another: false,
    })
}

/// Of the answer nothing can be used but the successor.
#[expect(clippy::unnecessary_wraps, reason = "it stands where `failed` could")]
pub(super) fn orphaned(kind: ErrorKind, successor: &str) -> Result<CallOutcome<u32>, Error> {
    Ok(CallOutcome {
        answer: Err(Error::new(kind, "failed")),
        successor: Some(RefreshToken::new(successor)),
        successor_expires_at: None,
        successor_signed: None,
        tenant: None,
        expires_at: None,
        by_another: false,
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
