//! The requests that the fake has had.

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

/// A request that the fake received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// The path, as it stood in the request line.
    pub path: String,
    /// The query, without the `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// All requests, oldest first.
#[derive(Default)]
pub(super) struct Record {
    pub(super) requests: Vec<Recorded>,
}

/// The parts of `Authorization: Bearer <project id>[:<token>[:<auth management key>]]`.
pub(super) struct Bearer<'a> {
    pub(super) project_id: &'a str,
    pub(super) token: Option<&'a str>,
}

impl Recorded {
    /// The first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as a JSON object; no body counts as an empty one, as Go and Java send it.
    pub(super) fn object(&self) -> Option<Map<String, Value>> {
        if self.body.is_empty() {
            return Some(Map::new());
        }
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn bearer(&self) -> Option<Bearer<'_>> {
        let (scheme, credentials) = self.header("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut parts = credentials.trim().split(':');
        Some(Bearer {
            project_id: parts.next()?,
            token: parts.next().filter(|token| !token.is_empty()),
        })
    }

    /// The first cookie of this name.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let values = self.headers.get_all(header::COOKIE).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(found, value)| (found == name && !value.is_empty()).then_some(value))
    }
}

impl Record {
    pub(super) fn calls(&self, path: &str) -> usize {
        self.count(|request| request.path == path)
    }

    pub(super) fn key_fetches(&self) -> usize {
        self.count(|request| request.path.starts_with("/v2/keys/"))
    }

    fn count(&self, wanted: impl Fn(&Recorded) -> bool) -> usize {
        self.requests
            .iter()
            .filter(|request| wanted(request))
            .count()
    }
}
