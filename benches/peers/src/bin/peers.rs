//! What each contender costs, in time: `peers [--check | --quick] [--allocations FILE] [--out FILE]`.
//!
//! `--check` does everything once and measures nothing. The allocations come from the program of
//! that name, whose counting would be in the way of the clock here.

use std::{env, error::Error, fs};

use peers::{
    bed::Bed,
    contender::Contender,
    contenders,
    measure::{self, Row},
    scenario::{self, Scenario},
};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)
    };
    let counts: Value = match after("--allocations") {
        Some(path) => serde_json::from_slice(&fs::read(path)?)?,
        None => Value::Null,
    };
    let turns = if has("--quick") { 51 } else { 801 };

    let bed = Bed::start();
    let handle = bed.handle();
    let _within = handle.enter();
    let [mut plain, mut asking] = [false, true].map(|asks| contenders::all(&bed, asks));
    let mut scenarios = Vec::new();
    for scenario in scenario::all(&bed) {
        let contenders = if scenario.asks {
            &mut asking
        } else {
            &mut plain
        };
        for contender in &mut *contenders {
            if measure::takes_part(contender, &scenario) {
                measure::check(contender, &scenario);
            }
        }
        if has("--check") {
            println!("{}: right answers", scenario.name);
            continue;
        }
        let (raw, rows) = measure::turns(contenders, &scenario, turns);
        let count = |row: &Row| counts[&scenario.name][row.contender].as_u64();
        print(&scenario, raw, &rows, count);
        scenarios.push(json!({
            "name": scenario.name,
            "token_bytes": scenario.token_len,
            "raw_ns": raw,
            "rows": rows.iter().map(|row| json!({
                "contender": row.contender,
                "ns": row.nanos,
                "added_ns": row.added,
                "over_raw": row.over_raw,
                "over_warm": row.over_warm,
                "allocations": count(row),
            })).collect::<Vec<_>>(),
        }));
    }
    if let Some(path) = after("--out") {
        let report = json!({
            "turns": turns,
            "contenders": plain.iter().map(describe).collect::<Vec<_>>(),
            "scenarios": scenarios,
        });
        fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

fn describe(contender: &Contender) -> Value {
    json!({
        "name": contender.name,
        "version": contender.version,
        "backend": contender.backend.name(),
    })
}

fn print(scenario: &Scenario, raw: f64, rows: &[Row], count: impl Fn(&Row) -> Option<u64>) {
    println!(
        "\n{} (token of {} bytes)",
        scenario.name, scenario.token_len
    );
    println!("  {:<32}{raw:>10.0} ns", "raw check by a parsed key");
    for row in rows {
        print!(
            "  {:<32}{:>10.0} ns  adds {:>8.0} ns{:>9.3} x raw{:>9.2} x warm",
            row.contender, row.nanos, row.added, row.over_raw, row.over_warm
        );
        match count(row) {
            Some(count) => println!("{count:>6} allocations"),
            None => println!(),
        }
    }
}
