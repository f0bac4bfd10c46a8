//! The calls to Descope.
//!
//! [`DescopeClient::call`] makes every call of [`endpoints`]: it builds the headers from scratch,
//! sets one deadline over connecting, sending and reading, reads at most 1 MiB, follows no redirect,
//! and sends the request once (it names the exceptions). It returns Descope's answer, unverified (a
//! [`RawAnswer`] where it opens a session), or an [`Error`](crate::Error) that holds nothing of
//! Descope's text.

mod access_key;
mod answer;
mod call;
mod credential;
mod endpoint;
mod endpoints;
mod failure;
mod fault;
mod flow;
mod limit;
mod reply;
mod set_cookie;
mod settings;
mod sign_in;
#[cfg_attr(
    not(any(feature = "redis", feature = "test-util")),
    allow(dead_code, reason = "without an engine nothing is stored")
)]
mod stored;
pub(crate) mod transport;

#[cfg(test)]
mod call_tests;
#[cfg(test)]
mod faulty_server;

pub use self::sign_in::Exchange;
pub(crate) use self::{
    access_key::{ExchangeBody, RawExchange},
    answer::RawAnswer,
    call::{DescopeClient, PassedReply},
    endpoints::TenantsBody,
    failure::{signed_out, used_before},
    flow::{DEVICE_TOKENS, FlowCall, FlowStep},
    settings::{ClientSettings, CredentialStyle},
    sign_in::{AuthorizeQuery, CodeChannel},
};
