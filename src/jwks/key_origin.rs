//! Where keys come from, for messages and the log.

use std::fmt;

/// Who is asked for keys.
#[derive(Clone, Debug)]
pub(crate) enum KeyOrigin {
    /// Descope, or what stands in for it, at this URL.
    Url(String),
    /// A source of the application's own; nobody knows where that looks.
    Source,
}

impl KeyOrigin {
    /// The URL, if that is what is asked.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url),
            Self::Source => None,
        }
    }

    /// The remedy for somebody who never got a key: `reason` is one of a few fixed texts. The
    /// `detail` of a source is the application's own text and may tell secrets, so it is left to
    /// the log.
    pub(super) fn no_usable_keys(&self, reason: Option<&str>, detail: Option<&str>) -> String {
        let (why, remedy) = match self {
            Self::Url(_) => (
                detail.or(reason),
                "check DESCOPE_PROJECT_ID, region and network",
            ),
            Self::Source => (
                reason,
                "check what the source reads; the log has the details",
            ),
        };
        match why {
            Some(why) => format!("no usable keys {self} ({why}): {remedy}"),
            None => format!("no usable keys {self}: {remedy}"),
        }
    }
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "at {url}"),
            Self::Source => f.write_str("from the jwks_source"),
        }
    }
}
