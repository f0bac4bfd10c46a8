//! The protocol as a whole.

#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
mod lies;
mod model;
