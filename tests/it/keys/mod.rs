//! The key cache: outages, floods, rotations.

mod cache;
mod strangers;
