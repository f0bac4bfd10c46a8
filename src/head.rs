//! The head of a request, borrowed.

use http::{HeaderMap, Method, Request, Uri, Version, request::Parts};

/// Everything of a request but its body and its extensions.
///
/// Checks take it rather than a [`Request`] or its [`Parts`], so that they serve requests in one
/// piece and in parts alike, whatever the type of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
}

impl<'a> RequestHead<'a> {
    /// The head of a request of which only the headers are known, with `root` (`/`) as its target.
    pub(crate) fn of_headers(headers: &'a HeaderMap, root: &'a Uri) -> Self {
        Self {
            method: &Method::GET,
            uri: root,
            version: Version::HTTP_11,
            headers,
        }
    }
}

impl<'a> From<&'a Parts> for RequestHead<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            version: parts.version,
            headers: &parts.headers,
        }
    }
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
        }
    }
}
