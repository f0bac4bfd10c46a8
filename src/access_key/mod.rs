//! Access keys: how machines sign in.
//!
//! A machine has no browser and no refresh token; it has an access key, which Descope exchanges
//! for an ordinary session. With [`DescopeBuilder::access_keys`], a service behind
//! [`TenantLayer`](crate::TenantLayer) accepts `Authorization: Bearer <access key>` beside session
//! tokens, and its handlers see a [`Session`](crate::Session) and an
//! [`ActiveTenant`](crate::ActiveTenant) as they always do.
//!
//! ```
//! # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use http::{Request, Response};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_descope::{
//!     AccessKeys, ActiveTenant, Rejection, TenantId, TenantLayer, test_util::FakeDescope,
//! };
//!
//! async fn handle(request: Request<()>) -> Result<Response<String>, Rejection> {
//!     let tenant = ActiveTenant::from_extensions(request.extensions())?;
//!     Ok(Response::new(format!("projects of {}", tenant.id())))
//! }
//!
//! let fake = FakeDescope::builder()
//!     .access_key("K2nightlyExport", |key| key.tenant("T1", |t| t.role("reader")))
//!     .start()
//!     .await;
//! let descope = fake
//!     .descope_builder()
//!     .access_keys(
//!         AccessKeys::new()
//!             .key_prefix("K2")
//!             .key_length(12..=64)
//!             .selected_tenant(TenantId::new("T1")?),
//!     )
//!     .build()?;
//! let service = ServiceBuilder::new()
//!     .layer(TenantLayer::new(descope))
//!     .service_fn(handle);
//! let request = Request::get("/projects")
//!     .header("authorization", "Bearer K2nightlyExport")
//!     .body(())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.into_body(), "projects of T1");
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```
//!
//! # How a key is exchanged
//!
//! - Only a bearer token that looks like a key (no dots, no colons, the configured prefix and
//!   length, and not the project's id) counts as one. Everything else is verified as a session
//!   token and never sent; and a key in a cookie, or any key while access keys are not on, is
//!   `invalid_token`. Which prefix the project's keys have must be said
//!   ([`AccessKeys::key_prefix`]), or that any text may be a key ([`AccessKeys::any_shape`]).
//! - A key is exchanged once: parallel requests share one call, which runs to its end even if its
//!   clients disconnect. The session token of the answer is verified like any other, and again with each request
//!   that uses it: expiry, withdrawn signing keys and all rules apply. So the sessions of access keys
//!   must name their kind, too, where [`require_token_kind`] is set.
//! - **A machine is its key.** The id of the key that the answer names must be the session's user, and
//!   a key that was good before stays the user that it was. A session with `rexp` or `danu` is a
//!   person's. An answer that is anything else is a failure, and the session at hand stays.
//! - Shortly before the session expires a request renews it in the background: meanwhile, and as
//!   long as Descope does not answer, requests use the session that there is.
//! - **A revoked key is dead at the latest when its session expires**, and at once if Descope
//!   refuses it when it is renewed.
//! - A key that Descope refuses is `invalid_token` (401), and is not sent again for a while.
//!
//! # Strangers
//!
//! A key that was good before is *known*, and so is one that is [expected](AccessKeys::expected). All
//! others are strangers: machines that come for the first time, which after a start are all of them,
//! and whatever somebody made up.
//!
//! - Strangers share a [budget](AccessKeys::budget), so that made-up keys cannot use up the project's
//!   rate limit at Descope. Known keys do not draw on it.
//! - Half of the budget is kept for the keys that came before and got nothing, in the order in which
//!   they first came. A key keeps its place by coming again within ten seconds. With the default budget
//!   a machine that asks once a second is in within half a minute of a start, while ten made-up keys
//!   come each second.
//! - When Descope asks to slow down (429, with its error code), strangers wait for as long as it
//!   says, 15 minutes at most; once a minute one that waits is tried. Known keys go on one at a time,
//!   and after a minute at most where one of them was told to slow down itself. The first success ends
//!   it for all.
//! - A 429 without Descope's error code is a proxy's, and a failure like any other: the key pauses
//!   for a second, and longer each time, up to 16 seconds.
//!
//! Who has no session meanwhile is answered `exchange_unavailable` (503, gRPC 14) with `Retry-After`,
//! after a 429 of Descope's a minute at most.
//!
//! Keys are held only by the calls that carry them; the table holds their SHA-256 digests. The tokens of their sessions are held as long as they are good, and wiped when dropped.
//!
//! A session of an access key has no refresh token: its tenant cannot be switched, and is chosen by
//! [`AccessKeys::selected_tenant`].
//!
//! [`require_token_kind`]: crate::DescopeBuilder::require_token_kind
//! [`DescopeBuilder::access_keys`]: crate::DescopeBuilder::access_keys

mod admission;
mod exchange;
mod key;
mod options;
mod pause;
mod rate_limit;
mod session;
mod settings;
mod table;
mod waiting;

#[cfg(test)]
mod tests;

pub(crate) use self::exchange::{CachedSession, Exchanger, SessionLookup};
pub use self::{options::ExchangeOptions, session::AccessKeySession, settings::AccessKeys};
