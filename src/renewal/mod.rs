//! Renewing sessions while requests pass through [`TenantLayer`](crate::TenantLayer).
//!
//! Which requests may be renewed is the layer's to decide; here is what happens then, and what
//! its response carries afterwards. The calls themselves, one at a time for each refresh token,
//! and the answers kept for stragglers are the queue's.

mod cookie_update;
mod failure;
mod inner_cookies;
mod renew;
mod settings;

pub use self::settings::Renewal;

pub(crate) use self::{
    cookie_update::EarlyRenewal,
    renew::{PendingRenewal, Renewed, RenewedToken, SessionRenewal},
};
