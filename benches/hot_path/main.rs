//! What each request pays while the keys are at hand; see `benches/README.md`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that cannot go on ends"
)]

mod bed;
mod cache;
mod claims;
mod keys;
mod layer;
mod over_http;
mod renewal;
mod renewing;
mod revocation;
mod row;
mod signatures;
mod tokens;
mod upstream;

use crate::{bed::Bed, row::Bench};

fn main() {
    let bed = Bed::new();
    let mut bench = Bench::from_args();
    tokens::bench(&mut bench, &bed);
    signatures::bench(&mut bench, &bed);
    claims::bench(&mut bench, &bed);
    layer::bench(&mut bench, &bed);
    renewal::bench(&mut bench, &bed);
    renewing::bench(&mut bench, &bed);
    revocation::bench(&mut bench, &bed);
    keys::bench(&mut bench, &bed);
    cache::bench(&mut bench, &bed);
    bench.end();
}
