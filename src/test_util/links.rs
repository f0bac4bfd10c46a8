//! `FakeDescope`: the links that flows have sent.

use super::{executions::FakeLink, fake::FakeDescope};

/// # Flows
///
/// A flow is a script of steps, [`FakeFlow`](super::FakeFlow), that the sign-in component runs by
/// `/v1/flow/start` and `/v1/flow/next`.
impl FakeDescope {
    /// The links that flows have sent, oldest first.
    ///
    /// ```
    /// # use tower_descope::test_util::FakeDescope;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), reqwest::Error> {
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return Ok(()) }
    /// # use serde_json::json;
    /// let fake = FakeDescope::builder().flow("by-link", |f| f.asks_login().sends_link()).start().await;
    /// let client = reqwest::Client::builder().no_proxy().build()?;
    /// let start = client
    ///     .post(format!("{}/v1/flow/start", fake.url()))
    ///     .bearer_auth(fake.project_id())
    ///     .body(json!({
    ///         "flowId": "by-link",
    ///         "interactionId": "submit",
    ///         "options": {"location": "https://app.example.com/sign-in"},
    ///         "input": {"loginId": "ann@acme.test"},
    ///     }).to_string());
    /// assert_eq!(start.send().await?.status(), 200);
    ///
    /// let links = fake.links();
    /// assert_eq!(links[0].login_id, "ann@acme.test");
    /// assert!(links[0].url.as_ref().unwrap().contains(&format!("&t={}", links[0].token)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn links(&self) -> Vec<FakeLink> {
        self.with_state(|state| state.executions.links.clone())
    }
}
