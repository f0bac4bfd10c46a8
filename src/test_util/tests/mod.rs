//! The fake over its own wire.

mod calls;
mod client;
mod codes;
mod options;
mod server;
mod sessions;
