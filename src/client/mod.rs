//! The calls to Descope.
//!
//! One path, [`DescopeClient::post`], makes every call: headers built from scratch, one deadline
//! over connecting, sending and reading, at most 1 MiB read, no redirect followed, and the
//! request sent at most once (see there for the two exceptions). What comes back is either a
//! [`RawAnswer`], whose tokens nobody has verified yet, or an [`Error`](crate::Error) that holds
//! nothing of Descope's text.

mod answer;
mod call;
mod credential;
mod failure;
mod set_cookie;
mod settings;

#[cfg(test)]
mod call_tests;

pub(crate) use self::{
    answer::RawAnswer,
    call::DescopeClient,
    settings::{ClientSettings, CredentialStyle},
};
