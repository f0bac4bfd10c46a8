//! A Descope that does everything wrong that a server, a network or a clock can do, and what comes
//! of it: for its keys, and for each call.
//!
//! `cargo test --test it faults -- --nocapture` prints a table of faults and outcomes.

mod bomb;
mod calls;
mod doors;
mod hostile;
mod key_sets;
mod keys;
mod rows;
