//! The key cache: outages, floods, rotations.

mod cache;
mod encodings;
mod runtimes;
mod strangers;
mod withdrawn;
