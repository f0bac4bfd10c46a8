//! State that several replicas share, so that they behave as one: who may send which refresh token, and
//! what Descope answered.

#[cfg(any(test, all(feature = "__internals", feature = "redis")))]
#[expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: what an engine does wrong ends it, with a message"
)]
pub(crate) mod contract;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod seal;
mod store;

#[cfg(feature = "redis")]
pub use self::redis::RedisSettings;
