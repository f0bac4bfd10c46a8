//! Random numbers of the crypto backend.

use crate::error::{Error, ErrorKind};

/// Fills `bytes` from the system's source of random numbers.
///
/// # Errors
///
/// Where the system has none, or the crate no crypto backend.
#[cfg(feature = "aws-lc-rs")]
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    aws_lc_rs::rand::fill(bytes).map_err(|error| none_there().with_source(error))
}

/// As the other backend does.
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| none_there().with_source(error))
}

/// Without a backend nobody could be signed in either.
#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
pub(crate) fn fill(_bytes: &mut [u8]) -> Result<(), Error> {
    Err(none_there())
}

fn none_there() -> Error {
    let why = "there are no random numbers: the system has none, or neither of the features \
               `aws-lc-rs` and `rust-crypto` of tower-descope is enabled";
    Error::new(ErrorKind::InvalidConfig, why)
}
