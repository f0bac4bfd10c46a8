//! The endpoints, one file per subject.

mod access_key;
mod answer;
mod authorize;
mod endpoints;
mod exchange;
mod flow;
mod flow_end;
mod flow_steps;
mod identity_provider;
mod otp;
mod pages;
mod profile;
mod service;
mod session;

#[cfg(test)]
pub(super) use self::endpoints::endpoints;
pub(super) use self::{
    authorize::{REDIRECT_NOT_APPROVED, UNKNOWN_TENANT, is_provider},
    endpoints::UNKNOWN_OPTION,
    exchange::SSO_CODE_REFUSED,
    flow::UNKNOWN_FLOW,
    flow_steps::LINK_REFUSED,
    otp::{CODE_ATTEMPTS, ONE_TIME_CODE},
    service::{Issued, NOT_A_MEMBER, Service, impersonate, sign_in},
    session::ANONYMOUS_REFUSED,
};
