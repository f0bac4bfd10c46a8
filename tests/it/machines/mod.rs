//! Access keys in place of session tokens.

mod access_keys;
mod sessions;
