//! The events, span fields and counters that an operator sees, all named here.
//!
//! So names stay the same everywhere, and only this file depends on the feature `metrics`.

use tracing::{Span, field::display};

use crate::{rejection::Rejection, session::Session};

/// The counters. Each has one label, [`OUTCOME`].
mod counter {
    pub(super) const REQUESTS: &str = "tower_descope_requests_total";
    pub(super) const KEY_FETCHES: &str = "tower_descope_key_fetches_total";
    pub(super) const SELECTIONS: &str = "tower_descope_selections_total";
    pub(super) const SESSION_CALLS: &str = "tower_descope_session_calls_total";
    pub(super) const RENEWALS: &str = "tower_descope_renewals_total";
    pub(super) const LOST_FAMILIES: &str = "tower_descope_lost_sessions_total";
    pub(super) const ACCESS_KEY_EXCHANGES: &str = "tower_descope_access_key_exchanges_total";
}

/// The label of every counter.
#[cfg(feature = "metrics")]
const OUTCOME: &str = "outcome";

/// The span fields that a request with a session records, where the span declares them.
const USER_ID: &str = "user.id";
const TENANT_ID: &str = "tenant.id";

/// Records a request that passed with a session.
pub(crate) fn admitted(session: &Session) {
    let span = Span::current();
    // Most requests have no span that is recorded, and then no text is made.
    if !span.is_disabled() {
        span.record(USER_ID, display(session.user_id()));
        if let Some(tenant) = session.current_tenant() {
            span.record(TENANT_ID, display(tenant));
        }
    }
    count_admitted();
}

/// Counts an admitted request, as [`count`] does. This is the one counter on the hot path: the macro
/// needs literals, or it would allocate and hash the labels each time.
#[cfg(feature = "metrics")]
fn count_admitted() {
    metrics::counter!("tower_descope_requests_total", "outcome" => "admitted").increment(1);
}

#[cfg(not(feature = "metrics"))]
fn count_admitted() {}

/// Records a request that was refused, or that passed without a session: in optional mode, or as an
/// anonymous visitor's.
pub(crate) fn refused(rejection: &Rejection, passed_on: bool) {
    tracing::debug!(
        outcome = if passed_on { "passed_on" } else { "refused" },
        code = rejection.code(),
        reason = rejection.reason(),
        "no session"
    );
    count(counter::REQUESTS, rejection.code());
}

/// Records that families of refresh tokens were forgotten within their keep time: the next request
/// of their browsers may sign its user out.
pub(crate) fn families_lost(number: usize) {
    tracing::error!(
        number,
        "sessions were forgotten for want of room: raise kept_sessions or kept_session_bytes"
    );
    for _ in 0..number {
        count(counter::LOST_FAMILIES, "keep_time");
    }
}

/// Counts a key fetch.
pub(crate) fn keys_fetched(outcome: &'static str) {
    count(counter::KEY_FETCHES, outcome);
}

/// Counts a tenant selection; its event is logged where its fields are known.
pub(crate) fn selected(outcome: &'static str) {
    count(counter::SELECTIONS, outcome);
}

/// Counts a call of the session routes; its event is logged where its fields are known.
pub(crate) fn session_call(outcome: &'static str) {
    count(counter::SESSION_CALLS, outcome);
}

/// Counts a renewal in the layer; its event is logged where its fields are known.
pub(crate) fn renewed(outcome: &'static str) {
    count(counter::RENEWALS, outcome);
}

/// Counts the exchange of an access key; its event is logged where its fields are known.
pub(crate) fn access_key_exchanged(outcome: &'static str) {
    count(counter::ACCESS_KEY_EXCHANGES, outcome);
}

#[cfg(feature = "metrics")]
fn count(name: &'static str, outcome: &'static str) {
    metrics::counter!(name, OUTCOME => outcome).increment(1);
}

#[cfg(not(feature = "metrics"))]
fn count(_: &'static str, _: &'static str) {}
