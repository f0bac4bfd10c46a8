//! Fuzz targets of tower-descope; `README.md` says how to run them.
//!
//! A target is a function from bytes to a check that panics. Its inputs come in two forms, told
//! apart by their first bytes: *text*, which is checked as it stands (seeds, findings), and a
//! *recipe*, bytes that choose a way to make or to spoil a text. A random input is nearly always a
//! recipe, and so gets past the first `if` of a parser; libFuzzer grows both.

#![allow(
    clippy::unwrap_used,
    reason = "a target that cannot go on has found something, or is broken"
)]

mod dice;
pub mod harness;
mod json_text;
mod spoil;
pub mod targets;

/// The policy as a slow, obvious program: the one that the property tests use.
#[path = "../../it/oracles/model/json.rs"]
mod json;
#[allow(dead_code, reason = "the property tests use more of it")]
#[path = "../../it/oracles/model/policy.rs"]
mod policy;
