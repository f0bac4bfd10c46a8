//! Switching the tenant over HTTP: [`SelectTenant`], a tower service for `POST {"tenant": …}`.
//!
//! 1. The request must be a POST (else 405), sent by this site's own pages or by no browser at
//!    all (else 403 `cross_site`), of type `application/json` (else 415), with a body of at most
//!    4 KiB (else 413) whose member `tenant` is a tenant's id (else 400). Unknown members are
//!    ignored, a repeated one is refused.
//! 2. The refresh token is taken from the refresh cookie and verified here. Without one: 401.
//! 3. Descope is asked to select the tenant. Both tokens of its answer are verified: same user,
//!    and the tenant that was asked for.
//! 4. Only then are cookies written. After a failure the browser keeps what it has, with two
//!    exceptions: where Descope says that the session is over its cookies are removed, and where the answer
//!    has a new refresh token and a session that cannot be used (`cookie_too_large`; `upstream_invalid`,
//!    for example if the session is not in the tenant) a new refresh cookie is written, since Descope has
//!    rotated the old one.
//!
//! The answer is 200 with
//! `{"tenant": …, "sessionExpiration": …, "claims": {…}, "user": {…}}`, which keeps Descope's
//! browser SDK in step. Mounted at `/v1/auth/tenant/select`, the service answers the SDK's own
//! `selectTenant`. Nothing of Descope's answer but these members is passed on, and no token
//! unless asked for.
//!
//! A refusal is `{"error": …, "error_description": …}` with the code also in the header
//! `x-descope-rejection`, and with `errorCode`, `errorDescription` and `errorMessage` for
//! Descope's SDKs (`errorCode` is Descope's where it gave one):
//!
//! | status | `error` |
//! |---|---|
//! | 400 | `invalid_body`, `ambiguous_credentials`, `headers_too_large` (more than 64 KiB of cookies), `tenant_refused` |
//! | 401 | `missing_refresh_token`, `expired_token` (sign in again), `invalid_token` (so with Descope's E061005 and E064006, whatever their status) |
//! | 403 | `cross_site`, `tenant_refused` |
//! | 405, 413, 415 | `method_not_allowed`, `body_too_large`, `unsupported_media_type` |
//! | 429 | `rate_limited`, with `Retry-After` where Descope named one |
//! | 500 | `internal_error`: the log says more |
//! | 502 | `upstream_invalid`: Descope cannot be reached, fails, or answers with something that was not asked for, or a proxy refuses in its place; with `Retry-After` where the answer named one |
//! | 502 | `cookie_too_large` |
//! | 503 | `keys_unavailable`; `renewal_unavailable` (nothing was sent: this session asked too often, Descope asks to slow down, or what replicas share cannot be asked), each with `Retry-After` |
//! | 504 | `upstream_timeout` |
//!
//! Mount it outside [`TenantLayer`](crate::TenantLayer): the session may have expired, and then
//! has no say in whether another may be had.
//!
//! ```
//! use axum::{Router, routing::post_service};
//! use tower_descope::{Descope, SelectTenant};
//!
//! fn routes(descope: Descope) -> Router {
//!     Router::new().route("/tenant/select", post_service(SelectTenant::new(descope)))
//! }
//! ```
//!
//! # Front ends on another origin
//!
//! A page of another origin, be it a sub-domain, may switch tenants only if it is listed with
//! [`DescopeBuilder::origins`](crate::DescopeBuilder::origins). It also needs the application's
//! own CORS layer around this service, with credentials allowed, for this service answers no
//! preflight.
//!
//! # HTML forms
//!
//! With [`SelectTenant::html_forms`] a plain `<form method="post">` with a field `tenant` works
//! too, in both encodings and without files; it is answered by a redirect (303) to a page of this site, which a field `return_to` may
//! choose within the bounds of [`ReturnPaths`](crate::ReturnPaths). If that fails, the page's query
//! has `select_error` with the code of the table. A form that another site sent is no form of
//! this site: it gets the plain 403.
//!
//! ```
//! use tower_descope::{Descope, ReturnPaths, SelectTenant};
//!
//! # fn service(descope: Descope) -> Result<SelectTenant, tower_descope::Error> {
//! let paths = ReturnPaths::new("/projects")?.below("/")?;
//! let service = SelectTenant::new(descope).html_forms(paths);
//! # Ok(service)
//! # }
//! ```

mod call;
mod refusal;
mod request;
mod service;
mod settings;

#[cfg(feature = "__internals")]
pub(crate) use self::request::asked;
pub use self::service::SelectTenant;
pub use crate::endpoint::{Refusal, ResponseBody, ResponseFuture};
