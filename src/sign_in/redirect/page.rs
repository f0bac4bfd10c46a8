//! The answers: a redirect, or a small page of plain HTML.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::failure::Failure;
use crate::{
    cookie::{SameSite, SessionCookies},
    endpoint::{ResponseBody, redirect},
    rejection::{REJECTION_HEADER, retry_after_header},
};

/// On every answer: nothing of it is stored or framed, and no page learns the URL of a way back, which has
/// a code in it.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds the headers of every answer.
pub(super) fn with_headers(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// On to a path of this site, with the cookies of the session, which are written on this answer.
pub(super) fn go_on(path: &str, cookies: &SessionCookies) -> Response<ResponseBody> {
    if cookies.same_site_policy() != SameSite::Strict {
        return redirect(path);
    }
    // A redirect on the way from another site would arrive without them, though just set. A page of this
    // site that goes on by itself takes them along, and is no entry of the history.
    on_by_itself("Signed in", path)
}

/// Asks for a way back once more, by a page of this site: then `Strict` cookies come along.
pub(super) fn once_more(query: &str) -> Response<ResponseBody> {
    on_by_itself("One moment", &format!("?{query}"))
}

fn on_by_itself(title: &str, to: &str) -> Response<ResponseBody> {
    let link = format!("<p><a href=\"{}\">Continue</a></p>", escaped(to));
    let mut response = html(StatusCode::OK, title, &link);
    if let Ok(refresh) = HeaderValue::from_str(&format!("0;url={to}")) {
        response.headers_mut().insert(header::REFRESH, refresh);
    }
    response
}

/// A small page that says why nobody was signed in.
pub(super) fn failed(failure: Failure) -> Response<ResponseBody> {
    let sentence = failure.kind.sentence();
    let mut response = html(
        failure.kind.status(),
        "Not signed in",
        &format!("<p>{sentence}</p>"),
    );
    if let Some(after) = failure.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, retry_after(after));
    }
    response
}

/// A small page for what is not served.
pub(super) fn not_found() -> Response<ResponseBody> {
    not_served(StatusCode::NOT_FOUND, "not_found")
}

/// The same for another method.
pub(super) fn method_not_allowed(allow: &'static str) -> Response<ResponseBody> {
    let mut response = not_served(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    let allow = HeaderValue::from_static(allow);
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

fn not_served(status: StatusCode, code: &'static str) -> Response<ResponseBody> {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut response = html(status, reason, "");
    let code = HeaderValue::from_static(code);
    response.headers_mut().insert(REJECTION_HEADER, code);
    response
}

fn retry_after(after: Duration) -> HeaderValue {
    retry_after_header(after)
}

fn html(status: StatusCode, title: &str, body: &str) -> Response<ResponseBody> {
    let text = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <h1>{title}</h1>{body}</html>"
    );
    let mut response = Response::new(ResponseBody::new(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    response
}

/// A path or query as it may stand in an attribute. Paths are resolved before, and have no quotes and no
/// angle brackets any more; queries are as they came.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            other => text.push(other),
        }
    }
    text
}
