//! State that several replicas share, so that they behave as one: who may send which refresh token, and
//! what Descope answered.

mod record;
#[cfg(any(feature = "redis", feature = "test-util"))]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the protocol uses it, which comes after it")
)]
mod seal;
mod store;
