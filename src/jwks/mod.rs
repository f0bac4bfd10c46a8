//! Where keys come from, and how they are kept.
//!
//! By default a project's keys are fetched from Descope. A [`JwksSource`] of one's own takes that
//! place with [`DescopeBuilder::jwks_source`](crate::DescopeBuilder::jwks_source): a file, a
//! proxy, a secret store. Whatever the source, this crate decides *when* to ask it:
//!
//! 1. Keys are fetched when the first request needs them (or by
//!    [`Descope::warm_up`](crate::Descope::warm_up)), then refreshed in the background, whether or
//!    not requests come.
//! 2. A `kid` not seen before causes a fetch, two at once and one per cool-down after that,
//!    however many requests carry one. Requests that need the same fetch share it.
//! 3. One deadline bounds a fetch. A request whose key is cached never waits for one, and of those
//!    whose key is not, only so many wait at one time ([`KeyCache::waiting_for_keys`]).
//! 4. A key that is gone from a fetched set is gone at once. A fetch that fails leaves the last good
//!    set in force until the end of the stale window. So does a well-formed set without one usable
//!    key, the first time; the keys are withdrawn by the next such set that is fetched past their
//!    time to live, and requests are then answered 503.
//! 5. A source that panics has failed to fetch, no more.
//!
//! Size, status and redirects are the duty of the source, and so are the members `use` and
//! `key_ops` of EC and OKP keys, and those of private keys, since [`JsonWebKey`] does not carry
//! them. [`parse_key_set`] looks at all of them; read with it what you have as text. Number,
//! strength and curve of the keys are checked for every source.
//!
//! [`WebSource`] is that of `jwks_client_rs` as it stands: it follows redirects, reads the
//! environment's proxies (`HTTPS_PROXY` and the like), reads an answer of any size, and one key that
//! it cannot read fails the whole set. The default source does none of that; for another address of
//! Descope set [`DescopeBuilder::base_url`](crate::DescopeBuilder::base_url) instead.
//!
//! # Example
//!
//! Keys from a file that something else keeps up to date:
//!
//! ```
//! use std::path::PathBuf;
//!
//! use tower_descope::jwks::{
//!     JsonWebKeySet, JwksClientError, JwksSource, async_trait, parse_key_set, source_error,
//! };
//!
//! struct KeyFile(PathBuf);
//!
//! #[async_trait]
//! impl JwksSource for KeyFile {
//!     async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
//!         let text = tokio::fs::read(&self.0).await.map_err(source_error)?;
//!         parse_key_set(&text)
//!     }
//! }
//! ```
//!
//! The names re-exported here are those of [`jwks_client_rs`], version 0.6: a release of it that
//! breaks them is a breaking release of this crate.

mod duplicates;
mod fetch;
mod key_origin;
mod parse;
mod policy;
mod refresh;
mod remedy;
mod running_fetch;
mod set;
mod settings;
mod shared;
mod source;
mod status;
mod store;
mod wait;

pub use async_trait::async_trait;
pub use jwks_client_rs::{
    JsonWebKey, JsonWebKeySet, JwksClientError,
    source::{JwksSource, WebSource},
};

#[cfg(feature = "__internals")]
pub(crate) use self::set::usable_kids;
pub(crate) use self::{
    key_origin::{KeyEndpoint, KeyOrigin},
    parse::parse_public_key,
    source::DescopeKeys,
    store::{CachedKeys, KeyStore, Lookup},
    wait::{KeyWait, KeyWaitOutcome},
};
pub use self::{
    parse::{parse_key_set, source_error},
    settings::KeyCache,
    status::{KeyFailure, KeyStatus},
};
