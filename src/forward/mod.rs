//! Forward-auth: the tenant layer for services in any language, behind a proxy that asks
//! [`ForwardAuth`] about each request before it passes it on.
//!
//! nginx calls it `auth_request`, Caddy and Traefik `forward_auth`, Envoy `ext_authz`. The proxy sends a
//! request without a body, with the fields of the client's; a 2xx lets that pass, with what the proxy
//! copies from the answer: who the user is, for the application, and new cookies, for the browser.
//!
//! 1. **The question.** The *effective* request, the one that the proxy has received, is what
//!    `X-Forwarded-Method`, `X-Forwarded-Proto`, `X-Forwarded-Host` and `X-Forwarded-Uri` say, with the
//!    client's own fields beside them (`Cookie`, `Authorization`, `Origin`, `Sec-Fetch-*`,
//!    `Sec-WebSocket-Key`). Path, query, method, `Host` and `Forwarded` of the question itself say nothing.
//! 2. **The verdict** is [`TenantLayer`](crate::TenantLayer)'s, with
//!    [`cookies_same_origin_only`](crate::TenantLayer::cookies_same_origin_only): session or access key,
//!    renewal, the cross-site check. No path is looked at; which of them are public is for the proxy to say.
//! 3. **The answer** is one of these, with `Cache-Control: no-store` and, in each refusal, the code in
//!    `x-descope-rejection`:
//!
//! | answer | when | fields |
//! |---|---|---|
//! | 200, `Content-Length: 0` | the request may pass | the identity, the cookies of a renewal, `Vary: Authorization, Cookie` |
//! | 401 | no session | `WWW-Authenticate`; removals of cookies, where the session is over; `X-Auth-Location`, where there is a [sign-in page](ForwardAuthBuilder::sign_in) |
//! | 403 | no tenant (with [`require_tenant`](ForwardAuthBuilder::require_tenant)), or another site's page acts | |
//! | 503 | keys, a renewal, the exchange of an access key or, with [`Revocation::strict`](crate::Revocation::strict), the revocations of other replicas (`revocation_unavailable`) cannot be had now | `Retry-After` |
//! | 400 | contradicting credentials; more cookies than are read | `WWW-Authenticate` |
//! | 302 | a page is opened without a session, with [`redirects`](ForwardAuthBuilder::redirects) | `Location` |
//! | 400 `invalid_forwarded` | a forwarded field that came twice or says nothing that a client can ask for; no `X-Forwarded-Proto` or `-Uri` | |
//! | 500 `misconfigured` | no `X-Forwarded-Method` or `-Host`; the log names the directive to set | |
//! | 403 without a code | not the proxy: `X-Auth-Proxy` is not the [secret](ForwardAuthBuilder::proxy_secret) | none |
//!
//! nginx makes a 500 of every answer but 2xx, 401 and 403. Answers to gRPC calls are the same: a refusal in
//! gRPC's own form is a 200.
//!
//! # The identity
//!
//! | field | value |
//! |---|---|
//! | `X-User-Id` | [`Session::user_id`](crate::Session::user_id); of a machine, its access key's id |
//! | `X-Tenant-Id` | the [active tenant](crate::ActiveTenant) |
//! | `X-Tenant-Roles` | the user's roles in that tenant, with commas between them; never those of the whole project |
//! | `X-Tenant-Permissions` | the permissions, likewise, with [`permissions`](ForwardAuthBuilder::permissions) |
//!
//! A 200 has all of them, and none is empty: `-` means none. Proxies leave out what is missing or empty,
//! and then the field of that name which the *client* has sent reaches the application. Values are
//! percent-encoded but for visible ASCII, and so are `%` and commas within them: an application splits a list
//! at its commas and then decodes each name. A session whose user or tenant is called `-` is refused.
//!
//! An application takes a missing `X-Tenant-Id` for "no", believes the fields only where nobody but the proxy
//! can reach it, and has the proxy remove or overwrite those of clients.
//!
//! # Example
//!
//! ```
//! # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use http::{Request, StatusCode};
//! use tower::ServiceExt;
//! use tower_descope::{ForwardAuth, Renewal, test_util::FakeDescope};
//!
//! let fake = FakeDescope::start().await; // or Descope::from_env() against the real one
//! let forward_auth = ForwardAuth::builder(fake.descope())
//!     .proxy_secret("9f2d7c51e0b84a36")
//!     .renew(Renewal::new())
//!     .sign_in("/auth/sso")
//!     .build()?;
//!
//! // What a proxy asks when a browser opens https://app.example.com/projects.
//! let question = || {
//!     Request::get("/check")
//!         .header("x-auth-proxy", "9f2d7c51e0b84a36")
//!         .header("x-forwarded-method", "GET")
//!         .header("x-forwarded-proto", "https")
//!         .header("x-forwarded-host", "app.example.com")
//!         .header("x-forwarded-uri", "/projects")
//! };
//!
//! let token = fake.session("U1").tenant("T1", |t| t.role("admin")).active("T1").token();
//! let signed_in = question().header("cookie", format!("DS={token}")).body(())?;
//! let answer = forward_auth.clone().oneshot(signed_in).await?;
//! assert_eq!(answer.status(), StatusCode::OK);
//! assert_eq!(answer.headers()["x-user-id"], "U1");
//! assert_eq!(answer.headers()["x-tenant-id"], "T1");
//! assert_eq!(answer.headers()["x-tenant-roles"], "admin");
//!
//! let answer = forward_auth.oneshot(question().body(())?).await?;
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(answer.headers()["x-auth-location"], "/auth/sso?return_to=%2Fprojects");
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```
//!
//! The repository's example `forward_auth` is the program to deploy: this service, with
//! [`SessionRoutes`](crate::SessionRoutes) beside it.

mod answer;
mod effective;
mod fields;
mod identity;
mod refusals;
mod secret;
mod service;
mod settings;
mod sign_in;

pub use self::{
    service::ForwardAuth,
    settings::{ForwardAuthBuilder, NumberedCookies},
};
pub use crate::endpoint::{ResponseBody, ResponseFuture};
