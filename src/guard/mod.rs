//! Guards for whole routes: a role, a permission, a recent step-up, nobody in the user's place.
//!
//! [`Require`] is a layer *inside* of [`TenantLayer`](crate::TenantLayer): it judges the session that
//! the layer left in the request's extensions, and admits exactly whom the method of the same name
//! admits.
//!
//! | guard | the same as | refusal |
//! |---|---|---|
//! | [`Require::tenant`] | [`ActiveTenant::from_extensions`](crate::ActiveTenant::from_extensions) | 403 `no_active_tenant`, `tenant_mismatch` |
//! | [`Require::role`], [`all_roles`](Require::all_roles), [`any_role`](Require::any_role) | [`ActiveTenant::require_role`](crate::ActiveTenant::require_role) and its kin | 403 `missing_role`, or as `tenant` |
//! | [`Require::permission`], [`all_permissions`](Require::all_permissions), [`any_permission`](Require::any_permission) | [`ActiveTenant::require_permission`](crate::ActiveTenant::require_permission) and its kin | 403 `missing_permission`, or as `tenant` |
//! | [`Require::step_up`], [`step_up_within`](Require::step_up_within) | [`Session::require_step_up`](crate::Session::require_step_up), [`require_step_up_within`](crate::Session::require_step_up_within) | 401 `step_up_required`, with the challenge of RFC 9470 |
//! | [`Require::not_impersonated`] | [`Session::require_not_impersonated`](crate::Session::require_not_impersonated) | 403 `impersonated` |
//!
//! Roles and permissions are those of the active tenant, and under
//! [`UrlTenant::membership_suffices`](crate::UrlTenant::membership_suffices) those of the tenant in the
//! URL; never the project's own. Where the layer let a request without a usable session pass
//! ([`optional`](crate::TenantLayer::optional)), a guard refuses it with what the layer found. Where no
//! layer ran outside of it, the answer is 500 `layer_missing`, which says so, and so does the log.
//!
//! The response of a refusal is made as the layer makes it: JSON, trailers-only for gRPC, the code in
//! `x-descope-rejection`, or by [`with_rejection_response`](Require::with_rejection_response). A shaper of the
//! layer's does not serve the guard by itself: give it to both.
//!
//! # Where it stands
//!
//! In axum the layer that is added last is the outermost: first the guards, then `TenantLayer`.
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use axum::{Router, body::Body, routing::{get, post}};
//! use http::Request;
//! use tower::ServiceExt;
//! use tower_descope::{Require, TenantLayer, test_util::FakeDescope};
//!
//! let fake = FakeDescope::start().await;
//! let billing = Router::new()
//!     .route("/invoices", get(async || "invoices"))
//!     .route_layer(Require::permission("invoice.read"));
//! let danger = Router::new()
//!     .route("/delete", post(async || "gone"))
//!     .route_layer(
//!         Require::role("owner")
//!             .and(Require::step_up_within(Duration::from_secs(300)))
//!             .and(Require::not_impersonated()),
//!     );
//! let app = billing.merge(danger).route_layer(TenantLayer::new(fake.descope()));
//!
//! let token = fake.session("U1").tenant("T1", |t| t.permission("invoice.read")).active("T1").token();
//! let ask = |method: &str, path: &str| {
//!     let request = Request::builder().method(method).uri(path);
//!     let request = request.header("authorization", format!("Bearer {token}"));
//!     app.clone().oneshot(request.body(Body::empty()).unwrap())
//! };
//! assert_eq!(ask("GET", "/invoices").await?.status(), 200);
//! let refused = ask("POST", "/delete").await?;
//! assert_eq!(refused.status(), 403);
//! assert_eq!(refused.headers()["x-descope-rejection"], "missing_role");
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "axum", feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```

mod condition;
mod future;
mod judged;
mod require;
mod service;

pub(crate) use self::judged::judge_again;
pub use self::{future::ResponseFuture, require::Require, service::RequireService};
