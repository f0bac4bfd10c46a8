//! A project's keys, from Descope.

use std::{error::Error as StdError, sync::Arc};

use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jwks_client_rs::{JsonWebKeySet, JwksClientError, source::JwksSource};
use reqwest::{Client, StatusCode, Url};

use super::{
    limits::Limits,
    parse::{key_set, source_error},
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
    limits: Limits,
}

impl DescopeKeys {
    /// `base` ends in a slash, and the project id has been checked to fit into a URL.
    pub(crate) fn new(client: Client, base: &Url, project_id: &str, limits: Limits) -> Self {
        let mut url = base.clone();
        url.set_path(&format!("{}v2/keys/{project_id}", base.path()));
        Self {
            client,
            url,
            project_id: project_id.to_owned(),
            limits,
        }
    }

    /// Where the keys are.
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
        let body = transport::read_limited(response, self.limits.max_body)
            .await
            .map_err(|fault| match fault {
                BodyFault::TooLarge => source_error("the answer is too large"),
                BodyFault::Broken(error) => failed(error),
            })?;
        key_set(&body, self.limits.max_keys)
    }
}

/// Keeps the causes, of which the last (name not found, certificate expired) tells the most. The
/// URL stands beside them in messages and in the log.
fn failed(error: reqwest::Error) -> JwksClientError {
    JwksClientError::Error(Arc::new(error.without_url().into()))
}

/// An error and its causes in one line, for the log.
pub(super) fn in_words(error: &JwksClientError) -> String {
    // The outermost text is `jwks_client_rs`'s, about a token or a key that was not in play.
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
            // What `source_error` made, without jsonwebtoken's frame around it.
            Some(ErrorKind::Provider(text)) => words.push_str(text),
            _ => words.push_str(&error.to_string()),
        }
        next = error.source();
    }
    words
}

#[cfg(test)]
mod tests;
