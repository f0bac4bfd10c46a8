//! The endpoints, one file per subject.

mod access_key;
mod answer;
mod endpoints;
mod otp;
mod profile;
mod service;
mod session;

#[cfg(test)]
pub(super) use self::endpoints::endpoints;
pub(super) use self::{
    endpoints::UNKNOWN_OPTION,
    otp::{CODE_ATTEMPTS, ONE_TIME_CODE},
    service::{Issued, NOT_A_MEMBER, Service, sign_in},
};
