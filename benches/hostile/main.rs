//! What a request costs that somebody wrote to cost much, over a whole 404 of axum; see
//! `benches/README.md`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that cannot go on ends"
)]

// What both benches stand on.
#[allow(dead_code, reason = "the other bench needs more of it")]
#[path = "../hot_path/bed.rs"]
mod bed;
mod cookies;
mod door;
#[path = "../hot_path/row.rs"]
mod row;
mod tokens;

use crate::{bed::Bed, row::Bench};

fn main() {
    let bed = Bed::new();
    let mut bench = Bench::from_args();
    cookies::bench(&mut bench, &bed);
    tokens::bench(&mut bench, &bed);
    bench.end();
}
