//! The default source of keys: the project's key endpoint at Descope.

use std::{error::Error as StdError, sync::Arc};

use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jwks_client_rs::{JsonWebKeySet, JwksClientError, source::JwksSource};
use reqwest::{Client, StatusCode, Url};

use super::{
    parse::{key_set, source_error},
    settings::KeyCache,
};
use crate::client::transport::{self, BodyFault};

/// Fetches `{base}/v2/keys/{project id}`.
///
/// Bounds size and number; time is bounded by whoever asks. The client follows no redirect, so
/// that a redirect is a status like any other than 200.
pub(crate) struct DescopeKeys {
    client: Client,
    url: Url,
    project_id: String,
    settings: KeyCache,
}

impl DescopeKeys {
    /// `base` ends in a slash, and the project id has been checked to fit into a URL.
    pub(crate) fn new(client: Client, base: &Url, project_id: &str, settings: KeyCache) -> Self {
        let mut url = base.clone();
        url.set_path(&format!("{}v2/keys/{project_id}", base.path()));
        Self {
            client,
            url,
            project_id: project_id.to_owned(),
            settings,
        }
    }

    /// The URL of the key endpoint.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

#[async_trait::async_trait]
impl JwksSource for DescopeKeys {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        let response = self
            .client
            .get(self.url.clone())
            .bearer_auth(&self.project_id)
            .header("x-descope-sdk-name", "rust-tower-descope")
            .header("x-descope-sdk-version", env!("CARGO_PKG_VERSION"))
            .header("x-descope-project-id", &self.project_id)
            .send()
            .await
            .map_err(failed)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(source_error(format_args!(
                "status {}, not 200",
                status.as_u16()
            )));
        }
        let body = transport::read_limited(response, self.settings.largest_body())
            .await
            .map_err(|fault| match fault {
                BodyFault::TooLarge => source_error("the answer is too large"),
                BodyFault::Encoded(coding) => source_error(coding),
                BodyFault::Broken(error) => failed(error),
            })?;
        key_set(&body, self.settings.most_keys())
    }
}

/// Keeps the causes, of which the last (name not found, certificate expired) tells the most. The
/// URL is left out, since messages and log entries name it anyway.
fn failed(error: reqwest::Error) -> JwksClientError {
    JwksClientError::Error(Arc::new(error.without_url().into()))
}

/// Joins an error's causes into one line for the log.
pub(super) fn in_words(error: &JwksClientError) -> String {
    // The outermost text is `jwks_client_rs`'s own, about decoding a token, which nobody did here.
    let mut next: Option<&dyn StdError> = error.source();
    if next.is_none() {
        return error.to_string();
    }
    let mut words = String::new();
    while let Some(error) = next {
        if !words.is_empty() {
            words.push_str(": ");
        }
        match error.downcast_ref().map(JwtError::kind) {
            // Made by `source_error`: its text without the one that jsonwebtoken puts around it.
            Some(ErrorKind::Provider(text)) => words.push_str(text),
            _ => words.push_str(&error.to_string()),
        }
        next = error.source();
    }
    words
}

#[cfg(test)]
mod tests;
