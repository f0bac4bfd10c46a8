//! The fake over its own wire.

mod calls;
mod client;
mod codes;
mod exchange;
mod identity_provider;
mod methods;
mod options;
mod server;
mod sessions;
mod visitors;
