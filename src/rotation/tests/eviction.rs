//! A full table: five sessions for each family that there is room for, with large answers.

use std::{sync::Arc, time::Duration};

use super::{
    super::{
        answer::KeptSession,
        call::{CallOutcome, Operation},
        chain::KeepTimes,
        family::FamilyStep,
        table::{Bounds, FamilyTable, Holder},
        users::UndeliveredUsers,
    },
    bench::{KEEP, LIFE},
};
use crate::{clock::Now, digest::Digest, ids::UserId, revocation::MarkName, token::RefreshToken};

/// An answer with a user's record of 100 KB.
#[derive(Clone, Debug)]
struct Large {
    has_record: bool,
}

impl KeptSession for Large {
    fn size(&self) -> usize {
        if self.has_record { 100 * 1024 } else { 2_500 }
    }

    fn without_record(&self) -> Self {
        Self { has_record: false }
    }

    fn revoked_at(&self) -> Option<Duration> {
        None
    }

    fn mark_name(&self) -> Option<MarkName> {
        None
    }
}

#[test]
fn of_more_sessions_than_fit_nobody_is_signed_out_and_memory_is_bounded() {
    renew_all(1_000, 3_200 * 1_024);
}

#[test]
#[ignore = "a minute and a half: fifty thousand sessions and the default bounds, in `.ci/run --long`"]
fn of_fifty_thousand_sessions_nobody_is_signed_out_and_memory_is_bounded() {
    renew_all(10_000, 32 * 1_024 * 1_024);
}

/// Two rounds of five sessions for each of `families`, each of which is renewed every ten minutes.
fn renew_all(families: usize, bytes: usize) {
    let sessions = 5 * families;
    let users = Arc::new(UndeliveredUsers::new(families));
    let times = KeepTimes {
        keep: KEEP,
        undelivered: None,
    };
    let bounds = Bounds { families, bytes };
    let mut table = FamilyTable::<Large>::new(times, bounds, Arc::clone(&users));
    let mut now = Now {
        wall: Duration::ZERO,
        mono: Duration::ZERO,
    };
    let step = Duration::from_secs(600) / u32::try_from(sessions).unwrap();
    // So many are renewed just before the keep time of an answer ends.
    let ago = sessions * 48 / 600;
    let mut tokens = vec![0_u32; sessions];
    for round in 0..2 {
        for (session, newest) in tokens.iter_mut().enumerate() {
            now.wall += step;
            now.mono += step;
            let present = |table: &mut FamilyTable<Large>, number: u32| {
                let token = RefreshToken::new(format!("{session}-{number}"));
                let user = UserId::from_claim(&format!("U{session}")).unwrap();
                let holder = Holder {
                    user: users.key(&user),
                    shows_session: true,
                    has_shown: true,
                    issued_at: None,
                    signed_out: false,
                    life: LIFE,
                };
                table.arrive(&token, Digest::of_test(&token), holder, None, now)
            };
            let arrival = present(&mut table, *newest);
            let step = table.next(&arrival, &Operation::Refresh, now).unwrap();
            assert!(matches!(step, FamilyStep::Send { .. }), "{round} {session}");
            let successor = RefreshToken::new(format!("{session}-{}", *newest + 1));
            let digest = Digest::of_test(&successor);
            let outcome = CallOutcome {
                answer: Ok(Large { has_record: true }),
                successor: Some(successor),
                successor_expires_at: None,
                successor_signed: None,
                tenant: None,
                expires_at: None,
                by_another: false,
            };
            let done = table.done(arrival.family, now, Ok(outcome), Some(digest));
            assert!(done.unwrap().is_ok());
            table.leave(arrival.family);
            assert!(table.bytes <= bytes + 200 * 1024, "{}", table.bytes);
            assert!(table.len().0 <= families);
            // One in ten has lost the answer, and repeats itself just before the keep time ends.
            if session >= ago && session % 10 == 0 {
                let other = session - ago;
                let token = RefreshToken::new(format!("{other}-{round}"));
                assert!(table.is_replaced(Digest::of_test(&token), now), "{other}");
            }
            *newest += 1;
        }
    }
    assert_eq!(table.lost, 0);
}
