//! The tenant that a request names itself: in its path, its host, a header or a cookie.
//!
//! [`UrlTenant`] is a layer *inside* of [`TenantLayer`](crate::TenantLayer), and outside of
//! [`Require`](crate::Require). The name comes from outside, so it is compared with the token and never
//! trusted: no setting lets a request act in a tenant that its token does not name.
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::{Body, to_bytes}, routing::get};
//! use http::Request;
//! use tower::ServiceExt;
//! use tower_descope::{ActiveTenant, TenantLayer, UrlTenant, test_util::FakeDescope};
//!
//! let fake = FakeDescope::start().await;
//! let app = Router::new()
//!     .route("/t/{tenant}/projects", get(|tenant: ActiveTenant| async move { tenant.id().to_string() }))
//!     .route_layer(UrlTenant::after("/t/").membership_suffices())
//!     .route_layer(TenantLayer::new(fake.descope()));
//!
//! let token = fake.session("U1").tenant("T1", |t| t).tenant("T2", |t| t).active("T1").token();
//! for (path, status, seen) in [
//!     ("/t/T1/projects", 200, "T1"),
//!     ("/t/T2/projects", 200, "T2"),
//!     ("/t/T3/projects", 403, r#"{"error":"tenant_mismatch","error_description":"the session is not for this tenant"}"#),
//! ] {
//!     let request = Request::get(path).header("authorization", format!("Bearer {token}"));
//!     let response = app.clone().oneshot(request.body(Body::empty())?).await?;
//!     assert_eq!(response.status(), status);
//!     assert_eq!(to_bytes(response.into_body(), 1000).await?, seen);
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "axum", feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```
//!
//! # Two meanings of a tenant in the URL
//!
//! The session has one active tenant (`dct`), which all tabs of a browser share.
//!
//! | the request is for | [`must_be_active`](UrlTenant::must_be_active), the default | [`membership_suffices`](UrlTenant::membership_suffices) |
//! |---|---|---|
//! | the active tenant | passes | passes |
//! | another one that the token lists | 409 `other_tenant`; a navigation goes by 303 to the [`switch_page`](UrlTenant::switch_page) | passes, and `ActiveTenant` is the one of the URL |
//! | one that the token does not list, though it lists some | 403 `tenant_mismatch` | 403 `tenant_mismatch` |
//! | another one than `dct`, and the token has no `tenants` | 409 `other_tenant`, as above; under [`TenantClaims::Listed`](crate::TenantClaims::Listed) 403 | the same: nothing but `dct` passes |
//! | no tenant | 400 `tenant_not_named`, or by [`or_active`](UrlTenant::or_active) the active tenant | the same |
//! | whatever, without a usable session | refused as by a guard: what the layer found, or 500 `layer_missing` | the same |
//! | roles and permissions of [`Require`](crate::Require), [`ActiveTenant`](crate::ActiveTenant) | those of the active tenant | those of the tenant in the URL |
//! | [`Session::roles`](crate::Session::roles), [`active_tenant`](crate::Session::active_tenant) | those of `dct` | **still those of `dct`**: ask `ActiveTenant` |
//! | two tabs with two tenants | one of them has to switch, at each change | both work |
//! | what Descope knows | the tenant that the user is in: for its audit log, and for claims of the current tenant | nothing; its record is that of `dct` |
//! | needs | any JWT template | one that lists tenants ("Default Descope JWT") |
//!
//! Behind `membership_suffices` leave [`require_tenant`](crate::TenantLayer::require_tenant) out: it asks
//! for a `dct`, which nobody needs there. Nothing switches the session by itself, and nothing switches by
//! GET: the switch page shows a form for [`SelectTenant`](crate::SelectTenant), to which its query's
//! `tenant` and `return_to` are the fields.
//!
//! # How the tenant is read
//!
//! | the request | [`path_segment`](UrlTenant::path_segment), [`after`](UrlTenant::after) | [`subdomain_of`](UrlTenant::subdomain_of) | [`header`](UrlTenant::header) | [`cookie`](UrlTenant::cookie) |
//! |---|---|---|---|---|
//! | compared | exactly, after one percent-decoding, as axum's `Path` has it | without regard to ASCII case, since browsers write hosts in lower case | exactly | exactly, after one percent-decoding |
//! | another case (`t2ACME` for `T2acme`) | another tenant | the same tenant, where the token names one such; of two that differ in case alone neither: 400 | another tenant | another tenant |
//! | encoded (`T%32acme`) | `T2acme` | 400, no host | another tenant | `T2acme` |
//! | encoded slash (`a%2Fb`) | the tenant `a/b` | 400 | another tenant | the tenant `a/b` |
//! | encoded twice (`T%2532`) | the tenant `T%32` | 400 | another tenant | the tenant `T%32` |
//! | not UTF-8, a control character, blank, longer than 256 bytes | 400 | 400 | 400 | 400 |
//! | absent: a shorter path or another prefix; the domain itself; no such field | 400, or [`or_active`](UrlTenant::or_active) | 400, or `or_active` | 400, or `or_active` | 400, or `or_active` |
//! | empty: doubled slashes (`/t//T1`), an empty value | 400 | 400 (`.app.example.com`) | 400 | 400 |
//! | doubled: `/t/T1/t/T2`, several fields | the first segment after the prefix; `//t/T1` has another first segment than `/t/T1` | several `Host` fields, or one that contradicts `:authority`: 400 | 400, also equal ones | different values 400, equal ones are one |
//! | dot segments (`/t/../T1`) | a tenant `..`, as the server does not resolve them | | | |
//! | a port, a trailing dot | | ignored | | |
//! | IPv4, IPv6 (`[::1]:3000`), another domain, no host | | 400 | | |
//! | a sub-domain of a sub-domain (`x.t1.app.example.com`) | | 400 | | |
//!
//! All of these 400 are `tenant_not_named`; `or_active` changes those of the row "absent" alone. The host is
//! `:authority` under HTTP/2 and the `Host` field under HTTP/1.1, as for the cross-site check;
//! `X-Forwarded-Host` and its like are never read. Tenant ids that a host cannot spell (a space, letters
//! other than ASCII's) never match one: punycode is not decoded.
//!
//! **A cookie** can be set by other hosts of the site, and a header by nobody's link: take a name that
//! begins with `__Host-`, or a page of a sibling host chooses in which of a user's tenants they write.
//!
//! # Which path axum shows
//!
//! `Router::nest` takes its prefix away before the nested router's layers see the request. So add
//! `UrlTenant` to the router that nests, after the `nest`, and it sees the whole path:
//! `Router::new().nest("/t/{tenant}", pages).route_layer(UrlTenant::after("/t/"))`. On the nested router
//! itself, `/t/T1/projects` is `/projects`, in which `after("/t/")` finds no tenant and refuses; there
//! `path_segment` counts from where the nested router begins. A wrong place never lets anybody in: the
//! name is compared with the token all the same, and of another tenant than a [`Require`](crate::Require)
//! further out has judged it is asked what that has asked.

mod layer;
mod named;
mod service;
mod settings;
mod source;
mod verdict;

pub use self::{layer::UrlTenant, service::UrlTenantService};
