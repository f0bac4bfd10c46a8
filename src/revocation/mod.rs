//! Sessions that are refused before their time is over: after a sign-out, or because an operator said so.
//!
//! A session token is good until it expires, some minutes after its user has signed out or was removed,
//! since nobody is asked about it. With [`DescopeBuilder::revocation`] this service asks: a [`Mark`] says
//! which session tokens are refused from now on, and each verified token is compared with the marks, in
//! nanoseconds and without a call.
//!
//! | [`Mark`] | refuses a session | made by |
//! |---|---|---|
//! | [`user`](Mark::user) | of this user that began up to now | a sign-out everywhere; you, where a user was removed, disabled, or lost a role |
//! | [`session_token`](Mark::session_token) | with this very token | a sign-out |
//! | [`tenant`](Mark::tenant) | that lists this tenant and began up to now | you, where a tenant was closed |
//! | [`everybody`](Mark::everybody) | that began up to now | you, in an emergency |
//!
//! A refusal is 401 [`SessionRevoked`](crate::RejectionKind::SessionRevoked). A layer that
//! [renews](crate::TenantLayer::renew) exchanges the refresh token instead, as for a session that has
//! expired: so a mark costs a user who may stay one call, and Descope says who may not.
//!
//! Without [`SharedState`](crate::SharedState) marks hold in this process. With it each replica learns of
//! them in a fraction of a second, and [`Revocation`] says what happens while they cannot be learned of.
//!
//! ```
//! # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use tower_descope::{Mark, RejectionKind, Revocation, SessionToken, UserId, test_util::FakeDescope};
//!
//! let fake = FakeDescope::start().await;
//! let descope = fake
//!     .descope_builder()
//!     .revocation(Revocation::strict(Duration::from_secs(1)))
//!     .build()?;
//! let token = SessionToken::new(fake.session("U2ann").token());
//! assert!(descope.verify(&token).await.is_ok());
//!
//! descope.revoke(Mark::user(&UserId::new("U2ann")?)).await?;
//! let refused = descope.verify(&token).await.unwrap_err();
//! assert_eq!(refused.kind(), RejectionKind::SessionRevoked);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
//! # fn main() {}
//! ```
//!
//! [`DescopeBuilder::revocation`]: crate::DescopeBuilder::revocation

mod everywhere;
mod heard;
mod mark;
mod marks;
mod settings;
mod slots;
mod standing;
mod status;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    everywhere::{EverywhereBegun, EverywhereCut, EverywhereSignOut},
    mark::{CutMark, MarkKeys, MarkName, Subject},
    standing::Standing,
    view::RevocationView,
};
pub use self::{mark::Mark, settings::Revocation, status::RevocationStatus};
