//! Rows that take turns.
//!
//! In each turn every contender works for a short slice, and each slice is compared with the
//! slices of the same turn: what a busy machine does to one it does to its neighbours. What counts
//! is the median over the turns.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::{
    contender::Contender,
    scenario::{Scenario, Work},
};

/// Shorter than what a busy machine gives a process at a time, so that most slices are whole.
const SLICE: Duration = Duration::from_micros(250);

/// What one contender's work cost; times in nanoseconds.
pub struct Row {
    pub contender: &'static str,
    pub nanos: f64,
    /// What it took more than the service without any layer; for verdicts all that it took.
    pub added: f64,
    /// `added` over the raw signature check.
    pub over_raw: f64,
    /// `added` over that of tower-descope with its cache.
    pub over_warm: f64,
}

/// Whether this contender can do this at all.
pub fn takes_part(contender: &Contender, scenario: &Scenario) -> bool {
    match scenario.work {
        // The bare service admits everybody.
        Work::Call(_) => scenario.good || !contender.version.is_empty(),
        Work::Verdict(_) => contender.verdict.is_some(),
    }
}

/// Does it once, and sees that the answer is right.
pub fn check(contender: &mut Contender, scenario: &Scenario) {
    contender.backend.choose();
    let good = match &scenario.work {
        Work::Call(request) => (contender.call)(request.clone()).is_success(),
        Work::Verdict(token) => contender
            .verdict
            .as_mut()
            .is_some_and(|verdict| verdict(token)),
    };
    assert_eq!(good, scenario.good, "{}, {}", contender.name, scenario.name);
    (scenario.raw)();
}

/// Nanoseconds of the raw check, and the rows. The first contender is the bare service, the second
/// tower-descope with its cache.
pub fn turns(contenders: &mut [Contender], scenario: &Scenario, turns: usize) -> (f64, Vec<Row>) {
    let raw_times = times_in_slice(|times| raw(scenario, times));
    let calls = matches!(scenario.work, Work::Call(_));
    // The bare service takes part as what is subtracted, also where it is no row.
    let mut part: Vec<&mut Contender> = contenders
        .iter_mut()
        .enumerate()
        .filter(|(index, one)| (calls && *index == 0) || takes_part(one, scenario))
        .map(|(_, contender)| contender)
        .collect();
    let times: Vec<u64> = part
        .iter_mut()
        .map(|contender| times_in_slice(|times| slice(contender, &scenario.work, times)))
        .collect();
    let (bare, warm) = (calls.then_some(0), usize::from(calls));
    let mut samples: Vec<[Vec<f64>; 4]> = part.iter().map(|_| Default::default()).collect();
    let mut floors = Vec::new();
    for number in 0..turns {
        let raw = per_time(raw(scenario, raw_times), raw_times);
        floors.push(raw);
        let mut turn = vec![0.0; part.len()];
        // Another one begins each time, so that nobody always comes after the same neighbour.
        for index in (0..times.len()).map(|index| (index + number) % times.len()) {
            let times = times[index];
            // Brings its code and data back into the processor's caches.
            slice(part[index], &scenario.work, times.div_ceil(4));
            turn[index] = per_time(slice(part[index], &scenario.work, times), times);
        }
        let bare = bare.map_or(0.0, |index: usize| turn[index]);
        for (nanos, samples) in turn.iter().zip(&mut samples) {
            let added = nanos - bare;
            let values = [*nanos, added, added / raw, added / (turn[warm] - bare)];
            for (value, samples) in values.into_iter().zip(samples) {
                samples.push(value);
            }
        }
    }
    let shown = part.iter().zip(samples);
    let shown = shown.filter(|(contender, _)| takes_part(contender, scenario));
    let rows = shown.map(|(contender, samples)| {
        let [nanos, added, over_raw, over_warm] = samples.map(median);
        let contender = contender.name;
        Row {
            contender,
            nanos,
            added,
            over_raw,
            over_warm,
        }
    });
    (median(floors), rows.collect())
}

/// Does the work so many times; what goes in is made outside of the measured time.
fn slice(contender: &mut Contender, work: &Work, times: u64) -> Duration {
    /// Few enough to stay in the processor's cache, enough that reading the time is nothing.
    const AT_ONCE: u64 = 64;
    contender.backend.choose();
    match work {
        Work::Call(request) => {
            let mut took = Duration::ZERO;
            let mut left = times;
            while left > 0 {
                let now = left.min(AT_ONCE);
                let requests: Vec<_> = (0..now).map(|_| request.clone()).collect();
                let start = Instant::now();
                for request in requests {
                    black_box((contender.call)(request));
                }
                took += start.elapsed();
                left -= now;
            }
            took
        }
        Work::Verdict(token) => {
            let Some(verdict) = &mut contender.verdict else {
                return Duration::ZERO;
            };
            let start = Instant::now();
            for _ in 0..times {
                black_box(verdict(black_box(token)));
            }
            start.elapsed()
        }
    }
}

fn raw(scenario: &Scenario, times: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        (scenario.raw)();
    }
    start.elapsed()
}

fn times_in_slice(mut work: impl FnMut(u64) -> Duration) -> u64 {
    let mut times = 1;
    // One that was interrupted must not pass for a long one.
    while (0..3).any(|_| work(times) < SLICE) {
        times *= 2;
    }
    times
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_time(took: Duration, times: u64) -> f64 {
    took.as_nanos() as f64 / times as f64
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
