//! Mistakes in how the routes are mounted, for the log.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use http::Extensions;

use super::path::ends_as_a_route;
use crate::{clock::Clock, limiter::OnceAMinute, session::Session};

/// The lines about how the routes are mounted, each at most once a minute.
#[derive(Debug, Default)]
pub(super) struct Mounting {
    /// True once a path has matched: then the routes are mounted well, and a path that does not match
    /// is a client's.
    matched: AtomicBool,
    unmatched: OnceAMinute,
    inside: OnceAMinute,
}

impl Mounting {
    /// Notes a request whose path is served.
    pub(super) fn matched(&self, extensions: &Extensions, clock: &Clock) {
        self.matched.store(true, Relaxed);
        // Put there by a layer further out, which refuses the requests that these routes are for:
        // those whose session has expired. One that renews would also do so a second time.
        if extensions.get::<Session>().is_some() && self.inside.is_due(&clock.now()) {
            tracing::warn!(
                "SessionRoutes are mounted inside of a TenantLayer: mount them beside it, since a \
                 session that has expired does not get through to be refreshed, and one that does is \
                 renewed twice"
            );
        }
    }

    /// Notes a path that is not served.
    pub(super) fn unmatched(&self, path: &str, prefix: &str, clock: &Clock) {
        let is_odd = !self.matched.load(Relaxed) && ends_as_a_route(path);
        if !is_odd || !self.unmatched.is_due(&clock.now()) {
            return;
        }
        let remedy = if prefix.is_empty() {
            "the whole path arrives: mount SessionRoutes by axum's nest_service, which takes the \
             prefix off, or tell them the prefix with at()"
        } else if path.starts_with(prefix) {
            "the prefix of at() is there, but something else follows: check what the routes are \
             mounted below"
        } else {
            "the prefix of at() does not arrive: nest_service has taken it off already, so leave \
             at() out, or it is another one"
        };
        tracing::warn!(
            prefix,
            remedy,
            "no request to SessionRoutes has matched yet"
        );
    }
}
