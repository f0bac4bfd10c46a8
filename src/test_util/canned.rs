//! A response of the fake.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

/// A response to be given as it is, by [`FakeDescope::respond_next`].
///
/// ```
/// use tower_descope::test_util::Canned;
///
/// let limited = Canned::json(429, &serde_json::json!({"errorCode": "E130429"}))
///     .header("retry-after", "17");
/// let edge = Canned::html(502, "<h1>Bad gateway</h1>");
/// let moved = Canned::new(307).header("location", "http://127.0.0.1:1/");
/// ```
///
/// [`FakeDescope::respond_next`]: super::FakeDescope::respond_next
#[derive(Clone)]
#[must_use]
pub struct Canned {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Canned {
    /// A response without headers and body.
    ///
    /// # Panics
    ///
    /// If `status` is not between 100 and 999.
    pub fn new(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("a status is between 100 and 999"),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// A JSON response.
    ///
    /// # Panics
    ///
    /// If `status` is not between 100 and 999.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// An HTML response, as a CDN in front of Descope gives.
    ///
    /// # Panics
    ///
    /// If `status` is not between 100 and 999.
    pub fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status)
            .header("content-type", "text/html; charset=UTF-8")
            .body(body)
    }

    /// An error as Descope words it: with `errorCode`, `errorDescription`, `errorMessage` and
    /// `message`.
    ///
    /// # Panics
    ///
    /// If `status` is not between 100 and 999.
    pub fn error(status: u16, code: &str, description: &str) -> Self {
        let message = format!("{description} (from the fake)");
        Self::json(
            status,
            &json!({
                "errorCode": code,
                "errorDescription": description,
                "errorMessage": message,
                "message": message,
            }),
        )
    }

    /// Adds a header; one name may come several times.
    ///
    /// # Panics
    ///
    /// If the name or the value is not allowed in HTTP.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        let value = HeaderValue::try_from(value).expect("a header value");
        self.headers.push((name, value));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds a cookie; its value is not secret in a fake.
    pub(super) fn cookie(mut self, cookie: &str) -> Self {
        // A project's own cookie names come from the test; a wrong one costs that cookie only.
        if let Ok(value) = HeaderValue::try_from(cookie) {
            self.headers.push((header::SET_COOKIE, value));
        }
        self
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl fmt::Debug for Canned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canned")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
