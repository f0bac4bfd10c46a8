//! A session's calls over HTTP: [`SessionRoutes`], one tower service for refresh, logout and their
//! kin.
//!
//! Mounted at `/v1/auth`, it is what Descope's own browser SDK talks to when its `baseUrl` is this
//! service's origin. The session then lives in `HttpOnly` cookies, and no script ever sees a token.
//!
//! | call | answer | without a session |
//! |---|---|---|
//! | `POST refresh` | 200: a new session, its cookies, `{"sessionExpiration": …, "tenant": …, "claims": {…}, "user": {…}}` | 401 |
//! | `POST try-refresh` | as `refresh` | 200 `{}` |
//! | `POST tenant/select` | see [`select`](crate::select) | 401 |
//! | `POST logout`, `POST logoutall` | 200 `{}`, every cookie removed | the same |
//! | `POST sign-in` | where [`SessionRoutes::sign_in`] opens it; as `refresh`; takes `{"sessionJwt": …, "refreshJwt": …}` | |
//! | `GET me` | 200: Descope's user object | 401 |
//! | `POST me/tenants` | 200 `{"tenants": […]}`; takes `{"dct": true}` or `{"ids": […]}` | 401 |
//! | `GET me/history` | 200: a list | 401 |
//!
//! Everything else is 404, another method 405; nothing is forwarded that is not listed here. Every
//! answer has `Cache-Control: no-store`, and is JSON, unless `tenant/select` or a sign-out takes HTML
//! forms: those are answered by a redirect (303) with an empty body.
//!
//! ```
//! use axum::Router;
//! use tower_descope::{Descope, SessionRoutes};
//!
//! fn app(descope: Descope) -> Router {
//!     Router::new().nest_service("/v1/auth", SessionRoutes::new(descope))
//! }
//! ```
//!
//! With hyper, where nobody takes the prefix off:
//!
//! ```no_run
//! use hyper_util::{rt::{TokioExecutor, TokioIo}, service::TowerToHyperService};
//! use tower_descope::{Descope, SessionRoutes};
//!
//! # async fn serve(descope: Descope, stream: tokio::net::TcpStream) {
//! let routes = SessionRoutes::new(descope).at("/v1/auth");
//! let service = TowerToHyperService::new(routes);
//! hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
//!     .serve_connection(TokioIo::new(stream), service)
//!     .await
//!     .unwrap();
//! # }
//! ```
//!
//! Its responses have a body type of their own, [`ResponseBody`]. Beside an application with another
//! one (axum brings all to its own), both are put into a box by
//! [`BodyExt::boxed`](https://docs.rs/http-body-util/latest/http_body_util/trait.BodyExt.html#method.boxed):
//!
//! ```
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Empty, Full, combinators::BoxBody};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_descope::{Descope, Rejection, SessionRoutes, TenantLayer};
//!
//! type Boxed = BoxBody<Bytes, Infallible>;
//!
//! // With hyper `B` is `hyper::body::Incoming`.
//! async fn app<B>(descope: Descope, request: Request<B>) -> Result<Response<Boxed>, Infallible>
//! where
//!     B: http_body::Body + Send + 'static,
//!     B::Data: Send,
//! {
//!     if request.uri().path().starts_with("/v1/auth/") {
//!         let routes = SessionRoutes::new(descope).at("/v1/auth");
//!         let response = routes.oneshot(request).await?;
//!         return Ok(response.map(BodyExt::boxed));
//!     }
//!     // The layer cannot write into a box; so its refusals are made here.
//!     let layer = TenantLayer::new(descope).with_rejection_response(
//!         |rejection: Rejection, _: &http::request::Parts| {
//!             rejection.to_response::<Full<Bytes>>().map(BodyExt::boxed)
//!         },
//!     );
//!     let projects = service_fn(|_: Request<B>| async {
//!         Ok::<_, Infallible>(Response::new(Full::from("projects").boxed()))
//!     });
//!     ServiceBuilder::new().layer(layer).service(projects).oneshot(request).await
//! }
//!
//! let descope = Descope::builder("P2aAc4T2V93bddihGEx2Ryhc8e5Z").build()?;
//! for (path, status, code) in [
//!     ("/v1/auth/nothing", 404, "not_found"),
//!     ("/projects", 401, "missing_token"),
//! ] {
//!     let request = Request::get(path).body(Empty::<Bytes>::new())?;
//!     let response = app(descope.clone(), request).await?;
//!     assert_eq!(response.status(), status);
//!     assert_eq!(response.headers()["x-descope-rejection"], code);
//!     let body = response.into_body().collect().await?.to_bytes();
//!     assert!(std::str::from_utf8(&body)?.contains(code));
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # fn main() {}
//! ```
//!
//! Mount it outside [`TenantLayer`](crate::TenantLayer): the session may have expired, and then has
//! no say in whether it may be renewed.
//!
//! Refusals may have the application's own form:
//! [`with_rejection_response`](SessionRoutes::with_rejection_response).
//!
//! # What a status means
//!
//! The browser SDK takes any 4xx of these calls for "signed out", 429 included, and repeats a call
//! that was answered 503. So these are the statuses of all calls but `tenant/select`, whose own are
//! in [`select`](crate::select):
//!
//! | status | `error` |
//! |---|---|
//! | 400 | `invalid_body`; `ambiguous_credentials`: the cookies are of several users, and stay |
//! | 400 | `headers_too_large`: more than 64 KiB of cookies, which are not read, and stay. A sign-out is answered 200 all the same, and reads the first fields, as many as are within that bound |
//! | 401 | `missing_refresh_token` (no call to Descope was made), `expired_token`: sign in again |
//! | 401 | `invalid_token`: not with this refresh token (so with Descope's E061005 and E064006, whatever their status). Another holder of the session may have replaced it, so the cookies are kept at first; if the next request is refused too, sign in again |
//! | 403 | `cross_site` |
//! | 404, 405, 413, 415 | `not_found`, `method_not_allowed`, `body_too_large`, `unsupported_media_type` |
//! | 500 | `internal_error`: the log says more |
//! | 502 | `cookie_too_large` |
//! | 503 | `renewal_unavailable`, `keys_unavailable`, with `Retry-After`: nothing is lost, try again |
//!
//! Cookies are removed only where Descope says that the session is over. A refresh token that has
//! expired by this machine's clock is answered 401 without a call, and its cookies stay: the clock
//! may be ahead. A refresh token that another request has replaced is no such case. Until the new one
//! has been presented, and for the keep time
//! ([`keep_answers`](crate::DescopeBuilder::keep_answers)) from then on, its holder is answered with
//! the newest session. Until 15 minutes from then such a request is late, and answered 503
//! `renewal_unavailable` with `Retry-After: 1`: the SDK then asks again with the newer cookies that the
//! browser has. For 15 minutes after a sign-out the old cookies are answered 401 and not removed.
//!
//! A call that is made too often is answered 503 `renewal_unavailable` with `Retry-After`, too, never
//! 429, and nothing is sent ([limits](crate::_docs::operations#calls-that-are-held-back)).
//!
//! A logout that Descope answers with 503 goes up once more, 100 milliseconds later, as every call does
//! that rotates no token: Descope may see the same logout twice, which does no harm.
//!
//! Logout is always answered with 200 and removed cookies, whatever Descope says, unless another
//! site asks for it (403). From then on this process renews nothing of the session. A session token
//! that was handed out before works until it expires, unless [revocation](crate::revocation) is on.
//! Every genuine refresh token that is presented is signed out, sixteen at most. `logoutall` is meant
//! for the user of a genuine `__Host-` session cookie, else for each user whose refresh token was
//! presented; where Descope has not confirmed it, the answer is `{"everywhere": false}`.
//!
//! # Signing in
//!
//! `sign-in`, where it is opened, makes the tokens that a page has received from Descope its browser's
//! session, as [`sign_in`](crate::sign_in) says. A refusal writes and removes no cookie: whoever was
//! signed in stays so. The request has to say that it comes from a page of this site (`Sec-Fetch-Site:
//! same-origin`), or to have an `Origin` that is this host's or one of the listed ones; what a browser marks
//! as nobody's is refused, too. Its body has at most 64 KiB; members beside `sessionJwt`, `refreshJwt` and
//! `remember` are ignored, so that a page may send all that it was given.
//!
//! | status | `error` |
//! |---|---|
//! | 400 | `invalid_body`; `tokens_missing`: the project hands its tokens out as cookies (Descope's setting "Token response method") |
//! | 401 | `invalid_token`, `expired_token` |
//! | 403 | `cross_site`, `not_a_sign_in`, `anonymous_session` |
//! | 502 | `upstream_invalid`, `cookie_too_large` |
//! | 503 | `keys_unavailable`, `unavailable`, with `Retry-After`: the same sign-in may succeed later |
//!
//! # Bodies and origins
//!
//! A POST has a JSON object of at most 16 KiB with type `application/json`; or, where no member is
//! needed, nothing at all, whatever its type. Members that are not known are ignored. An empty body
//! whose type a form of another site can have (`application/x-www-form-urlencoded`,
//! `multipart/form-data`, `text/plain`) has to come with `Origin` or `Sec-Fetch-Site`, else 403.
//!
//! With [`SessionRoutes::html_forms`] a plain `<form method="post">` signs out, too, by `logout` and
//! `logoutall`; its browser is sent on to a page of this site. Forms without files are read in both
//! encodings.
//!
//! A request of another origin is refused unless that is listed with
//! [`DescopeBuilder::origins`](crate::DescopeBuilder::origins), which also takes the application's
//! own CORS layer around this service.
//!
//! # Without a browser
//!
//! `Authorization: Bearer <project id>`, which the browser SDK always sends, says nothing here. See
//! [`SessionRoutes::accept_bearer_refresh`] for clients without cookies, and
//! [`Descope::refresh`](crate::Descope::refresh) for calls without HTTP.

mod adopt;
mod body;
mod call;
mod log_out;
mod mounting;
mod path;
mod refusal;
mod service;
mod settings;
mod sign_in;

pub use self::{service::SessionRoutes, sign_in::SignIn};
pub use crate::endpoint::{Refusal, ResponseBody, ResponseFuture};
