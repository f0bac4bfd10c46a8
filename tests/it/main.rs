//! Behaviour, through real requests. One binary, so that it links once.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; helpers count as tests here"
)]

mod access_key_sessions;
mod access_keys;
mod broken;
mod build;
mod extractors;
mod faults;
mod floors;
mod grpc;
mod injection;
mod keys;
mod layer;
mod matrix;
mod model;
mod origins;
mod promises;
mod proxies;
mod readiness;
mod renew;
mod renew_behind;
mod renew_browser;
mod renew_day;
mod renew_early;
mod renew_failures;
mod renew_restarts;
mod renew_service;
mod routes;
mod sdk;
mod secrets;
mod select;
mod session_cache;
mod several;
mod soak;
mod sources;
mod support;
#[cfg(feature = "metrics")]
mod telemetry;
mod tenants;
mod tokens;
mod traits;
mod vectors;
