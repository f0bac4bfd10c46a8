//! The view of a request that holds a place in a family.

use std::time::Duration;

use super::bench::{Bench, KEEP, rotated, unrotated};
use crate::{
    error::{Error, ErrorKind},
    rotation::{Operation, family::Newest, table::Arrival},
};

fn newest(bench: &mut Bench, arrival: &Arrival) -> Result<Option<u32>, ()> {
    match bench.table.family(arrival.family).unwrap().newest() {
        Newest::Answer(answer) => Ok(Some(answer)),
        Newest::None => Ok(None),
        Newest::Ended => Err(()),
    }
}

fn try_early(bench: &mut Bench, holder: &Arrival) -> bool {
    let (ticket, now) = (holder.ticket, bench.now);
    let free = bench
        .table
        .with_family(holder.family, |family| family.try_early(ticket, now));
    free.unwrap()
}

#[test]
fn the_newest_answer_is_seen_however_long_it_takes() {
    let mut bench = Bench::new(KEEP);
    let holder = bench.arrive("a");
    assert_eq!(newest(&mut bench, &holder), Ok(None));
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    assert_eq!(newest(&mut bench, &holder), Ok(Some(1)));
    bench.advance(KEEP * 3);
    // Others come and go, and what is stale is forgotten; not what is held.
    for other in ["x", "y", "z", "u", "v"] {
        bench.call(other, &Operation::Refresh, unrotated(0, "T1"));
    }
    assert_eq!(newest(&mut bench, &holder), Ok(Some(1)));
    bench.call("b", &Operation::Refresh, rotated(2, "c", "T1"));
    assert_eq!(newest(&mut bench, &holder), Ok(Some(2)));
    bench.forget("c");
    assert_eq!(newest(&mut bench, &holder), Err(()));
}

#[test]
fn an_answer_is_for_repeats_while_it_is_kept() {
    let mut bench = Bench::new(KEEP);
    let holder = bench.arrive("a");
    bench.call("a", &Operation::Refresh, unrotated(1, "T1"));
    let kept = |bench: &mut Bench| {
        let family = bench.table.family(holder.family).unwrap();
        family.kept(holder.ticket, bench.now)
    };
    assert_eq!(kept(&mut bench), Some(1));
    bench.advance(KEEP);
    assert_eq!(kept(&mut bench), None);
}

#[test]
fn a_good_session_is_renewed_once_a_minute_and_never_beside_another_call() {
    let mut bench = Bench::new(KEEP);
    let holder = bench.arrive("a");
    let early = |bench: &mut Bench| try_early(bench, &holder);
    assert!(early(&mut bench));
    assert!(!early(&mut bench));
    let failed = Err(Error::new(ErrorKind::UpstreamTimeout, "x"));
    bench.call("a", &Operation::Refresh, failed);
    bench.advance(Duration::from_secs(59));
    assert!(!early(&mut bench));
    bench.advance(Duration::from_secs(1));
    assert!(early(&mut bench));
    // What it was for has come.
    bench.call("a", &Operation::Refresh, rotated(1, "b", "T1"));
    assert!(early(&mut bench));

    bench.advance(KEEP);
    let arrival = bench.arrive("b");
    bench.next(&arrival, &Operation::Refresh);
    assert!(!early(&mut bench), "one is under way");
    bench.done(arrival.family, rotated(2, "c", "T1"));
    bench.table.leave(arrival.family);
    bench.forget("c");
    assert!(!early(&mut bench), "signed out");
}

#[test]
fn that_a_good_session_was_tried_is_remembered_for_a_minute() {
    let mut bench = Bench::new(Duration::ZERO);
    for (after, free) in [(0, true), (30, false), (30, true)] {
        bench.advance(Duration::from_secs(after));
        let holder = bench.arrive("a");
        assert_eq!(try_early(&mut bench, &holder), free, "{after}");
        bench.table.leave(holder.family);
    }
}
