//! An exhaustive search over the protocol: three replicas, requests that present any token of a session
//! or sign out, replies of the store that are lost, a crash, a loss of memory, and replicas that stand
//! still while time passes. Whatever the order, no token is sent twice while a replica that lives, or the
//! store, has the answer to it.
//!
//! The steps are the real ones: [`Walk`] decides, [`Memory`] keeps. Only the driver around them, which
//! waits and seals, is written here anew.

mod steps;
mod world;

use std::collections::{HashSet, VecDeque};

use self::world::{Limits, Mutation, World};

/// Searches all that may happen; returns how many worlds there are.
fn search(mutation: Mutation, limits: Limits) -> usize {
    let mut seen = HashSet::new();
    // The shortest ways first, so that a fault is shown by one of them.
    let mut open = VecDeque::from([World::new(mutation, limits)]);
    while let Some(world) = open.pop_front() {
        for next in world.next() {
            if seen.insert(next.fingerprint()) {
                open.push_back(next);
            }
        }
    }
    seen.len()
}

const LIMITS: Limits = Limits {
    starts: 3,
    ticks: 4,
    crashes: 1,
    losses: 1,
    lost_replies: 1,
    sign_outs: 0,
};

#[test]
fn no_token_is_sent_twice_while_somebody_has_its_answer() {
    let worlds = search(Mutation::None, LIMITS);
    assert!(
        worlds > 10_000,
        "{worlds} worlds are too few to say anything"
    );
}

/// Fewer requests, and more time than a quarantine takes.
const LONGER: Limits = Limits {
    starts: 2,
    ticks: 6,
    ..LIMITS
};

#[test]
fn nor_after_a_quarantine() {
    search(Mutation::None, LONGER);
}

#[test]
fn nor_where_somebody_signs_out_meanwhile() {
    let limits = Limits {
        starts: 2,
        losses: 0,
        sign_outs: 1,
        ..LIMITS
    };
    search(Mutation::None, limits);
}

/// Each change of the protocol is found.
#[test]
fn the_search_finds_what_would_send_a_token_twice() {
    for mutation in [
        Mutation::NoQuarantine,
        Mutation::NoRepublishing,
        Mutation::NoClock,
        Mutation::ShortLease,
        Mutation::AnybodyEnds,
    ] {
        // Two who claim and a third whose claim is given back, or time for a quarantine.
        let limits = if mutation == Mutation::AnybodyEnds {
            LIMITS
        } else {
            LONGER
        };
        let found = std::panic::catch_unwind(|| search(mutation, limits));
        assert!(found.is_err(), "{mutation:?} is not found");
    }
}
