//! The repository itself: floors, words, promises, auto traits, the names that operators see.

mod build;
mod circles;
mod floors;
mod map;
mod promises;
#[cfg(feature = "metrics")]
mod telemetry;
mod traits;
mod words;
