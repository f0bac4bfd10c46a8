//! What an operator sees: events, span fields and counters, all named here.
//!
//! One place, so that names stay the same everywhere and the `metrics` feature is asked for once.

use tracing::{Span, field::display};

use crate::{rejection::Rejection, session::Session};

/// A request passed with a session.
pub(crate) fn admitted(session: &Session) {
    let span = Span::current();
    if !span.is_disabled() {
        span.record("user.id", display(session.user_id()));
        if let Some(tenant) = session.current_tenant() {
            span.record("tenant.id", display(tenant));
        }
    }
    count_admitted();
}

/// As [`count`], of fixed texts throughout: the one counter that is on the hot path, and then
/// nothing is allocated for it.
#[cfg(feature = "metrics")]
fn count_admitted() {
    metrics::counter!("tower_descope_requests_total", "outcome" => "admitted").increment(1);
}

#[cfg(not(feature = "metrics"))]
fn count_admitted() {}

/// A request was refused, or passed without a session in optional mode.
pub(crate) fn refused(rejection: &Rejection, passed_on: bool) {
    tracing::debug!(
        outcome = if passed_on { "passed_on" } else { "refused" },
        code = rejection.code(),
        reason = rejection.reason(),
        "no session"
    );
    count("tower_descope_requests_total", "outcome", rejection.code());
}

/// A key fetch ended.
pub(crate) fn keys_fetched(outcome: &'static str) {
    count("tower_descope_key_fetches_total", "outcome", outcome);
}

/// A tenant selection ended; its event is logged where its fields are known.
pub(crate) fn selected(outcome: &'static str) {
    count("tower_descope_selections_total", "outcome", outcome);
}

/// A call of the session routes ended; its event is logged where its fields are known.
pub(crate) fn session_call(outcome: &'static str) {
    count("tower_descope_session_calls_total", "outcome", outcome);
}

/// A renewal in the layer ended; its event is logged where its fields are known.
pub(crate) fn renewed(outcome: &'static str) {
    count("tower_descope_renewals_total", "outcome", outcome);
}

/// The exchange of an access key ended; its event is logged where its fields are known.
pub(crate) fn access_key_exchanged(outcome: &'static str) {
    count(
        "tower_descope_access_key_exchanges_total",
        "outcome",
        outcome,
    );
}

#[cfg(feature = "metrics")]
fn count(name: &'static str, label: &'static str, value: &'static str) {
    metrics::counter!(name, label => value).increment(1);
}

#[cfg(not(feature = "metrics"))]
fn count(_: &'static str, _: &'static str, _: &'static str) {}
