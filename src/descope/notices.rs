//! Lines of the log that are limited to one a minute.

use crate::limiter::OnceAMinute;

/// The lines about credentials that are not read, each at most once a minute.
#[derive(Debug, Default)]
pub(super) struct UnreadCredentials {
    pub(super) scheme: OnceAMinute,
    pub(super) name: OnceAMinute,
    pub(super) quotes: OnceAMinute,
}
