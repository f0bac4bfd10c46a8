//! The fake over its own wire.

mod client;
mod server;
mod sessions;
