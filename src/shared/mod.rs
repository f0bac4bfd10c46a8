//! State that several replicas share, so that they behave as one: who may send which refresh token, and
//! what Descope answered.

mod record;
#[cfg(feature = "redis")]
mod redis;
mod seal;
mod store;

#[cfg(feature = "redis")]
pub use redis::RedisSettings;
