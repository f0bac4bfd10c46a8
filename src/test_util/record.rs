//! The requests that the fake has had.

use std::borrow::Cow;

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

    /// The body as a JSON object; no body counts as an empty one, as Go and Java send it, and so does
    /// `null`, as Go sends options that are not there.
    pub(super) fn object(&self) -> Option<Map<String, Value>> {
        if self.body.is_empty() {
            return Some(Map::new());
        }
        let object: Option<Map<_, _>> = serde_json::from_slice(&self.body).ok()?;
        Some(object.unwrap_or_default())
    }

    /// The parameters of the query that ask for something, decoded; as in bodies, an empty one and
    /// `false` do not.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let query = self.query.as_deref().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .filter(|(_, value)| !value.is_empty() && value != "false")
    }

    /// The first parameter of this name that asks for something.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters()
            .find_map(|(found, value)| (found == name).then(|| value.into_owned()))
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
