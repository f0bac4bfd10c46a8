//! The metrics: their names, labels and descriptions. Only this file depends on the feature `metrics`.

use std::time::Duration;

use crate::error::{Error, ErrorKind, UpstreamVerdict};

/// The counters with the one label `outcome`.
pub(crate) mod counter {
    pub(crate) const REQUESTS: &str = "tower_descope_requests_total";
    pub(crate) const KEY_FETCHES: &str = "tower_descope_key_fetches_total";
    pub(crate) const SELECTIONS: &str = "tower_descope_selections_total";
    pub(crate) const RENEWALS: &str = "tower_descope_renewals_total";
    pub(crate) const SHARED_CLAIMS: &str = "tower_descope_shared_claims_total";
    pub(crate) const LOST_FAMILIES: &str = "tower_descope_lost_sessions_total";
    pub(crate) const REVOCATION_MARKS: &str = "tower_descope_revocation_marks_total";
    pub(crate) const REVOCATION_UNSURE: &str = "tower_descope_revocation_unsure_total";
    pub(crate) const WEBHOOK_EVENTS: &str = "tower_descope_webhook_events_total";
    pub(crate) const ACCESS_KEY_EXCHANGES: &str = "tower_descope_access_key_exchanges_total";
}

/// Records how long a fetch of the key set took.
pub(crate) fn key_call(outcome: &'static str, took: Duration) {
    observe_call("keys", outcome, took);
}

/// Records how long a call to Descope took, its wait for a connection and its repetition included.
pub(crate) fn upstream_call(call: &'static str, error: Option<&Error>, took: Duration) {
    observe_call(call, error.map_or("ok", outcome_of), took);
}

/// The label for a call that failed.
fn outcome_of(error: &Error) -> &'static str {
    if error.kind() == ErrorKind::Throttled {
        return "not_sent";
    }
    match error.upstream_verdict() {
        UpstreamVerdict::TimedOut => "timeout",
        UpstreamVerdict::RateLimited => "rate_limited",
        UpstreamVerdict::Unusable => "invalid",
        UpstreamVerdict::Unavailable | UpstreamVerdict::NotUpstream => "unavailable",
        UpstreamVerdict::Ended
        | UpstreamVerdict::Reused
        | UpstreamVerdict::CredentialRefused
        | UpstreamVerdict::Forbidden
        | UpstreamVerdict::CallRefused => "refused",
    }
}

#[cfg(feature = "metrics")]
mod recorded {
    use super::{Duration, counter};

    /// How long calls to Descope take, in seconds, with the labels `call` and `outcome`.
    const UPSTREAM: &str = "tower_descope_upstream_call_seconds";

    /// Has the label `call` beside `outcome`.
    const SESSION_CALLS: &str = "tower_descope_session_calls_total";

    /// Has the label `door` beside `outcome`.
    const SIGN_INS: &str = "tower_descope_sign_ins_total";

    /// Has the label `step` beside `outcome`.
    const SHARED_STEPS: &str = "tower_descope_shared_steps_total";

    const STEP: &str = "step";
    const OUTCOME: &str = "outcome";
    const CALL: &str = "call";
    const DOOR: &str = "door";

    pub(crate) fn count(name: &'static str, outcome: &'static str) {
        metrics::counter!(name, OUTCOME => outcome).increment(1);
    }

    /// Counts an admitted request, as [`count`] does. This is the one counter on the hot path: the
    /// macro needs literals, or it would allocate and hash the labels each time.
    pub(crate) fn count_admitted() {
        metrics::counter!("tower_descope_requests_total", "outcome" => "admitted").increment(1);
    }

    pub(crate) fn count_session_call(call: &'static str, outcome: &'static str) {
        metrics::counter!(SESSION_CALLS, CALL => call, OUTCOME => outcome).increment(1);
    }

    pub(crate) fn count_sign_in(door: &'static str, outcome: &'static str) {
        metrics::counter!(SIGN_INS, DOOR => door, OUTCOME => outcome).increment(1);
    }

    pub(crate) fn count_shared_step(step: &'static str, outcome: &'static str) {
        metrics::counter!(SHARED_STEPS, STEP => step, OUTCOME => outcome).increment(1);
    }

    pub(crate) fn observe_call(call: &'static str, outcome: &'static str, took: Duration) {
        metrics::histogram!(UPSTREAM, CALL => call, OUTCOME => outcome).record(took);
    }

    /// Describes all metrics to the recorder that is installed.
    pub(crate) fn describe() {
        use metrics::{Unit, describe_counter, describe_histogram};

        for (name, text) in [
            (
                counter::REQUESTS,
                "Requests that the layer judged, by the code of their rejection",
            ),
            (counter::KEY_FETCHES, "Fetches of the project's key set"),
            (counter::SELECTIONS, "Requests to switch the tenant"),
            (SESSION_CALLS, "Requests to the session routes"),
            (SIGN_INS, "Sign-ins, by the way in"),
            (counter::RENEWALS, "Renewals of sessions in the layer"),
            (
                counter::SHARED_CLAIMS,
                "Claims of refresh tokens in the state that replicas share",
            ),
            (
                SHARED_STEPS,
                "Steps at the store of the state that replicas share",
            ),
            (
                counter::LOST_FAMILIES,
                "Sessions that were forgotten for want of room while they may be needed",
            ),
            (
                counter::REVOCATION_MARKS,
                "Revocation marks that were made here, by what they are about",
            ),
            (
                counter::REVOCATION_UNSURE,
                "Requests with a session while revocation marks may be missing",
            ),
            (
                counter::WEBHOOK_EVENTS,
                "Audit events that the revocation webhook was told",
            ),
            (
                counter::ACCESS_KEY_EXCHANGES,
                "Exchanges of access keys for sessions",
            ),
        ] {
            describe_counter!(name, Unit::Count, text);
        }
        describe_histogram!(UPSTREAM, Unit::Seconds, "Time that calls to Descope take");
    }
}

#[cfg(not(feature = "metrics"))]
mod recorded {
    use super::Duration;

    pub(crate) fn count(_: &'static str, _: &'static str) {}

    pub(crate) fn count_admitted() {}

    pub(crate) fn count_session_call(_: &'static str, _: &'static str) {}

    pub(crate) fn count_sign_in(_: &'static str, _: &'static str) {}

    pub(crate) fn count_shared_step(_: &'static str, _: &'static str) {}

    pub(crate) fn observe_call(_: &'static str, _: &'static str, _: Duration) {}

    pub(crate) fn describe() {}
}

pub(crate) use self::recorded::describe;
pub(super) use self::recorded::{
    count, count_admitted, count_session_call, count_shared_step, count_sign_in, observe_call,
};
