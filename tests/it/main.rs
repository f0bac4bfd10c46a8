//! Behaviour, through real requests. One binary, so that it links once.

#![allow(missing_docs, clippy::missing_panics_doc)]

mod build;
mod extractors;
mod floors;
mod grpc;
mod keys;
mod layer;
mod readiness;
mod secrets;
mod select;
mod several;
mod sources;
mod support;
mod tenants;
mod tokens;
mod traits;
mod vectors;
