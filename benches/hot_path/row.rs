//! Rows, measured twice: by criterion, and against each other.

use std::{
    env,
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::Criterion;

/// One thing to measure, and the row of the same group that it is compared with.
pub(crate) struct Row {
    name: String,
    over: Option<String>,
    run: Box<dyn FnMut(u64) -> Duration>,
}

impl Row {
    pub(crate) fn new<T>(name: impl Into<String>, mut work: impl FnMut() -> T + 'static) -> Self {
        Self::timed(name, move |times| {
            let start = Instant::now();
            for _ in 0..times {
                black_box(work());
            }
            start.elapsed()
        })
    }

    /// Work on inputs that are made outside of the measured time.
    pub(crate) fn with_input<I, T>(
        name: impl Into<String>,
        mut input: impl FnMut() -> I + 'static,
        mut work: impl FnMut(I) -> T + 'static,
    ) -> Self {
        /// Few enough to stay in the processor's cache, enough that reading the time is nothing.
        const AT_ONCE: u64 = 64;
        Self::timed(name, move |times| {
            let mut took = Duration::ZERO;
            let mut left = times;
            while left > 0 {
                let now = left.min(AT_ONCE);
                let inputs: Vec<I> = (0..now).map(|_| input()).collect();
                let start = Instant::now();
                for input in inputs {
                    black_box(work(input));
                }
                took += start.elapsed();
                left -= now;
            }
            took
        })
    }

    /// Work that takes its own time.
    pub(crate) fn timed(
        name: impl Into<String>,
        run: impl FnMut(u64) -> Duration + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            over: None,
            run: Box::new(run),
        }
    }

    pub(crate) fn over(mut self, baseline: impl Into<String>) -> Self {
        self.over = Some(baseline.into());
        self
    }

    /// Does the work so many times, and says how long that took.
    pub(crate) fn measure(&mut self, times: u64) -> Duration {
        (self.run)(times)
    }

    /// Nanoseconds for one time of `times`.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn nanos(&mut self, times: u64) -> f64 {
        self.measure(times).as_nanos() as f64 / times as f64
    }

    /// How often the work fits into a slice.
    fn times_in(&mut self, slice: Duration) -> u64 {
        let mut times = 1;
        while self.measure(times) < slice {
            times *= 2;
        }
        times
    }
}

/// The whole run.
pub(crate) struct Bench {
    criterion: Criterion,
    /// `None` where nothing is measured (`--test`, `--list`, `cargo test --benches`).
    rounds: Option<usize>,
    filter: Option<String>,
}

impl Bench {
    pub(crate) fn from_args() -> Self {
        let quick = env::var_os("BENCH_QUICK").is_some();
        let (warm_up, measurement, samples, rounds) = if quick {
            (50, 150, 10, 200)
        } else {
            (1_000, 3_000, 100, 1_000)
        };
        let criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(warm_up))
            .measurement_time(Duration::from_millis(measurement))
            .sample_size(samples)
            .configure_from_args();
        let has = |flag| env::args().any(|argument| argument == flag);
        let measures = has("--bench") && !has("--test") && !has("--list");
        Self {
            criterion,
            rounds: measures.then_some(rounds),
            filter: env::args()
                .skip(1)
                .find(|argument| !argument.starts_with('-')),
        }
    }

    pub(crate) fn group(&mut self, name: &str, mut rows: Vec<Row>) {
        let mut group = self.criterion.benchmark_group(name);
        for row in &mut rows {
            group.bench_function(row.name.clone(), |bencher| {
                bencher.iter_custom(|times| row.measure(times));
            });
        }
        group.finish();
        if let Some(rounds) = self.rounds
            && self.wants(name)
        {
            ratios(name, &mut rows, rounds);
        }
    }

    /// Whether a group is asked for: for those whose making takes long.
    pub(crate) fn wants(&self, group: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| {
            let group = format!("{group}/");
            group.contains(filter.as_str()) || filter.starts_with(&group)
        })
    }

    pub(crate) fn end(self) {
        self.criterion.final_summary();
    }
}

/// Lets the rows take turns, and prints what each costs over its baseline.
fn ratios(group: &str, rows: &mut [Row], rounds: usize) {
    /// Short, so that a slice is seldom interrupted, and its neighbours see the same machine.
    const SLICE: Duration = Duration::from_micros(250);
    let times: Vec<u64> = rows.iter_mut().map(|row| row.times_in(SLICE)).collect();
    let turns: Vec<Vec<f64>> = (0..rounds)
        .map(|_| {
            rows.iter_mut()
                .zip(&times)
                .map(|(row, &times)| row.nanos(times))
                .collect()
        })
        .collect();
    println!("\n{group}: ratios within this run, medians of {rounds} turns");
    for (index, row) in rows.iter().enumerate() {
        let nanos = median(turns.iter().map(|turn| turn[index]).collect());
        print!("  {:<36}{nanos:>12.0} ns", row.name);
        if let Some(over) = &row.over {
            let baseline = rows.iter().position(|row| row.name == *over);
            let baseline = baseline.expect("a baseline is a row of the same group");
            let ratio = median(
                turns
                    .iter()
                    .map(|turn| turn[index] / turn[baseline])
                    .collect(),
            );
            let more = median(
                turns
                    .iter()
                    .map(|turn| turn[index] - turn[baseline])
                    .collect(),
            );
            print!("{ratio:>10.3} x {over} ({more:+.0} ns)");
        }
        println!();
    }
    println!();
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
