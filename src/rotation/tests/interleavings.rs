//! Every interleaving of a few requests of one browser, over the real table and its families.
//!
//! A request is one of: refresh, select `T1`, select `T2`, logout. Its steps, each of which may
//! come at any time after the one before, whatever the other requests do meanwhile: the browser
//! sends it, with the refresh cookie of that moment; it arrives here; its turn comes; Descope (a
//! small model: rotation, reuse kills the family, the selected tenant is remembered) does what it
//! is told; Descope's answer comes here; the response's head is made; the response reaches the
//! browser. So responses, and requests, overtake one another in every way there is.
//!
//! Any of these may be lost: the request, the call before Descope saw it, Descope's answer, the
//! response. After a lost call a second may pass, once, so that what rests goes up again.
//!
//! Depth: all pairs of requests with up to three losses, all triples with up to one; by hand
//! (`--ignored`) all triples with up to two, and all sets of four with none. With rotation and
//! without. States that are equal are explored once, and a call reaches Descope as soon as it went
//! up, which nobody sees before its answer comes; paths are counted without the former.
//!
//! Each claim is written where it is asserted. Two things no server can promise, and they are
//! admitted here exactly as far as this:
//!
//! * A response whose head was made before a logout came may reach the browser after the logout's.
//!   Its refresh token does not work any more; its session token does, until it expires.
//! * Where Descope rotated and its answer was lost, nobody knows the successor. The browser's
//!   cookies stay as they are; the old token goes up once more, not before a second has passed, and
//!   from then on never again.

use std::{collections::HashMap, time::Duration};

use super::{
    super::{call::Operation, family::FamilyStep},
    bench::KEEP,
    upstream::{Reply, RequestKind},
    world::{Cookies, Event, Request, Stage, World, name},
};
use crate::{
    digest::Digest,
    error::ErrorKind,
    token::{REMEMBER_DELIVERED, RefreshToken},
};

const KINDS: [RequestKind; 4] = [
    RequestKind::Refresh,
    RequestKind::Select(1),
    RequestKind::Select(2),
    RequestKind::Logout,
];

#[derive(Default, Debug)]
struct Tally {
    states: usize,
    leaves: usize,
    accepted: usize,
    healed: usize,
    logged_out: usize,
    orphaned: usize,
    paths: u128,
}

impl World {
    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        // What Descope does is seen by nobody until its answer comes: when does not matter.
        let up = |request: &Request| matches!(request.stage, Stage::Up(_));
        if let Some(index) = self.requests.iter().position(up) {
            events.push(Event::Go(index));
            if self.losses > 0 {
                events.push(Event::Lose(index));
            }
            return events;
        }
        for (index, request) in self.requests.iter().enumerate() {
            let (go, lose) = match request.stage {
                Stage::Idle | Stage::Ended(_) | Stage::Replied(Reply::Unreachable) => (true, false),
                Stage::Waiting => (!self.is_up(), false),
                Stage::Over => (false, false),
                Stage::Sent(_) | Stage::Up(_) | Stage::Replied(_) | Stage::Head(_) => (true, true),
            };
            if go {
                events.push(Event::Go(index));
            }
            if lose && self.losses > 0 {
                events.push(Event::Lose(index));
            }
        }
        if !events.is_empty() && self.rests && !self.passed {
            events.push(Event::Second);
        }
        let minutes = self.may_take_long && !self.took_long;
        if !events.is_empty() && minutes {
            events.push(Event::Minutes);
        }
        events
    }

    fn after(&self, event: Event) -> Self {
        let mut next = self.clone();
        match event {
            Event::Second => {
                next.passed = true;
                next.bench.advance(Duration::from_secs(1));
            }
            Event::Minutes => {
                next.took_long = true;
                next.passed = true;
                next.bench.advance(KEEP + Duration::from_secs(1));
            }
            Event::Go(index) => next.requests[index].stage = next.go(index),
            Event::Lose(index) => {
                next.losses -= 1;
                next.requests[index].stage = next.lose(index);
            }
        }
        for request in &mut next.requests {
            if matches!(request.stage, Stage::Head(Cookies::Untouched)) {
                request.stage = Stage::Over;
            }
        }
        next
    }

    /// The outcome of the browser's next request, a refresh; cookies are kept.
    fn next_request(&mut self) -> Result<(), (ErrorKind, bool)> {
        let token = name(self.jar.expect("there are cookies").refresh);
        let arrival = self.bench.arrive(&token);
        let (family, now) = (arrival.family, self.bench.now);
        let step = self.bench.table.next(&arrival, &Operation::Refresh, now);
        let result = match step.unwrap() {
            FamilyStep::Answer(answer) => Ok(answer),
            FamilyStep::Refuse(error) => Err(error),
            FamilyStep::Wait => panic!("nothing is up"),
            FamilyStep::Send { token } => {
                let token: u8 = token.expose()[1..].parse().unwrap();
                let granted = &mut self.granted;
                let reply = self.descope.process(RequestKind::Refresh, token, granted);
                let outcome = self.outcome(reply);
                let successor = outcome.as_ref().ok().and_then(|it| it.successor.clone());
                let digest = successor
                    .as_ref()
                    .map(|it: &RefreshToken| Digest::of_test(it));
                let table = &mut self.bench.table;
                table.done(family, now, outcome, digest).unwrap()
            }
        };
        self.bench.table.leave(family);
        match result {
            Ok(answer) => {
                self.jar = Some(self.granted[answer as usize]);
                Ok(())
            }
            Err(error) => {
                if error.removes_cookies() {
                    self.jar = None;
                }
                Err((error.kind(), error.removes_cookies()))
            }
        }
    }

    /// Asserts what must hold once every request has ended.
    fn judge(mut self, tally: &mut Tally) {
        tally.leaves += 1;
        self.bench.advance(Duration::from_secs(1));
        if self.logout {
            tally.logged_out += 1;
            assert!(
                !self.signed_out || self.jar.is_none() || self.overtaken,
                "cookies are left after a logout"
            );
            // Nothing signs in: at once, where the cookies are left alone, since the response of the
            // sign-out has removed them; and a quarter of an hour later, when they go.
            let mut later = self.clone();
            later.bench.advance(REMEMBER_DELIVERED);
            if self.jar.is_some() {
                let over = Err((ErrorKind::SessionEnded, false));
                let reused = Err((ErrorKind::RefreshTokenReused, false));
                let said = self.next_request();
                assert!(said == over || self.orphaned && said == reused, "{said:?}");
                let said = later.next_request();
                assert!(matches!(said, Err((_, true))), "{said:?}");
            }
            return;
        }
        let before = self.jar.expect("nobody signed out");
        let accepted = self.descope.accepts(before.refresh);
        if self.orphaned {
            tally.orphaned += 1;
            let reused = |ends| Err((ErrorKind::RefreshTokenReused, ends));
            let calls = self.granted.len();
            // An older answer that is still kept goes round once more.
            let mut said = self.next_request();
            if said.is_ok() {
                said = self.next_request();
            }
            if self.took_long && said == reused(true) {
                // It was said longer than the keep time ago.
                assert_eq!(self.granted.len(), calls);
                return;
            }
            assert_eq!(said, reused(false));
            assert!(self.jar.is_some(), "the cookies stay");
            // And never again.
            assert_eq!(self.next_request(), reused(false));
            self.bench.advance(KEEP);
            assert_eq!(self.next_request(), reused(true));
            assert_eq!(self.granted.len(), calls);
            return;
        }
        assert_eq!(self.next_request(), Ok(()), "not healed");
        let after = self.jar.unwrap();
        assert!(self.descope.accepts(after.refresh), "not healed: {after:?}");
        assert_eq!(after.tenant, self.descope.tenant, "another tenant");
        if accepted {
            tally.accepted += 1;
        } else {
            tally.healed += 1;
        }
    }
}

/// The number of paths from here.
fn explore(world: &World, known: &mut HashMap<u128, u128>, tally: &mut Tally) -> u128 {
    let key = world.key();
    if let Some(paths) = known.get(&key) {
        return *paths;
    }
    tally.states += 1;
    let events = world.events();
    let paths = if events.is_empty() {
        world.clone().judge(tally);
        1
    } else {
        let after = events.into_iter().map(|event| world.after(event));
        after.map(|next| explore(&next, known, tally)).sum()
    };
    known.insert(key, paths);
    paths
}

/// Every set of so many requests, with rotation and without.
fn explore_all(requests: usize, losses: u8, may_take_long: bool) -> Tally {
    let mut sets: Vec<Vec<RequestKind>> = vec![Vec::new()];
    for _ in 0..requests {
        let longer = |set: &Vec<RequestKind>| {
            let (set, last) = (set.clone(), set.last().copied());
            let more = KINDS.into_iter().filter(move |it| Some(*it) >= last);
            more.map(move |it| [&set[..], &[it]].concat())
        };
        sets = sets.iter().flat_map(longer).collect();
    }
    let mut tally = Tally::default();
    for set in &sets {
        for rotation in [true, false] {
            let world = World::new(set, rotation, losses, may_take_long);
            let paths = explore(&world, &mut HashMap::new(), &mut tally);
            tally.paths += paths;
        }
    }
    println!(
        "{requests} requests, {losses} losses, {} sets: {tally:?}",
        sets.len()
    );
    tally
}

#[test]
fn two_requests_end_well_whatever_is_overtaken_or_lost() {
    let tally = explore_all(2, 3, false);
    assert!(tally.healed > 0 && tally.accepted > 0 && tally.orphaned > 0);
}

#[test]
fn two_requests_end_well_though_responses_and_requests_take_minutes() {
    let tally = explore_all(2, 2, true);
    assert!(tally.healed > 0 && tally.accepted > 0 && tally.orphaned > 0);
}

#[test]
fn three_requests_end_well_whatever_is_overtaken_or_lost() {
    let tally = explore_all(3, 1, false);
    assert!(tally.healed > 0 && tally.logged_out > 0);
}

#[test]
#[ignore = "a minute or two: a million states, in `.ci/run --long`"]
fn more_requests_and_losses_end_well_too() {
    explore_all(3, 2, false);
    explore_all(4, 0, false);
}
