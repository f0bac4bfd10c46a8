//! Tower middleware and axum extractors for multi-tenant services whose identity provider is
//! [Descope](https://www.descope.com): sessions verified against cached keys, the active tenant as
//! a handler argument, and a ready-made tenant switch.
//!
//! Four pieces, around one handle:
//!
//! - [`Descope`] knows a project: it verifies tokens, caches keys, makes the calls. Clone it freely.
//! - [`TenantLayer`] verifies the session of each request and refuses those without one.
//! - [`ActiveTenant`] is the tenant that the session acts in, Descope's *current tenant* (`dct`).
//! - [`SelectTenant`] is a service that switches tenants and rewrites the session cookies.
//! - [`SessionRoutes`] is a service with all of a session's calls, the switch included: refresh,
//!   logout, profile. Descope's browser SDK works against it, without a token that scripts can read.
//!
//! # axum
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "aws-lc-rs", feature = "rustls"))]
//! # fn main() -> Result<(), tower_descope::Error> {
//! use axum::{Router, routing::{get, post_service}};
//! use tower_descope::{ActiveTenant, Descope, SelectTenant, TenantLayer};
//!
//! async fn projects(tenant: ActiveTenant) -> String {
//!     format!("the projects of {}", tenant.id())
//! }
//!
//! let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z").build()?; // or from_env()
//! let app: Router = Router::new()
//!     .route("/projects", get(projects))
//!     .route_layer(TenantLayer::new(descope.clone())) // 400, 401, 403 and 503 are answered here
//!     .route("/tenant/select", post_service(SelectTenant::new(descope)));
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "axum", feature = "aws-lc-rs", feature = "rustls")))]
//! # fn main() {}
//! ```
//!
//! Roles and permissions of the active tenant: [`ActiveTenant::require_role`],
//! [`ActiveTenant::require_permission`] and their kin return a [`Rejection`], which axum handlers
//! can return with `?`. `Option<ActiveTenant>` is for public pages, behind
//! [`TenantLayer::optional`].
//!
//! # hyper
//!
//! Depend on this crate with `default-features = false, features = ["rustls", "aws-lc-rs"]`.
//!
//! ```
//! # #[cfg(all(feature = "aws-lc-rs", feature = "rustls"))]
//! # fn main() -> Result<(), tower_descope::Error> {
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use hyper::body::Incoming;
//! use hyper_util::service::TowerToHyperService;
//! use tower::ServiceBuilder;
//! use tower_descope::{ActiveTenant, Descope, TenantLayer};
//!
//! async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     Ok(match ActiveTenant::from_extensions(request.extensions()) {
//!         Ok(tenant) => Response::new(Full::from(format!("the projects of {}", tenant.id()))),
//!         Err(rejection) => rejection.to_response(), // no tenant selected: 403
//!     })
//! }
//!
//! let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z").build()?;
//! let service = ServiceBuilder::new()
//!     .layer(TenantLayer::new(descope))
//!     .service_fn(handle);
//! let service = TowerToHyperService::new(service); // for hyper's serve_connection
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "aws-lc-rs", feature = "rustls")))]
//! # fn main() {}
//! ```
//!
//! # tonic
//!
//! `Server::builder().layer(TenantLayer::new(descope))`, then
//! [`ActiveTenant::from_extensions`] with the request's extensions; calls are refused trailers-only
//! with the fitting code. To leave some services open, wrap the others one by one; the repository's
//! example `tonic_service` does.
//!
//! # Testing a service that uses this crate
//!
//! With the feature `test-util`, [`test_util::FakeDescope`] is an embedded stand-in for Descope:
//!
//! ```
//! # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use tower_descope::test_util::FakeDescope;
//!
//! let fake = FakeDescope::start().await;
//! let token = fake.session("U1").tenant("T1", |t| t.role("admin")).active("T1").token();
//! let session = fake.descope().verify(&token).await.unwrap();
//! assert!(session.active_tenant().unwrap().has_role("admin"));
//! # }
//! # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `axum` | yes | extractors, and `IntoResponse` for [`Rejection`] |
//! | `rustls` | yes | TLS by rustls for the calls to Descope |
//! | `native-tls` | | TLS by the system's library; with both, rustls is used |
//! | `aws-lc-rs` | yes | signatures checked by aws-lc-rs |
//! | `rust-crypto` | | signatures checked in plain Rust; with both, aws-lc-rs is used |
//! | `metrics` | | counters behind the [`metrics`](https://docs.rs/metrics) facade |
//! | `test-util` | | [`test_util`]: the fake and a clock that tests move |
//!
//! One of `aws-lc-rs` and `rust-crypto` is needed, and for an https base URL one of `rustls` and
//! `native-tls`; [`DescopeBuilder::build`] says so where one is missing.
//!
//! # What an operator sees
//!
//! Events and span fields go through [`tracing`]. The layer makes no span of its own; it records
//! into the current one, where that declares the fields. A name that ends in `…` is the beginning of
//! a message that goes on. Fields are left out where they are not known.
//!
//! | name | where | meaning |
//! |---|---|---|
//! | `user.id` | span field | the user of an admitted request |
//! | `tenant.id` | span field | the tenant that the session names, where it names one |
//! | `no session` | event, debug | a request refused, or passed on in optional mode: `outcome`, `code`, `reason` |
//! | `cross-site request refused; …` | event, info | a request from another origin: `reason`, `origin`, `sec_fetch_site`; goes on with the setting for other front ends |
//! | `no session in the request's extensions: …` | event, error | an axum extractor where no layer ran; goes on with what to check |
//! | `keys fetched` | event, debug | a key fetch that succeeded: `url` (not of a `jwks_source`), `count`, `elapsed` |
//! | `keys not refreshed` | event, warn | one that failed, while there are keys from before: `url`, `reason`, `detail`, `usable` |
//! | `no usable keys …` | event, warn | one that failed, where there were never any: `reason`, `detail`; goes on with where they were looked for and what to check |
//! | `keys cannot be fetched: …` | event, warn | a verification outside of a tokio runtime that needed keys; once a minute at most |
//! | `key skipped` | event, warn | a published key that cannot be used: `kid`, `why` |
//! | `keys skipped: several have this kid` | event, warn | published keys of one name, none of which is used: `kid` |
//! | `private key published: …` | event, error | a published key with its private part, which is not used: `kid` |
//! | `clock behind Descope: …` | event, warn | a genuine token from the future, refused; once a minute at most: `behind_seconds` |
//! | `plain http beyond loopback: …` | event, warn | a handle built with [`DescopeBuilder::danger_plain_http_base_url`]: `url` |
//! | `tenant selected` | event, info | a tenant selection: `user.id`, `tenant.id`, `outcome` |
//! | `tenant not selected` | event, debug to error by cause | one refused: also `reason` |
//! | `descope's new refresh token names no tenant: …` | event, warn | a selection that may not survive the next refresh: `tenant.id` |
//! | `session call` | event, debug | a call of [`SessionRoutes`]: `call`, `user.id`, `outcome` |
//! | `session call refused` | event, debug to error by cause | one refused: also `reason` |
//! | `signed out here, but not at descope` | event, info or warn | a logout that Descope could not be told: `call`, `user.id`, `outcome`, `reason` |
//! | `the session is in no tenant after its refresh` | event, warn | a refresh that lost the tenant: `user.id`, `tenant.before` |
//! | `the session is in another tenant after its refresh` | event, debug | a refresh that changed it: `user.id`, `tenant.id`, `tenant.before` |
//! | `a field of descope's answer has an odd type` | event, debug | a member that is taken for absent: `field` |
//! | `session renewed` | event, debug | a renewal in the layer: `user.id`, `tenant.id`, `early` |
//! | `session not renewed` | event, debug or warn | one that failed: `outcome`, `early`, `error` |
//! | `session not renewed in time for this response` | event, debug | an early renewal that goes out with the next response |
//! | `a cookie of a renewed session cannot be written` | event, error | a session that is too large for a cookie: `error` |
//! | `access key exchanged` | event, debug | a machine has a new session: `user.id`, `tenant.id` |
//! | `access key refused` | event, debug | Descope refused a key: `reason` |
//! | `access key not exchanged` | event, warn | an exchange that failed: `reason` |
//! | `tower_descope_requests_total` | counter | by `outcome`: `admitted`, or a rejection's code |
//! | `tower_descope_key_fetches_total` | counter | by `outcome`: `ok`, `failed` |
//! | `tower_descope_selections_total` | counter | by `outcome`: `selected`, or an error code |
//! | `tower_descope_session_calls_total` | counter | by `outcome`: `ok`, or an error code |
//! | `tower_descope_renewals_total` | counter | by `outcome`: `renewed`, `kept`, `unavailable`, `ended`, `refused` |
//! | `tower_descope_access_key_exchanges_total` | counter | by `outcome`: `ok`, `refused`, `rate_limited`, `failed` |
//!
//! A client's mistake is never logged above `info`, and no token is ever logged. For a health
//! endpoint there is [`Descope::key_status`].
//!
//! # Further reading
//!
//! [`_docs`] holds chapters on deployment, key rotation, cookies and cross-site requests, on why
//! things are as they are, and on what is promised against whom (the threat model).

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    test,
    allow(
        clippy::string_slice,
        clippy::unreachable,
        reason = "clippy's settings have no switch that allows these in tests"
    )
)]
#![cfg_attr(
    not(any(feature = "aws-lc-rs", feature = "rust-crypto")),
    allow(dead_code, reason = "without a crypto backend no handle can be built")
)]

pub mod access_key;
pub mod answer;
pub mod auth;
mod client;
mod clock;
pub mod cookie;
mod descope;
mod digest;
mod error;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod extract;
mod gate;
mod ids;
#[cfg(feature = "__internals")]
#[doc(hidden)]
pub mod internals;
mod json;
pub mod jwks;
mod jwt;
mod membership;
mod origin;
pub mod rejection;
mod renewal;
mod rotation;
pub mod routes;
pub mod select;
mod session;
mod telemetry;
mod tenant;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
#[expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the fake is test code: a test that uses it wrongly ends, with a message"
)]
pub mod test_util;
mod token;
mod verifier;

pub use access_key::{AccessKeySession, AccessKeys, ExchangeOptions};
pub use answer::{SessionAnswer, TenantSelection};
pub use auth::TenantLayer;
pub use descope::{Descope, DescopeBuilder};
pub use error::{Error, ErrorKind};
pub use ids::{TenantId, UserId};
pub use membership::Membership;
pub use rejection::{Rejection, RejectionKind};
pub use renewal::Renewal;
pub use routes::SessionRoutes;
pub use select::SelectTenant;
pub use session::{Session, TenantClaims};
pub use tenant::ActiveTenant;
pub use token::{AccessKey, RefreshToken, SessionToken};
pub use verifier::SessionCacheStatus;

/// Chapters that are too long for an item's documentation.
pub mod _docs {
    #[doc = include_str!("docs/deployment.md")]
    pub mod deployment {}

    #[doc = include_str!("docs/keys.md")]
    pub mod keys {}

    #[doc = include_str!("docs/cookies.md")]
    pub mod cookies {}

    #[doc = include_str!("docs/rationale.md")]
    pub mod rationale {}

    #[doc = include_str!("docs/threat_model.md")]
    pub mod threat_model {}
}

#[cfg(all(
    doctest,
    feature = "axum",
    feature = "rustls",
    feature = "test-util",
    any(feature = "aws-lc-rs", feature = "rust-crypto")
))]
#[doc = include_str!("../README.md")]
struct Readme;
