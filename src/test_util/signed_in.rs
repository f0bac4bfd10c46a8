//! The result of a sign-in.

use std::fmt;

use super::routes::Issued;

/// A user's first pair of tokens; made by [`FakeDescope::sign_in`].
///
/// [`FakeDescope::sign_in`]: super::FakeDescope::sign_in
#[derive(Clone)]
pub struct SignedIn {
    user_id: String,
    session_jwt: String,
    refresh_jwt: String,
    cookies: String,
}

impl SignedIn {
    /// With the names of the session and of the refresh cookie.
    pub(super) fn new(names: &(String, String), user_id: String, issued: Issued) -> Self {
        let (session_name, refresh_name) = names;
        let refresh_jwt = issued.refresh.unwrap_or_default();
        Self {
            user_id,
            cookies: format!(
                "{session_name}={}; {refresh_name}={refresh_jwt}",
                issued.session
            ),
            session_jwt: issued.session,
            refresh_jwt,
        }
    }

    /// Who signed in: the user id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The session token.
    pub fn session_jwt(&self) -> &str {
        &self.session_jwt
    }

    /// The refresh token.
    pub fn refresh_jwt(&self) -> &str {
        &self.refresh_jwt
    }

    /// A `Cookie` header with both tokens, under the names that the service under test reads first:
    /// those of the [`SessionCookies`](crate::cookie::SessionCookies) of the handle that was built
    /// last, before the sign-in, by [`FakeDescope::descope`] or [`FakeDescope::descope_builder`].
    /// Before there is one, the project's names.
    ///
    /// ```
    /// # use tower_descope::{cookie::SessionCookies, test_util::FakeDescope};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower_descope::Error> {
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return Ok(()) }
    /// let fake = FakeDescope::builder().user("ann@acme.test", |u| u).start().await;
    /// let descope = fake.descope_builder().cookies(SessionCookies::host_prefixed()).build()?;
    /// let ann = fake.sign_in("ann@acme.test");
    /// assert!(ann.cookies().starts_with("__Host-DS="));
    /// # drop(descope);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`FakeDescope::descope`]: super::FakeDescope::descope
    /// [`FakeDescope::descope_builder`]: super::FakeDescope::descope_builder
    pub fn cookies(&self) -> &str {
        &self.cookies
    }
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}
