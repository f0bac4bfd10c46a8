//! The targets, one module each.

pub mod answer;
pub mod claims;
pub mod compact;
pub mod config;
pub mod cookie_header;
pub mod cross_site;
pub mod header;
pub mod key_set;
pub mod real_tokens;
pub mod return_to;
pub mod select_form;
pub mod select_json;
pub mod set_cookie;
pub mod signed;

mod bed;

/// All of them.
pub const ALL: [crate::harness::Target; 14] = [
    answer::TARGET,
    claims::TARGET,
    compact::TARGET,
    config::TARGET,
    cookie_header::TARGET,
    cross_site::TARGET,
    header::TARGET,
    key_set::TARGET,
    real_tokens::TARGET,
    return_to::TARGET,
    select_form::TARGET,
    select_json::TARGET,
    set_cookie::TARGET,
    signed::TARGET,
];

/// The lines of a text that is made of several.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
}
