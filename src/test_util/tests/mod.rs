//! The fake over its own wire.

mod calls;
mod client;
mod codes;
mod exchange;
mod flow;
mod flow_ways;
mod flows;
mod identity_provider;
mod methods;
mod options;
mod pages;
mod server;
mod sessions;
mod visitors;
