//! Deliveries of Descope's Audit Webhook connector.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{fake::FakeDescope, keys};

impl FakeDescope {
    /// The value of `x-descope-webhook-s256` by which Descope's connectors sign a body: the base64 of its
    /// HMAC-SHA256 under the connector's secret. For tests of a
    /// [`RevocationWebhook`](crate::RevocationWebhook), whose documentation has an example.
    ///
    /// ```
    /// use tower_descope::test_util::FakeDescope;
    ///
    /// # if cfg!(not(any(feature = "aws-lc-rs", feature = "rust-crypto"))) { return }
    /// // RFC 4231 section 4.3.
    /// let signature = FakeDescope::webhook_signature("Jefe", "what do ya want for nothing?");
    /// assert_eq!(signature, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    /// ```
    ///
    /// # Panics
    ///
    /// If no crypto backend is enabled.
    pub fn webhook_signature(secret: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> String {
        STANDARD.encode(keys::hmac(secret.as_ref(), body.as_ref()))
    }
}
