//! The fake over its own wire.

mod calls;
mod client;
mod codes;
mod exchange;
mod identity_provider;
mod options;
mod server;
mod sessions;
