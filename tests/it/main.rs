//! Behaviour, through real requests. One binary, so that it links once.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; helpers count as tests here"
)]

mod auth;
mod fake;
mod flows;
mod forward;
mod guards;
mod hostile;
mod house;
mod keys;
mod machines;
mod operator;
mod oracles;
mod redirects;
mod renewal;
mod replicas;
mod revocation;
mod routes;
mod select;
mod sign_in;
mod support;
mod url_tenant;
mod watch;
mod webhook;
