//! The beginning and the end of a browser's session, for handlers of one's own.
//!
//! Whoever signs somebody in (by a code, a password, a callback) ends with two tokens of Descope's.
//! [`Descope::adopt`](crate::Descope::adopt) makes them the session of the browser that asked: it
//! verifies them, ends the session that the browser had before, and returns a [`SignedIn`], which writes
//! the cookies as [`SessionCookies`](crate::cookie::SessionCookies) says. With axum it is a part of the
//! response. [`Descope::sign_out`](crate::Descope::sign_out) is the other end.
//!
//! One-time codes by mail or text message are two calls,
//! [`send_code`](crate::Descope::send_code) and [`verify_code`](crate::Descope::verify_code); the code of a
//! redirect to an identity provider is exchanged by
//! [`exchange_code`](crate::Descope::exchange_code).
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{
//!     Form, Router,
//!     extract::State,
//!     http::{Request, StatusCode, header, request::Parts},
//!     response::{IntoResponse, Redirect},
//!     routing::post,
//! };
//! use serde::Deserialize;
//! use tower::ServiceExt;
//! use tower_descope::{Descope, sign_in::{CodeRecipient, SignInRefusal}};
//!
//! #[derive(Deserialize)]
//! struct Code {
//!     email: String,
//!     code: String,
//! }
//!
//! async fn enter(
//!     State(descope): State<Descope>,
//!     request: Parts,
//!     Form(form): Form<Code>,
//! ) -> Result<impl IntoResponse, SignInRefusal> {
//!     descope.check_same_origin(&request)?; // a form of another site must not sign anybody in
//!     let to = CodeRecipient::email(form.email);
//!     let signed_in = descope.verify_code(&request.headers, &to, &form.code).await?;
//!     Ok((signed_in, Redirect::to("/projects")))
//! }
//!
//! # use tower_descope::test_util::FakeDescope;
//! # let fake = FakeDescope::builder().user("ann@acme.test", |ann| ann).start().await;
//! # let descope = fake.descope();
//! descope.send_code(&CodeRecipient::email("ann@acme.test")).await?;
//! let app = Router::new().route("/enter", post(enter)).with_state(descope);
//! let request = Request::post("/enter")
//!     .header("sec-fetch-site", "same-origin")
//!     .header("content-type", "application/x-www-form-urlencoded")
//!     .body("email=ann%40acme.test&code=123456".to_owned())?;
//! let response = app.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::SEE_OTHER);
//! assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().count(), 2);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "axum", feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```
//!
//! # What a handler owes
//!
//! * [`check_same_origin`](crate::Descope::check_same_origin) for each form that signs in or out: without
//!   it another site signs a visitor in as somebody else.
//! * A limit on [`send_code`](crate::Descope::send_code), per person and address: messages cost money.
//! * One answer for addresses that are known and such that are not.
//! * A path of this site to go on to: [`ReturnPaths`](crate::ReturnPaths).
//!
//! # What is adopted
//!
//! Both tokens have to be genuine, in time, of this project, of the right kind, which they have to
//! name (`drn`), and of the same user. The session token was issued five minutes ago at most
//! ([`Adopt::max_age`]), says how its user signed in (`amr`), and is no anonymous visitor's
//! ([`Adopt::allow_anonymous`]). Both cookies fit. Until all of that holds nothing is written, and
//! nothing of the browser's is ended: whoever was signed in stays so.
//!
//! | [`ErrorKind`](crate::ErrorKind) | when |
//! |---|---|
//! | `InvalidRefreshToken`, `InvalidSessionToken` | forged, of another project, of another kind |
//! | `SessionEnded` | expired, signed out here, or over as Descope has said |
//! | `NotASignIn` | of two users, too old, without a word about how its user signed in; the message says which |
//! | `AnonymousSession` | an anonymous visitor's |
//! | `Refused` | Descope refuses the code, or with [`Adopt::rotate`] the exchange: [`upstream_code`](crate::Error::upstream_code) is its own; or a text can be no code or no address, and nothing was sent |
//! | `KeysUnavailable`, `RateLimited`, `Throttled`, `SharedStateUnavailable`, `UpstreamUnavailable`, `UpstreamTimeout` | not just now: the same sign-in may succeed later, unless a code has been used up |
//! | `RefreshTokenReused`, `RefreshTokenReplaced` | the refresh token has been used: with [`Adopt::rotate`] somebody was faster |
//! | `NoRuntime` | with [`Adopt::rotate`]: outside of a tokio runtime |
//! | `UpstreamInvalid` | Descope's own answer cannot be used |
//! | `CookieTooLarge` | a token is larger than browsers keep; what Descope gave for this sign-in is ended there, tokens that a caller brought are the caller's to sign out |

mod adopt;
mod budget;
mod code;
mod door;
pub mod flow;
pub mod redirect;
mod refusal;
#[cfg(feature = "axum")]
mod response;
mod signed_in;
mod signed_out;

pub(crate) use self::door::Door;
pub use self::{
    adopt::{Adopt, AdoptFuture},
    code::CodeRecipient,
    refusal::SignInRefusal,
    signed_in::SignedIn,
    signed_out::SignedOut,
};
pub use crate::client::Exchange;
