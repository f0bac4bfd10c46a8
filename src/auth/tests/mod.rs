//! How many signatures a request costs.

mod keys;
mod renewals;
mod resting;
mod world;
