use super::session::Session;
use crate::{
    ids::UserId,
    rejection::{Rejection, RejectionKind},
};

impl Session {
    /// `true` if somebody else acts as this user (`act`, whatever it says but `null`).
    pub fn is_impersonated(&self) -> bool {
        self.verified().actor.is_some()
    }

    /// The id of who acts as this user: `act` itself if it is a string, else its `sub` (RFC 8693
    /// section 4.1). Show it where somebody works in another person's place, and write it beside the
    /// user into your own audit log; the layer records it as the span field `actor.id`.
    ///
    /// `None` for an ordinary session, and also where `act` has another shape or no id that could be a
    /// [`UserId`]; [`is_impersonated`](Self::is_impersonated) tells the two apart.
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower_descope::Rejection> {
    /// use tower_descope::test_util::FakeDescope;
    ///
    /// let fake = FakeDescope::start().await;
    /// let session = fake.session("U2ann").impersonated_by("U2support").verify().await?;
    /// assert_eq!(session.user_id(), "U2ann");
    /// assert_eq!(session.actor().unwrap(), "U2support");
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    pub fn actor(&self) -> Option<UserId> {
        self.verified().actor_id()
    }

    /// Asks that nobody acts in this user's place: for what only they themselves may do, such as
    /// changing a password or a consent.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::Impersonated`] if somebody does.
    pub fn require_not_impersonated(&self) -> Result<(), Rejection> {
        if self.is_impersonated() {
            Err(Rejection::new(RejectionKind::Impersonated))
        } else {
            Ok(())
        }
    }
}
