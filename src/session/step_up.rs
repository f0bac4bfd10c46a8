use std::time::Duration;

use super::session::Session;
use crate::rejection::Rejection;

impl Session {
    /// `true` if the user has stepped up (`su`): signed in once more for something sensitive.
    pub fn is_stepped_up(&self) -> bool {
        self.verified().stepped_up
    }

    /// Asks that the user has stepped up, however long ago. Descope ends that by itself: a session that
    /// has stepped up lives for the project's *Step Up Token Timeout* (ten minutes unless it is set
    /// otherwise), and the one after it has not
    /// (<https://docs.descope.com/step-up>).
    ///
    /// # Errors
    ///
    /// [`RejectionKind::StepUpRequired`](crate::RejectionKind::StepUpRequired), 401 with the challenge of RFC 9470, if they have not.
    pub fn require_step_up(&self) -> Result<(), Rejection> {
        if self.is_stepped_up() {
            Ok(())
        } else {
            Err(Rejection::step_up_required("no_step_up", None))
        }
    }

    /// Asks that the user has stepped up, at most `max_age` ago.
    ///
    /// Descope does not write down when a user stepped up. It says `su` in the session token that the
    /// step-up brings and not in the refresh token, so that no renewal passes it on: the token's age
    /// (`iat`, by the clock of the handle that verified it) is that of the step-up. Where a project's own
    /// flows or templates write `su` into later tokens too, the age is that of the last of them, and
    /// no bound here can tell; a token without `iat` is refused.
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use tower_descope::test_util::FakeDescope;
    ///
    /// let fake = FakeDescope::start().await;
    /// let session = fake.session("U2ann").stepped_up().issued_at(-240).verify().await?;
    /// assert!(session.require_step_up().is_ok());
    /// assert!(session.require_step_up_within(Duration::from_secs(300)).is_ok());
    /// let refused = session.require_step_up_within(Duration::from_secs(180)).unwrap_err();
    /// assert_eq!(refused.code(), "step_up_required");
    /// assert!(refused.challenge().unwrap().to_str()?.ends_with(r#"max_age="180""#));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`RejectionKind::StepUpRequired`](crate::RejectionKind::StepUpRequired), with `max_age` in its challenge, if they have not, or longer
    /// ago.
    pub fn require_step_up_within(&self, max_age: Duration) -> Result<(), Rejection> {
        let refused = |reason| Err(Rejection::step_up_required(reason, Some(max_age)));
        if !self.is_stepped_up() {
            return refused("no_step_up");
        }
        // A token of the future is one by a clock that is a little ahead of this one, and new.
        let age = |issued| self.now().duration_since(issued).unwrap_or_default();
        match self.issued_at() {
            None => refused("step_up_without_iat"),
            Some(issued) if age(issued) > max_age => refused("old_step_up"),
            Some(_) => Ok(()),
        }
    }
}
