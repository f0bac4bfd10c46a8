//! The settings of a `RevocationWebhook`.

use std::fmt;

use zeroize::Zeroizing;

use super::signature::Secrets;
use crate::{descope::Descope, error::Error};

/// Builds a [`RevocationWebhook`](super::RevocationWebhook).
#[must_use = "a builder does nothing until `build()`"]
pub struct RevocationWebhookBuilder {
    descope: Descope,
    settings: WebhookSettings,
}

/// The settings, checked.
#[derive(Debug)]
pub(super) struct WebhookSettings {
    pub(super) secrets: Secrets,
    pub(super) everybody_if_unnamed: bool,
}

impl RevocationWebhookBuilder {
    pub(super) fn new(descope: Descope, secret: Vec<u8>) -> Self {
        Self {
            descope,
            settings: WebhookSettings {
                secrets: Secrets::new(secret),
                everybody_if_unnamed: false,
            },
        }
    }

    /// Also accepts what was signed with the secret before this one, for the time between its change here
    /// and in Descope's console. Default: none.
    pub fn former_secret(mut self, secret: impl Into<Vec<u8>>) -> Self {
        self.settings.secrets.former = Some(Zeroizing::new(secret.into()));
        self
    }

    /// Sets whether all sessions are refused that began up to now ([`Mark::everybody`](crate::Mark::everybody))
    /// where an event says that users were changed and does not say which, or names more than 10,000.
    /// Default `false`: such an event is counted as `unknown` and logged as a warning.
    ///
    /// Then nobody who was removed goes on, and everybody who may stay is renewed once, all at about the
    /// same time: look at the warnings first, and at your project's limit of calls.
    pub fn everybody_if_unnamed(mut self, mark: bool) -> Self {
        self.settings.everybody_if_unnamed = mark;
        self
    }

    /// The settings, checked.
    pub(super) fn checked(self) -> Result<(Descope, WebhookSettings), Error> {
        self.settings.secrets.check()?;
        if self.descope.revocation_status().is_none() {
            return Err(Error::config(
                "RevocationWebhook has nothing to revoke by: switch it on with \
                 DescopeBuilder::revocation",
            ));
        }
        Ok((self.descope, self.settings))
    }
}

impl fmt::Debug for RevocationWebhookBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationWebhookBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
