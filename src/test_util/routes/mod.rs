//! The endpoints, one file per subject.

mod access_key;
mod answer;
mod otp;
mod profile;
mod service;
mod session;

pub(super) use self::service::{Issued, Service, sign_in};
