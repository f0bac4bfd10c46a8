//! Where keys come from, for messages and the log.

use std::fmt;

use super::remedy;

/// Who is asked for keys.
#[derive(Clone, Debug)]
pub(crate) enum KeyOrigin {
    /// Descope, or what stands in for it.
    Endpoint(KeyEndpoint),
    /// A source of the application's own; nobody knows where that looks.
    Source,
}

/// The project's key endpoint, and the settings that it was made of, as messages name them.
#[derive(Clone, Debug)]
pub(crate) struct KeyEndpoint {
    pub(crate) url: String,
    /// The environment variable or the setter of the project id.
    pub(crate) project_id_setting: &'static str,
    /// The environment variable or the setter of the base URL.
    pub(crate) base_url_setting: &'static str,
}

impl KeyOrigin {
    /// The URL, if that is what is asked.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Endpoint(endpoint) => Some(&endpoint.url),
            Self::Source => None,
        }
    }

    /// The message for somebody who never got a key, with the remedy: `reason` is one of a few fixed
    /// texts. The `detail` of a source is the application's own text and may tell secrets, so it is
    /// left to the log.
    pub(super) fn no_usable_keys(&self, reason: Option<&str>, detail: Option<&str>) -> String {
        match self {
            Self::Endpoint(endpoint) => {
                let why = detail.or(reason);
                let remedy =
                    remedy::of(why, endpoint.project_id_setting, endpoint.base_url_setting);
                no_usable_keys(self, why, &remedy)
            }
            Self::Source => no_usable_keys(
                self,
                reason,
                "check what the source reads; the log has the details",
            ),
        }
    }
}

fn no_usable_keys(origin: &KeyOrigin, why: Option<&str>, remedy: &str) -> String {
    match why {
        Some(why) => format!("no usable keys {origin} ({why}): {remedy}"),
        None => format!("no usable keys {origin}: {remedy}"),
    }
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(endpoint) => write!(f, "at {}", endpoint.url),
            Self::Source => f.write_str("from the jwks_source"),
        }
    }
}
