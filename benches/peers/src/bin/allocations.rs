//! How often each contender allocates: `allocations [FILE]`, as JSON.

use std::{alloc::System, env, error::Error, fs};

use peers::{
    bed::Bed,
    contender::Contender,
    contenders, measure,
    scenario::{self, Scenario, Work},
};
use serde_json::{Map, Value};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn Error>> {
    let bed = Bed::start();
    let handle = bed.handle();
    let _within = handle.enter();
    let [mut plain, mut asking] = [false, true].map(|asks| contenders::all(&bed, asks));
    let mut counts = Map::new();
    for scenario in scenario::all(&bed) {
        let contenders = if scenario.asks {
            &mut asking
        } else {
            &mut plain
        };
        let mut of_scenario = Map::new();
        for contender in contenders {
            if measure::takes_part(contender, &scenario)
                && let Some(count) = count(&bed, contender, &scenario)
            {
                of_scenario.insert(contender.name.to_owned(), count.into());
            }
        }
        counts.insert(scenario.name, Value::Object(of_scenario));
    }
    let counts = serde_json::to_string_pretty(&counts)?;
    match env::args().nth(1) {
        Some(path) => fs::write(path, counts)?,
        None => println!("{counts}"),
    }
    Ok(())
}

/// The median of some counts, since what runs in the background is counted too. `None` where each
/// time somebody fetches keys: the fake, in the same process, would be counted with it.
fn count(bed: &Bed, contender: &mut Contender, scenario: &Scenario) -> Option<usize> {
    const COUNTS: usize = 31;
    for _ in 0..8 {
        measure::check(contender, scenario);
    }
    let before = bed.fake.key_fetches();
    let mut counts: Vec<usize> = (0..COUNTS)
        .map(|_| count_once(contender, scenario))
        .collect();
    counts.sort_unstable();
    let fetched = bed.fake.key_fetches() - before;
    (fetched < COUNTS / 2).then(|| counts[COUNTS / 2])
}

fn count_once(contender: &mut Contender, scenario: &Scenario) -> usize {
    contender.backend.choose();
    match &scenario.work {
        Work::Call(request) => {
            let request = request.clone();
            let region = Region::new(ALLOCATOR);
            (contender.call)(request);
            region.change().allocations
        }
        Work::Verdict(token) => {
            let region = Region::new(ALLOCATOR);
            contender.verdict.as_mut().map(|verdict| verdict(token));
            region.change().allocations
        }
    }
}
