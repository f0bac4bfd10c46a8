//! Hostile clients, servers, pages and answers, and load.

mod broken;
pub(crate) mod faults;
mod injection;
mod long_cookies;
mod proxies;
mod secrets;
mod soak;
