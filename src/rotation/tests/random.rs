//! Random sequences of all that can happen, and what must hold whatever does.

use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;

use super::{
    super::{
        call::Operation,
        table::{Arrival, FamilyId},
    },
    bench::{Bench, KEEP, Seen, failed, orphaned, rotated, select, unrotated},
};
use crate::{clock::Now, error::ErrorKind};

/// One event of a random sequence. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Event {
    Arrive { token: usize, op: Operation },
    Turn { request: usize },
    End { call: usize, how: How },
    GiveUp { request: usize },
    Advance { seconds: u64 },
    Forget { token: usize },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Rotated,
    /// The successor came, and nothing else that could be used.
    Orphaned,
    Unrotated,
    Refused,
    TimedOut,
    SignedOut,
}

fn event() -> impl Strategy<Value = Event> {
    let op = prop_oneof![
        4 => Just(Operation::Refresh),
        4 => "[12]".prop_map(|id| select(&id)),
        1 => Just(Operation::SignOut),
    ];
    let how = prop_oneof![
        4 => Just(How::Rotated),
        1 => Just(How::Orphaned),
        1 => Just(How::Unrotated),
        1 => Just(How::Refused),
        1 => Just(How::TimedOut),
        1 => Just(How::SignedOut),
    ];
    prop_oneof![
        6 => (any::<usize>(), op).prop_map(|(token, op)| Event::Arrive { token, op }),
        8 => any::<usize>().prop_map(|request| Event::Turn { request }),
        5 => (any::<usize>(), how).prop_map(|(call, how)| Event::End { call, how }),
        1 => any::<usize>().prop_map(|request| Event::GiveUp { request }),
        2 => (0..20_u64).prop_map(|seconds| Event::Advance { seconds }),
        1 => any::<usize>().prop_map(|token| Event::Forget { token }),
    ]
}

struct Up {
    token: String,
    family: FamilyId,
    op: Operation,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_token_is_up_twice_nor_after_its_successor_came(
        events in prop::collection::vec(event(), 1..150)
    ) {
        let mut bench = Bench::of_size(KEEP, 1_000);
        let mut tokens = vec!["x".to_owned(), "y".to_owned()];
        // When its successor came.
        let mut replaced: HashMap<String, Now> = HashMap::new();
        let mut forgotten: Vec<String> = Vec::new();
        let mut requests: Vec<(Arrival, String, Operation)> = Vec::new();
        let mut up: Vec<Up> = Vec::new();
        let mut calls = 0;
        for event in events {
            match event {
                Event::Arrive { token, op } => {
                    let token = tokens[token % tokens.len()].clone();
                    let arrival = bench.arrive(&token);
                    if op == Operation::SignOut {
                        bench.forget(&token);
                        forgotten.push(token.clone());
                    }
                    requests.push((arrival, token, op));
                }
                Event::Turn { request } if !requests.is_empty() => {
                    let index = request % requests.len();
                    let (arrival, presented, op) = &requests[index];
                    let seen = bench.next(arrival, op);
                    if seen == Seen::Wait {
                        prop_assert!(up.iter().any(|call| call.family == arrival.family));
                        continue;
                    }
                    let family = arrival.family;
                    if let Seen::Send(token) = seen {
                        prop_assert!(up.iter().all(|call| call.token != token), "twice {token}");
                        prop_assert!(token[..1] == presented[..1], "another browser's");
                        let signs_out = *op == Operation::SignOut;
                        prop_assert!(signs_out || !forgotten.contains(&token), "after logout");
                        if let Some(at) = replaced.get(&token) {
                            prop_assert!(bench.now.since(at) >= KEEP, "used {token}");
                        }
                        up.push(Up { token, family, op: op.clone() });
                    }
                    requests.remove(index);
                    bench.table.leave(family);
                }
                Event::End { call, how } if !up.is_empty() => {
                    let call = up.remove(call % up.len());
                    calls += 1;
                    let id = match &call.op {
                        Operation::Select(id) => id.as_str(),
                        Operation::Flow(_) | Operation::Refresh => "1",
                        Operation::SignOut => {
                            let revoked = !matches!(how, How::TimedOut);
                            let now = bench.now;
                            bench.table.with_family(call.family, |it| it.signed_out(now, revoked));
                            continue;
                        }
                    };
                    let successor = format!("{}{calls}", &call.token[..1]);
                    let result = match how {
                        How::Rotated => rotated(calls, &successor, id),
                        How::Orphaned => orphaned(ErrorKind::KeysUnavailable, &successor),
                        How::Unrotated => unrotated(calls, id),
                        How::Refused => failed(ErrorKind::Refused),
                        How::TimedOut => failed(ErrorKind::UpstreamTimeout),
                        How::SignedOut => failed(ErrorKind::SessionEnded),
                    };
                    let answered = bench.done(call.family, result);
                    match how {
                        How::Rotated if answered => {
                            replaced.insert(call.token, bench.now);
                            tokens.push(successor);
                        }
                        // Nobody has the successor, so nobody presents it.
                        How::Orphaned => drop(replaced.insert(call.token, bench.now)),
                        _ => {}
                    }
                }
                Event::GiveUp { request } if !requests.is_empty() => {
                    let (arrival, ..) = requests.remove(request % requests.len());
                    bench.table.leave(arrival.family);
                }
                Event::Advance { seconds } => bench.advance(Duration::from_secs(seconds)),
                Event::Forget { token } => {
                    let token = tokens[token % tokens.len()].clone();
                    bench.forget(&token);
                    forgotten.push(token);
                }
                Event::Turn { .. } | Event::End { .. } | Event::GiveUp { .. } => {}
            }
        }
    }
}
