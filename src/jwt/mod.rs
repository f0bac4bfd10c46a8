//! JSON Web Tokens as Descope makes them: the compact form, its JSON, keys, claims.
//!
//! All of it is pure: bytes and a time in, a verdict out. What is accepted is narrower than the
//! RFCs allow (RFC 7515, 7519, 8725), and fixed: three segments, canonical base64url, one key
//! chosen by `kid`, the algorithm chosen by the key, no extension understood, no member twice.

pub(crate) mod check;
pub(crate) mod claims;
pub(crate) mod compact;
#[cfg(test)]
mod edges;
pub(crate) mod header;
pub(crate) mod jwk;
pub(crate) mod key;
pub(crate) mod table;
pub(crate) mod unverified;
