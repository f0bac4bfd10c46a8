//! The targets, one module each.

use http::{HeaderMap, HeaderName, HeaderValue};

pub mod answer;
pub mod claims;
pub mod compact;
pub mod config;
pub mod cookie_header;
pub mod cross_site;
pub mod forwarded;
pub mod header;
pub mod key_set;
pub mod real_tokens;
pub mod return_to;
pub mod select_form;
pub mod select_json;
pub mod set_cookie;
pub mod signed;
pub mod webhook_event;

mod bed;

/// All of them.
pub const ALL: [crate::harness::Target; 16] = [
    answer::TARGET,
    claims::TARGET,
    compact::TARGET,
    config::TARGET,
    cookie_header::TARGET,
    cross_site::TARGET,
    forwarded::TARGET,
    header::TARGET,
    key_set::TARGET,
    real_tokens::TARGET,
    return_to::TARGET,
    select_form::TARGET,
    select_json::TARGET,
    set_cookie::TARGET,
    signed::TARGET,
    webhook_event::TARGET,
];

/// The lines of a text that is made of several.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
}

/// Fields of a request, written `name: value` each; what cannot be one is left out.
fn fields<'t>(rows: impl Iterator<Item = &'t [u8]>) -> HeaderMap {
    let field = |row: &[u8]| {
        let mut halves = row.splitn(2, |&byte| byte == b':');
        let name = HeaderName::from_bytes(halves.next()?).ok()?;
        let value = HeaderValue::from_bytes(halves.next().unwrap_or_default().trim_ascii());
        Some((name, value.ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in rows.filter_map(field) {
        headers.append(name, value);
    }
    headers
}
