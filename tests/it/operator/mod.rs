//! The lines of the log by which an operator finds what is set up wrong, each with its remedy.

mod calls;
mod clock;
mod credentials;
mod keys;
mod mounting;

use tracing::Level;

use crate::support::Log;

/// Asserts that the log has exactly one line with `words`, at this level, and that it names `remedy`.
fn assert_told_once(log: &Log, level: Level, words: &str, remedy: &str) {
    let lines = log.lines(words);
    assert_eq!(lines.len(), 1, "{words}: {}", log.text());
    let line = &lines[0];
    assert!(line.contains(level.as_str()), "{line}");
    assert!(line.contains(remedy), "{line}");
}
