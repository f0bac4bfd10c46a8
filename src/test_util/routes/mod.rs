//! The endpoints, one file per subject.

mod access_key;
mod answer;
mod otp;
mod profile;
mod service;
mod session;

pub(super) use self::{
    otp::ONE_TIME_CODE,
    service::{Issued, NOT_A_MEMBER, Service, sign_in},
};
