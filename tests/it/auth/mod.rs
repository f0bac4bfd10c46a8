//! The layer and its extractors: what passes, what is refused, and how.

mod anonymous;
mod channels;
mod extractors;
mod grpc;
mod layer;
mod leftovers;
mod origins;
mod readiness;
mod session_cache;
mod several;
mod sources;
mod tenants;
mod tokens;
mod visitors;
mod waiting;
