//! Several replicas as processes of their own, one Redis, one Descope: what a fleet is promised, by the
//! clock of this machine.
//!
//! Sessions are not waited for until they expire: a browser that has lost its session cookie needs a
//! renewal at each request. `FLEET_SEED` sets what is left to chance, and `FLEET_ROUNDS` how often
//! processes are killed; both have defaults, and the seed is printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: what cannot go on ends, with a message"
)]

mod browser;
mod chance;
mod fleet;
mod orders;
mod outages;
mod owner;
mod quiet;
mod revocation;
mod secrets;
mod storm;
