//! The cross-site check: it refuses requests that another site made the browser send.
//!
//! Everything that acts with cookies uses it. In this order:
//!
//! 1. A repeated `Origin` or `Sec-Fetch-Site` is refused.
//! 2. `Sec-Fetch-Site: same-origin` passes: the browser knows both sides, whatever a proxy did to
//!    the host on the way. `Origin: null` counts as absent then (pages with
//!    `Referrer-Policy: no-referrer` send it with their own forms).
//! 3. An `Origin` of the configured list passes, whatever `Sec-Fetch-Site` says.
//! 4. `Sec-Fetch-Site` of any other value than `none` is refused.
//! 5. `Origin` has to name the host that the request is for, by https or on loopback.
//! 6. Without `Origin`, `Sec-Fetch-Site: none` passes (the user's own doing, such as a bookmark);
//!    without either the caller decides: no browser sends a cross-site POST so.
//!
//! The host is the request target's authority (HTTP/2) or the `Host` field. `X-Forwarded-Host`
//! and its like are never read here: whoever reaches the service directly can write them.

mod check;
mod host;
mod navigation;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    check::{
        AllowedOrigins, WhenAbsent, check, has_fetch_metadata, is_cross_site, is_same_site,
        log_refusal, may_open_a_page, opens_a_page, opens_in_a_frame,
    },
    host::{effective_host, host, is_host, is_loopback, is_same_host, is_secure},
    navigation::is_navigation,
};
