//! The calls to Descope.
//!
//! One path, [`DescopeClient::call`], makes every call of [`endpoints`]: headers built from
//! scratch, one deadline over connecting, sending and reading, at most 1 MiB read, no redirect
//! followed, and the request sent at most once (see there for the exceptions). What comes back is
//! Descope's answer, of which nobody has verified anything yet (a [`RawAnswer`] where it opens a
//! session), or an [`Error`](crate::Error) that holds nothing of Descope's text.

mod access_key;
mod answer;
mod call;
mod credential;
mod endpoints;
mod failure;
mod set_cookie;
mod settings;
pub(crate) mod transport;

#[cfg(test)]
mod call_tests;
#[cfg(test)]
mod faulty_server;

pub(crate) use self::{
    access_key::ExchangeBody,
    answer::RawAnswer,
    call::DescopeClient,
    endpoints::TenantsBody,
    settings::{ClientSettings, CredentialStyle},
};
