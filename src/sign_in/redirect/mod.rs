//! Sign-in by redirect, without any script: [`RedirectSignIn`], one tower service for single sign-on,
//! OAuth providers, and the way back from both.
//!
//! | request | answer |
//! |---|---|
//! | `GET /sso?tenant=T2acme` | on to the tenant's identity provider |
//! | `GET /oauth/google` | on to the provider |
//! | `POST` of the same as a form, also with `email=` in place of `tenant` | the same, for pages of this site alone |
//! | `GET /callback?state=…&code=…` or `&err=…` | the session's cookies, and on to the return path |
//!
//! A start may have `return_to`, a path of this site ([`ReturnPaths`]), and `remember=1`, for
//! [`CookieLife::Chosen`](crate::cookie::CookieLife::Chosen). All else is 404 or 405.
//!
//! ```
//! use axum::Router;
//! use tower_descope::{Descope, Error, RedirectSignIn, ReturnPaths};
//!
//! fn app(descope: Descope) -> Result<Router, Error> {
//!     // <a href="/auth/oauth/google?return_to=/projects">Sign in with Google</a>
//!     // <a href="/auth/sso?tenant=T2acme">Acme's single sign-on</a>
//!     let sign_in = RedirectSignIn::builder(descope, "https://app.example.com/auth")
//!         .sso()
//!         .oauth(["google", "microsoft"])
//!         .return_paths(ReturnPaths::new("/projects")?.below("/")?)
//!         .failure_page("/sign-in")
//!         .build()?;
//!     Ok(Router::new().nest_service("/auth", sign_in))
//! }
//! ```
//!
//! With hyper, where nobody takes the prefix off: [`RedirectSignIn::at`].
//!
//! # Descope's settings
//!
//! The host of the public URL has to be an approved domain of the project (Descope console, Project
//! Settings), and the providers and the tenants' single sign-on have to be configured there.
//!
//! # Its price
//!
//! A sign-in is two calls from this server's address, a tenant that has to be selected a third. Descope
//! limits calls by address, so all visitors share one limit. What anybody can cause draws on the handle's
//! [`sign_in_budget`](crate::DescopeBuilder::sign_in_budget), and, where
//! [`client_address`](RedirectSignInBuilder::client_address) says who asks, on 20 a minute for each
//! address.
//!
//! # How it is kept safe
//!
//! * Each attempt has a `state` of its own, in a cookie of this browser alone (`__Host-DSX-…`, ten
//!   minutes). A way back whose state this browser does not have sends nothing to Descope, so nobody is
//!   signed in as somebody else by a link. Sign-in that the identity provider begins by itself is such
//!   a link: give its tile the URL `…/sso?tenant=T2acme`.
//! * A code is exchanged once for each attempt, by the endpoint that the attempt began with. A
//!   response that got lost is given again for a minute, to the same browser.
//! * The cookie is removed, whatever the way back brings. It holds no secret but the state.
//! * A start is a page that opens, or a form of this site: no frame, image or prefetch begins one
//!   (503 to a prefetch, which no browser keeps).
//! * The way on is a path of this site. No answer is stored or framed, and none tells the next page
//!   where it came from.
//!
//! **Not promised:** whoever reads the URL of a way back before its browser does may use the code in an
//! attempt of their own, since Descope's endpoints bind it to none.
//!
//! # Going on
//!
//! Where the session's cookies are [`SameSite::Strict`](crate::cookie::SameSite::Strict), the way back
//! from the identity provider's site arrives without them, and a redirect from there would, too. So the way
//! back is asked for once more by a page that goes on by itself (`Refresh`), with a link for browsers that do
//! not: then the session that the browser had is seen, to be ended, or to be a visitor's who signs in. It
//! ends in such a page, too; without `Strict` in a redirect (303).
//!
//! # Failures
//!
//! With a [`failure_page`](RedirectSignInBuilder::failure_page) the browser is led there, with the code in
//! `sign_in_error`; else it is shown a small page with the status.
//!
//! | `sign_in_error` | status | when |
//! |---|---|---|
//! | `no_attempt`, `attempt_expired` | 400 | the state is unknown to this browser, or older than ten minutes |
//! | `invalid_request` | 400 | a member twice, or malformed |
//! | `cross_site` | 403 | a form of another site; a frame |
//! | `idp_refused` | 403 | the identity provider says no, or its user did |
//! | `code_refused` | 403 | Descope refuses the start or the code |
//! | `tenant_mismatch` | 403 | the user is no member of the tenant that the attempt was for |
//! | `not_a_sign_in`, `anonymous_session` | 403 | see [`sign_in`](crate::sign_in) |
//! | `rate_limited` | 429, `Retry-After` | this service's budget, or Descope's limit |
//! | `upstream_invalid`, `cookie_too_large` | 502 | Descope's answer cannot be used; the session does not fit |
//! | `unavailable` | 503, `Retry-After` | Descope cannot be reached; begin again later |
//! | `internal_error` | 500 | the log says more |
//!
//! [`ReturnPaths`]: crate::ReturnPaths

mod attempts;
mod call;
mod callback;
mod failure;
mod page;
mod service;
mod settings;
mod shared;
mod start;
mod transaction;

pub use self::{service::RedirectSignIn, settings::RedirectSignInBuilder};
