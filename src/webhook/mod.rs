//! Users who are changed or removed at Descope: [`RevocationWebhook`], a tower service for Descope's
//! [Audit Webhook connector](https://docs.descope.com/connectors/connector-configuration-guides/network/audit-webhook),
//! by which their sessions here are [revoked](crate::revocation).
//!
//! Whoever signs out by way of this service is refused at once. Of what happens in Descope's console, or by
//! its management API, this service learns nothing until a session expires, unless Descope tells it:
//!
//! ```
//! # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::Body, routing::post_service};
//! use http::Request;
//! use tower::ServiceExt;
//! use tower_descope::{
//!     RejectionKind, Revocation, RevocationWebhook, SessionToken, test_util::FakeDescope,
//! };
//!
//! let fake = FakeDescope::start().await;
//! let descope = fake.descope_builder().revocation(Revocation::available()).build()?;
//! // The connector's HMAC secret, from wherever this service has its secrets.
//! let secret = "c0ffee-c0ffee-c0ffee-c0ffee";
//! let webhook = RevocationWebhook::builder(descope.clone(), secret).build()?;
//! let app = Router::new().route("/hooks/descope", post_service(webhook));
//!
//! // Somebody deletes Ann in Descope's console.
//! let token = SessionToken::new(fake.session("U2ann").token());
//! let event = r#"[{"action":"UserDeleted","userId":"U2ann"}]"#;
//! let delivery = Request::post("/hooks/descope")
//!     .header("x-descope-webhook-s256", FakeDescope::webhook_signature(secret, event))
//!     .body(Body::from(event))?;
//! assert_eq!(app.oneshot(delivery).await?.status(), 204);
//!
//! let refused = descope.verify(&token).await.unwrap_err();
//! assert_eq!(refused.kind(), RejectionKind::SessionRevoked);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```
//!
//! Mount it where Descope reaches it, outside of any [`TenantLayer`](crate::TenantLayer) and of what
//! checks a CSRF token. In the console, add an Audit Webhook connector with this URL and an HMAC secret of 16
//! bytes or more, and let it send the events below. It does not matter which replica is asked:
//! all of them learn of it by [`SharedState`](crate::SharedState). Without that, each replica would have to
//! be told.
//!
//! # Events
//!
//! The names that Descope [documents](https://docs.descope.com/audit-trails-and-integrations/audit-events),
//! and what they do here; with spaces, with `_` and in other case they are the same:
//!
//! | event | |
//! |---|---|
//! | `UserDeleted`, `UserModified`, `LoginExceedMaxAttempts` (the user is disabled) | [`Mark::user`](crate::Mark::user) |
//! | `UsersDeleted`, `UsersModified` | the same for each; see below for one that names nobody |
//! | `AccessKeyDeleted`, `AccessKeysDeleted`, `AccessKeyModified` | the same for the key's id |
//! | a name of about that meaning: a user, an access key or a session, and deleted, removed, modified, disabled, blocked, expired, revoked, signed out, … | the same, where it names somebody |
//! | everything else | nothing; counted as `unknown` |
//!
//! All sessions are refused that began until the delivery came, whenever the event `occurred`. Too many marks
//! cost little: whoever may stay is renewed once, and gets their new roles and tenants by that.
//! An event of another `projectId` is passed over.
//!
//! # Answers
//!
//! | status | when |
//! |---|---|
//! | 204 | the marks are made, and every replica can read them; or there is nothing to mark, whatever the body says |
//! | 401 | no signature, more than one, or not of this body under this secret (or the [former one](RevocationWebhookBuilder::former_secret)); nothing more is said |
//! | 400, 413 | a body that breaks off, or of more than 1 MiB |
//! | 405 | another method than POST |
//! | 503 | the marks hold in this process, and the shared state has not taken them; or, said by an error in the log, there are more marks than [`max_marks`](crate::Revocation::max_marks) allows, and they do not hold here: with `Retry-After`, so that it comes again |
//!
//! The signature is looked for before the body is read, and checked before anything in it is looked at. A
//! delivery may come several times; nobody notes which ones came. Whoever has seen one can send it again, and
//! costs its users one renewal each time. That signs nobody out who may stay, and a limit would let the same
//! person hold up deliveries that are new.
//!
//! # Not known
//!
//! Descope documents the signature and names of events. It says nothing of how events are written, how fast
//! they are sent, how often after a failure, and which event, if any, tells of a sign-out or of a change of
//! tenants. Others have seen a list of `{"action", "actorId", "userId", "occurred", "tenants", "projectId",
//! "data"}`; here `userId`, `userIds`, `user`, `users` and the like are looked for in the event and in its
//! `data`. The documentation also says that the signature is made "from a JSON string, not the raw post
//! body": that is the same for bodies as `JSON.stringify` writes them, and here it is the body as it came.
//!
//! So **try it with your own project**: delete a test user, and see `sessions are revoked by audit events` in the log and
//! `tower_descope_webhook_events_total` with the outcome `marked`. Where events about users name none, as
//! those of several users at once may, there is a warning, and
//! [`everybody_if_unnamed`](RevocationWebhookBuilder::everybody_if_unnamed) marks everybody.

mod action;
mod call;
mod event;
mod notices;
mod service;
mod settings;
mod signature;

pub use self::{service::RevocationWebhook, settings::RevocationWebhookBuilder};
