//! Descope's own sign-in component on this service's origin: [`FlowRoutes`].
//!
//! # What it costs
//!
//! Descope limits calls by address. In a browser that talks to Descope each person has a limit of their
//! own; behind these routes **all share this server's**: a sign-in is two to ten calls, a screen that
//! polls is thirty a minute, so four people on such a screen pass a hundred a minute, which is what
//! Descope documents for its front-end API. Rules of a flow about the country or the network see this
//! server. So these routes are for projects without a custom domain, for development on localhost, and
//! for applications that want no third party in the page. With a custom domain (`auth.example.com`)
//! Descope sees the browser, and sets `HttpOnly` cookies itself. A page that keeps Descope's base URL
//! and hands its tokens over once has no such limit:
//! [`SessionRoutes::sign_in`](crate::SessionRoutes::sign_in).
//!
//! ```
//! use axum::Router;
//! use tower_descope::{Descope, Error, FlowRoutes, SessionRoutes};
//!
//! fn app(descope: Descope) -> Result<Router, Error> {
//!     // <descope-wc project-id="P2…" flow-id="sign-up-or-in" base-url="https://app.example.com">
//!     let flows = FlowRoutes::builder(descope.clone())
//!         .signed_in_flows(["step-up", "add-passkey"])
//!         .build()?;
//!     Ok(Router::new()
//!         .nest_service("/v1/flow", flows)
//!         .nest_service("/v1/auth", SessionRoutes::new(descope)))
//! }
//! ```
//!
//! # What is answered
//!
//! `POST /start` and `POST /next`, as the component sends them; all else is 404. Of the request goes up:
//! the body as it came, with a session token of the page's taken out; a few headers by name; the device
//! tokens of this browser; and, for [`signed_in_flows`](FlowRoutesBuilder::signed_in_flows) alone, the
//! browser's refresh token. Of Descope's answer comes down: its JSON, in which every token is emptied;
//! the nonce of the next call; this service's own cookies. A session in it is adopted as
//! [`sign_in`](crate::sign_in) says before the answer goes out. No call is ever repeated, and none is
//! answered 503, which would make the component repeat it with a nonce that works once. A call that the
//! browser itself repeats gets the first one's answer, for half a minute.
//!
//! | status | `errorCode` |
//! |---|---|
//! | 400 | `invalid_body`, `other_project` |
//! | 403 | `cross_site`; `foreign_flow`; `other_user`; `not_a_sign_in`, `anonymous_session` |
//! | 404, 405, 413, 415 | `not_found`, `method_not_allowed`, `body_too_large`, `unsupported_media_type` |
//! | 429 | `rate_limited`, with `Retry-After` |
//! | 502 | `upstream_invalid`, `upstream_unavailable`, `keys_unavailable`, `cookie_too_large`; `not_a_sign_in`: a session without a refresh token. A refusal without Descope's code is some proxy's, and `upstream_unavailable` |
//! | 504 | `upstream_timeout` |
//!
//! Refusals of Descope's (4xx) keep their status, and of their body what says why.
//!
//! # How it is kept safe
//!
//! * The component acts on the `?code=` and `?t=` of its page's URL, so any link would sign its reader in
//!   as its sender. Each execution is bound to the browser that started it (`__Host-DSF-…`); a step of
//!   another one is `foreign_flow`, and so is a start that a link asks for. The link of a mail goes up from
//!   any browser, and signs in the one that is waiting.
//! * A request has to come from a page of this site, as `sign-in` of the [routes](crate::routes) says.
//! * Who is signed in stays who they are: a flow that ends with another user's session is `other_user`.
//! * Device tokens are kept in `__Host-DTD` and `__Host-DKD`, and outlive a sign-out.
//! * All calls draw on the handle's [`sign_in_budget`](crate::DescopeBuilder::sign_in_budget), polls on
//!   half of it; each address, or each execution, has a budget of its own. 64 calls are under way at
//!   most. While Descope asks to slow down nothing goes up.

mod admit;
mod answer;
mod binding;
mod body;
mod call;
mod device;
mod pages;
mod refusal;
mod replay;
mod service;
mod settings;
mod shared;

pub(super) use self::device::removals as device_removals;
pub use self::{pages::FlowPages, service::FlowRoutes, settings::FlowRoutesBuilder};
