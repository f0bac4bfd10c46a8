//! Access keys in place of session tokens.

pub(crate) mod access_keys;
mod binding;
mod fleet;
mod sessions;
mod strangers;
