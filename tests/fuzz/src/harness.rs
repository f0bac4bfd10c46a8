//! From a target's name to its executions.

use std::{
    env, fs,
    io::Write,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::{dice::Dice, spoil::spoil};

/// How many random inputs a target tries unless told otherwise.
const ITERATIONS: usize = 50_000;

/// The longest random input: recipes are read to the end by few.
pub const MAX_LEN: usize = 512;

/// What is fuzzed.
#[derive(Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// Makes a text of the sort that the target takes.
    pub make: fn(&mut Dice<'_>, &[Vec<u8>]) -> Vec<u8>,
    /// Panics if something is wrong.
    pub check: fn(&[u8]),
    /// How many times slower than the others it is.
    pub slow: usize,
}

/// A target and how it is doing.
pub struct Run {
    target: Target,
    corpus: Vec<Vec<u8>>,
    started: Instant,
    executions: AtomicU64,
    /// The shortest text that made the target panic.
    finding: Mutex<Option<Vec<u8>>>,
}

impl Run {
    pub fn new(target: Target) -> Self {
        Self {
            target,
            corpus: corpus(target.name),
            started: Instant::now(),
            executions: AtomicU64::new(0),
            finding: Mutex::new(None),
        }
    }

    /// How many random inputs to try; `FUZZ_SECONDS` is then the only bound if it is set.
    pub fn iterations(&self) -> usize {
        match (seconds(), number("FUZZ_ITERATIONS")) {
            (Some(_), _) => usize::MAX,
            (None, given) => given.unwrap_or(ITERATIONS).div_ceil(self.target.slow),
        }
    }

    pub fn time(&self) -> Duration {
        seconds().unwrap_or(Duration::from_secs(600))
    }

    /// Tries one input.
    pub fn input(&self, input: &[u8]) {
        let text = if is_text(input) {
            input.to_vec()
        } else {
            let mut dice = Dice::new(input);
            // Half made from scratch, half from the corpus; and half of either spoiled.
            let mut text = match self.corpus.get(dice.below(self.corpus.len())) {
                Some(seed) if dice.one_in(2) => seed.clone(),
                _ => (self.target.make)(&mut dice, &self.corpus),
            };
            if dice.one_in(2) {
                spoil(&mut dice, &mut text, &self.corpus);
            }
            text
        };
        self.text(&text);
    }

    /// Tries every seed as it stands.
    pub fn replay(&self) {
        for seed in &self.corpus {
            self.text(seed);
        }
    }

    fn text(&self, text: &[u8]) {
        self.executions.fetch_add(1, Relaxed);
        let _trial = Trial { run: self, text };
        (self.target.check)(text);
    }
}

/// Remembers the shortest text that panicked.
struct Trial<'t> {
    run: &'t Run,
    text: &'t [u8],
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let mut finding = self.run.finding.lock().unwrap();
        if finding
            .as_ref()
            .is_none_or(|known| known.len() > self.text.len())
        {
            *finding = Some(self.text.to_vec());
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let name = self.target.name;
        let executions = self.executions.load(Relaxed);
        let seconds = self.started.elapsed().as_secs_f64();
        // Past the test harness, which keeps the output of tests that pass.
        let mut out = std::io::stderr();
        let _ = writeln!(
            out,
            "fuzz: {name}: {executions} executions in {seconds:.1} s, {} seeds",
            self.corpus.len()
        );
        let Ok(Some(finding)) = self.finding.get_mut().map(Option::take) else {
            return;
        };
        let shown = finding.escape_ascii();
        let _ = writeln!(out, "fuzz: {name}: found by the text \"{shown}\"");
        let folder = folder(name).join("findings");
        let _ = fs::create_dir_all(&folder);
        let _ = fs::write(folder.join("last"), finding);
    }
}

/// One of a target's own makings.
pub fn make(target: Target, number: u64) -> Vec<u8> {
    // A recipe without pattern, the same on each run.
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let recipe: Vec<u8> = (0..MAX_LEN)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect();
    (target.make)(&mut Dice::new(&recipe[16..]), &[])
}

/// What a segment of a token stands for.
pub fn decode(segment: &str) -> Option<Vec<u8>> {
    crate::policy::base64url(segment)
}

/// Texts begin with something printable; a random recipe does so once in some thousand times.
pub fn is_text(input: &[u8]) -> bool {
    let head = &input[..input.len().min(8)];
    let printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    head.iter().all(printable)
}

/// Where a target's corpus is, as bolero has it.
pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/__fuzz__")
        .join(name)
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder(name).join("corpus")) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    // A recipe means the same on each machine.
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn seconds() -> Option<Duration> {
    number("FUZZ_SECONDS").map(|seconds| Duration::from_secs(seconds as u64))
}

fn number(variable: &str) -> Option<usize> {
    let text = env::var(variable).ok()?;
    Some(
        text.parse()
            .expect("FUZZ_ITERATIONS and FUZZ_SECONDS are numbers"),
    )
}

/// Declares the tests: one per target.
#[macro_export]
macro_rules! targets {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            let run = $crate::harness::Run::new($crate::targets::$name::TARGET);
            run.replay();
            let run = std::panic::AssertUnwindSafe(run);
            bolero::check!(name = stringify!($name))
                .with_iterations(run.iterations())
                .with_test_time(run.time())
                .with_max_len($crate::harness::MAX_LEN)
                .with_shrink_time(std::time::Duration::from_secs(5))
                .for_each(|input: &[u8]| {
                    let run: &std::panic::AssertUnwindSafe<_> = &run;
                    run.input(input);
                });
        }
    )*};
}
