//! Access keys in place of session tokens.

pub(crate) mod access_keys;
mod sessions;
