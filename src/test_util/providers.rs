//! `FakeDescope`: sign-ins at an identity provider, without the page and its refusals.

use super::{attempts::Provider, fake::FakeDescope, people::FakeUser, routes};

/// # Identity providers
///
/// A sign-in by OAuth or single sign-on goes over a page of the fake's own, at `/idp/{provider}`,
/// where one chooses who one is. Tests need not read HTML: a `loginHint` that names a user chooses
/// by itself, and these methods give the code alone.
impl FakeDescope {
    /// A code as if this user had signed in at an OAuth provider just now, to be exchanged at
    /// `/v1/auth/oauth/exchange`: once, within [`EXCHANGE_CODE_TTL`](Self::EXCHANGE_CODE_TTL).
    ///
    /// ```
    /// # use tower_descope::test_util::FakeDescope;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), reqwest::Error> {
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return Ok(()) }
    /// let fake = FakeDescope::builder().user("ann@acme.test", |u| u.id("U2ann")).start().await;
    /// let code = fake.oauth_code("google", "ann@acme.test");
    ///
    /// let client = reqwest::Client::builder().no_proxy().build()?;
    /// let exchange = client
    ///     .post(format!("{}/v1/auth/oauth/exchange", fake.url()))
    ///     .bearer_auth(fake.project_id())
    ///     .body(serde_json::json!({"code": code}).to_string());
    /// let answer = exchange.send().await?.text().await?;
    /// assert!(answer.contains(r#""amr":["oauth"]"#));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such user, if the user is an anonymous visitor, or if no provider can be
    /// called so.
    pub fn oauth_code(&self, provider: &str, user: &str) -> String {
        let is_provider = routes::is_provider(provider);
        assert!(is_provider, "`{provider}` is no name of an OAuth provider");
        let user = self.somebody(user);
        self.code(Provider::OAuth(provider.into()), &user)
    }

    /// A code as if this user had signed in at a tenant's identity provider just now, to be exchanged
    /// at `/v1/auth/saml/exchange`: once, within [`EXCHANGE_CODE_TTL`](Self::EXCHANGE_CODE_TTL).
    ///
    /// ```
    /// # use tower_descope::test_util::FakeDescope;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return }
    /// let fake = FakeDescope::builder()
    ///     .user("ann@acme.test", |u| u.tenant("T2acme", |t| t))
    ///     .start()
    ///     .await;
    /// let code = fake.sso_code("T2acme", "ann@acme.test");
    /// assert_ne!(code, fake.sso_code("T2acme", "ann@acme.test"));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no such user, if the user is an anonymous visitor, or if the user is not a member
    /// of the tenant.
    pub fn sso_code(&self, tenant: &str, user: &str) -> String {
        let found = self.somebody(user);
        let member = found.grants.tenants.contains_key(tenant);
        assert!(
            member,
            "the user `{user}` is not a member of the tenant `{tenant}`"
        );
        self.code(Provider::Sso(tenant.into()), &found)
    }

    /// Refuses the next choice at the identity provider: the browser comes back to the redirect URL
    /// with `err` in place of `code`. Several calls add up. Whoever follows the page's link "Do not
    /// sign in" is sent back the same way.
    ///
    /// The value, `access_denied`, is **made up**.
    pub fn deny_next_sign_in(&self) {
        self.with_state(|state| state.attempts.denials += 1);
    }

    fn somebody(&self, user: &str) -> FakeUser {
        let found = self.known_user(user);
        assert!(
            !found.grants.anonymous,
            "the user `{user}` is an anonymous visitor, whom no identity provider knows"
        );
        found
    }

    fn code(&self, provider: Provider, user: &FakeUser) -> String {
        let settings = self.settings();
        let (project_id, now) = (&settings.project_id, settings.now());
        self.with_state(|state| state.attempts.issue(project_id, provider, &user.id, now))
    }
}
