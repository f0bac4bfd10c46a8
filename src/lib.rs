//! Tower middleware and axum extractors for multi-tenant services whose identity provider is
//! [Descope](https://www.descope.com): sessions that begin by a code, a provider or Descope's own
//! component, are verified against cached keys and renewed when they expire; the current tenant as a
//! handler argument, a tenant switch, and a session's own routes.
//!
//! ```no_run
//! # #[cfg(all(feature = "axum", feature = "aws-lc-rs", feature = "rustls"))]
//! # mod app {
//! use axum::{Router, routing::get};
//! use tower_descope::{ActiveTenant, Descope, Rejection, Renewal, SessionRoutes, TenantLayer};
//!
//! async fn projects(tenant: ActiveTenant) -> String {
//!     format!("the projects of {}", tenant.id()) // filter every query by this id
//! }
//!
//! async fn invoices(tenant: ActiveTenant) -> Result<String, Rejection> {
//!     tenant.require_permission("invoice.read")?;
//!     Ok(format!("the invoices of {}", tenant.id()))
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let descope = Descope::from_env()?; // DESCOPE_PROJECT_ID
//!     descope.warm_up().await?; // a mistyped id shows here
//!     let layer = TenantLayer::new(descope.clone())
//!         .renew(Renewal::new()) // an expired session is renewed before the handler runs
//!         .cookies_same_origin_only(); // no other site's page writes with a user's cookies
//!     let app = Router::new()
//!         .route("/projects", get(projects))
//!         .route("/invoices", get(invoices))
//!         .route_layer(layer) // 400, 401, 403 and 503 are answered here
//!         .nest_service("/v1/auth", SessionRoutes::new(descope.clone())); // tenant/select, logout, …
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     let stop = async { tokio::signal::ctrl_c().await.expect("Ctrl-C is heard") };
//!     axum::serve(listener, app).with_graceful_shutdown(stop).await?;
//!     descope.drain().await; // what is under way may hold the only token of a session
//!     Ok(())
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! The pieces, around one handle:
//!
//! - [`Descope`] is the handle to a project: it verifies tokens, caches keys and makes the calls.
//!   Clones share everything. [`drain`](Descope::drain) it before the process ends.
//! - [`TenantLayer`] verifies the session of each request and refuses those without one. With
//!   [`renew`](TenantLayer::renew) it renews sessions: parallel requests of one browser cost one
//!   call to Descope, and while Descope is down the answer is 503 and every cookie stays.
//! - [`ActiveTenant`] is the tenant that the session acts in, Descope's *current tenant* (`dct`).
//!   [`require_role`](ActiveTenant::require_role),
//!   [`require_permission`](ActiveTenant::require_permission) and the like return a [`Rejection`],
//!   which axum handlers can return with `?`. `Option<ActiveTenant>` is for public pages, behind
//!   [`TenantLayer::optional`].
//! - [`Require`] guards whole routers: a role, a permission, a recent step-up, nobody in the user's place.
//!   [`UrlTenant`] compares the tenant in a path, a host, a header or a cookie with the session;
//!   [`SignInPage`] sends people to sign in where programs get 401.
//! - [`SessionRoutes`] is a service with all of a session's calls: refresh, tenant switch, logout,
//!   profile. Descope's browser SDK works against it, without a token that scripts can read.
//! - [`SelectTenant`] is the tenant switch alone; it takes HTML forms too.
//! - [`Descope::adopt`] makes two tokens the session of a browser, and writes its cookies;
//!   [`send_code`](Descope::send_code) and [`verify_code`](Descope::verify_code) do so by a one-time
//!   code, [`sign_out`](Descope::sign_out) ends it. See [`sign_in`].
//! - [`RedirectSignIn`] signs people in by single sign-on and social providers, with plain links and
//!   forms.
//! - [`FlowRoutes`] is the base URL of Descope's own sign-in component, whose tokens become cookies on the
//!   way; [`FlowPages`](sign_in::flow::FlowPages) serves its screens.
//! - [`ForwardAuth`] is the layer for services in any language: a proxy asks it about each request.
//! - [`Visitor`] is for pages that serve people before they sign in, too.
//! - [`RevocationWebhook`] refuses the sessions of users who are removed or changed at Descope, as its audit
//!   webhook tells.
//! - [`AccessKeys`] lets machines in: an access key sent as a bearer token is exchanged for a
//!   session once, and handlers see an [`ActiveTenant`] like any other.
//!
//! # Signing in
//!
//! A browser gets its session in one of four ways: by a handler of your own, which has a one-time code
//! verified or brings two tokens; by [`RedirectSignIn`]; by Descope's own sign-in component, whose
//! page hands its tokens over to [`SessionRoutes::sign_in`]; or by the same component with [`FlowRoutes`] as
//! its base URL. All four verify the tokens, end the session that was there and write the cookies, and the
//! chapter [Signing in](_docs::sign_in) has a recipe for each, and what each costs. Name the cookies by
//! [`SessionCookies::host_prefixed`](cookie::SessionCookies::host_prefixed), so that no other host can set
//! them.
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
//! With the feature `test-util`, [`test_util::FakeDescope`] is an embedded stand-in for Descope. It
//! listens on loopback, needs no account, and stops when it is dropped.
//!
//! ```toml
//! [dev-dependencies]
//! tower-descope = { version = "0.1", default-features = false, features = ["test-util"] }
//! ```
//!
//! Features unify, so the crypto backend and TLS are those of the normal dependency.
//!
//! ```
//! # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use tower_descope::{SessionToken, test_util::FakeDescope};
//!
//! let fake = FakeDescope::start().await;
//! let descope = fake.descope(); // for your TenantLayer
//! let token = fake.session("U1").tenant("T1", |t| t.role("admin")).active("T1").token();
//! let forged = fake.session("U1").signed_by_stranger().token();
//! let session = descope.verify(&SessionToken::new(token)).await.unwrap();
//! assert!(session.active_tenant().unwrap().has_role("admin"));
//! assert!(descope.verify(&SessionToken::new(forged)).await.is_err());
//! # }
//! # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```
//!
//! For services in other languages, `cargo run --example fake_descope` in the repository serves it
//! alone.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `axum` | yes | extractors, and `IntoResponse` for [`Rejection`] |
//! | `rustls` | yes | TLS by rustls for the calls to Descope, and to Redis (`rediss:`) |
//! | `native-tls` | | the same by the system's library; with both, rustls is used |
//! | `aws-lc-rs` | yes | signatures checked by aws-lc-rs |
//! | `rust-crypto` | | signatures checked in plain Rust; with both, aws-lc-rs is used |
//! | `metrics` | | counters behind the [`metrics`](https://docs.rs/metrics) facade |
//! | `redis` | | [`SharedState`] in Redis or Valkey, for several replicas |
//! | `test-util` | | [`test_util`]: the fake and a clock that tests move |
//!
//! One of `aws-lc-rs` and `rust-crypto` is needed, and for an https base URL or for `rediss:` one of
//! `rustls` and `native-tls`; [`DescopeBuilder::build`] says so where one is missing. `aws-lc-rs` needs
//! a C compiler.
//!
//! # Further reading
//!
//! | chapter | for whom |
//! |---|---|
//! | [Coming from …](_docs::coming_from) | who knows Descope's other SDKs, jwt-authorizer, Clerk or WorkOS |
//! | [Signing in](_docs::sign_in) | who asks how a browser gets its session: codes, single sign-on, Descope's component |
//! | [Roles and tenants in routes](_docs::authorization) | who guards routers, puts the tenant into the URL, or asks who really acts |
//! | [Deployment](_docs::deployment) | who runs it: proxies, caches, clocks |
//! | [Behind a proxy](_docs::behind_a_proxy) | who has services in other languages: nginx, Caddy, HAProxy, Envoy, Traefik |
//! | [Several replicas](_docs::replicas) | who runs more than one: shared state, and what fails how |
//! | [Recipes](_docs::recipes) | who uses it beside OpenAPI, rate limits, GraphQL, Leptos, Dioxus, AWS Lambda, or in a job |
//! | [Operations](_docs::operations) | who watches it: events, span fields, counters |
//! | [Cookies and cross-site requests](_docs::cookies) | who names and scopes the cookies |
//! | [Keys and their rotation](_docs::keys) | who asks how long a removed key works |
//! | [Threat model](_docs::threat_model) | who asks what is promised against whom, and which test holds it |
//! | [Comparison](_docs::comparison) | who asks what peers do, and what each costs |
//! | [Why it is as it is](_docs::rationale) | who would change it |

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
pub mod endpoint;
mod error;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod extract;
pub mod forward;
mod gate;
pub mod guard;
mod head;
mod ids;
#[cfg(feature = "__internals")]
#[doc(hidden)]
pub mod internals;
mod json;
pub mod jwks;
mod jwt;
mod limiter;
mod metrics;
mod origin;
mod random;
pub mod rejection;
mod renewal;
mod return_paths;
pub mod revocation;
mod rotation;
pub mod routes;
mod running;
pub mod select;
mod session;
#[cfg_attr(
    not(all(feature = "redis", feature = "test-util")),
    allow(
        dead_code,
        reason = "each engine uses a part, and without one nothing is shared"
    )
)]
mod shared;
pub mod sign_in;
mod steps;
mod telemetry;
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
pub mod url_tenant;
mod verifier;
pub mod watch;
pub mod webhook;

pub use access_key::{AccessKeySession, AccessKeys, ExchangeOptions};
pub use answer::{SessionAnswer, TenantSelection};
pub use auth::{SignInPage, TenantLayer};
pub use descope::{Descope, DescopeBuilder};
pub use error::{Error, ErrorKind};
pub use forward::ForwardAuth;
pub use guard::Require;
pub use ids::{TenantId, UserId};
pub use rejection::{Rejection, RejectionKind};
pub use renewal::Renewal;
pub use return_paths::ReturnPaths;
pub use revocation::{Mark, Revocation, RevocationStatus};
pub use routes::SessionRoutes;
pub use select::SelectTenant;
pub use session::{ActiveTenant, Membership, Session, TenantClaims, Visitor};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use shared::RedisSettings;
pub use shared::{SharedState, SharedStatus};
pub use sign_in::{flow::FlowRoutes, redirect::RedirectSignIn};
pub use token::{AccessKey, RefreshToken, SessionToken};
pub use url_tenant::UrlTenant;
pub use verifier::SessionCacheStatus;
pub use watch::{SessionEnd, SessionWatch, UntilEnded};
pub use webhook::RevocationWebhook;

/// Chapters that are too long for an item's documentation.
pub mod _docs {
    #[doc = include_str!("docs/coming_from.md")]
    pub mod coming_from {}

    #[doc = include_str!("docs/sign_in.md")]
    pub mod sign_in {}

    #[doc = include_str!("docs/authorization.md")]
    pub mod authorization {}

    #[doc = include_str!("docs/deployment.md")]
    pub mod deployment {}

    #[doc = include_str!("docs/behind_a_proxy.md")]
    pub mod behind_a_proxy {}

    #[doc = include_str!("docs/replicas.md")]
    pub mod replicas {}

    #[doc = include_str!("docs/recipes.md")]
    pub mod recipes {}

    #[doc = include_str!("docs/operations.md")]
    pub mod operations {}

    #[doc = include_str!("docs/keys.md")]
    pub mod keys {}

    #[doc = include_str!("docs/cookies.md")]
    pub mod cookies {}

    #[doc = include_str!("docs/rationale.md")]
    pub mod rationale {}

    #[doc = include_str!("docs/threat_model.md")]
    pub mod threat_model {}

    #[doc = include_str!("docs/comparison.md")]
    pub mod comparison {}
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
