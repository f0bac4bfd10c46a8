//! The events and span fields that an operator sees, with their names, and what is counted beside
//! them.

mod event;

use tracing::{Span, field::display};

pub(crate) use self::event::event_at;
use crate::{
    metrics::{
        count, count_admitted, count_session_call, count_shared_step, count_sign_in, counter,
    },
    rejection::{Rejection, RejectionKind},
    session::{ActiveTenant, Session},
};

/// The span fields that a request with a session records, where the span declares them.
const USER_ID: &str = "user.id";
const TENANT_ID: &str = "tenant.id";
const ACTOR_ID: &str = "actor.id";

/// Records a request that passed with a session.
pub(crate) fn admitted(session: &Session) {
    let span = Span::current();
    // Most requests have no span that is recorded, and then no text is made.
    if !span.is_disabled() {
        span.record(USER_ID, display(session.user_id()));
        if let Some(tenant) = session.current_tenant() {
            span.record(TENANT_ID, display(tenant));
        }
        if let Some(actor) = session.actor() {
            span.record(ACTOR_ID, display(actor));
        }
    }
    count_admitted();
}

/// Records that a request acts in another tenant than the active one of its session.
pub(crate) fn acts_in(tenant: &ActiveTenant) {
    let span = Span::current();
    if !span.is_disabled() && tenant.session().current_tenant() != Some(tenant.id()) {
        span.record(TENANT_ID, display(tenant.id()));
    }
}

/// Records that a guard behind the layer has refused a request, which the layer has counted already.
pub(crate) fn guarded(rejection: &Rejection) {
    let (code, reason) = (rejection.code(), rejection.reason());
    if rejection.kind() == RejectionKind::LayerMissing {
        tracing::error!(code, "{}", rejection.description());
    } else {
        tracing::debug!(code, reason, "not let in by a guard");
    }
}

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

/// Records a question of forward-auth that is not the proxy's. `log` limits the line to one a minute, since
/// anybody who reaches the service can ask.
pub(crate) fn not_the_proxy(reason: &'static str, log: bool) {
    if log {
        tracing::warn!(
            reason,
            "a request without the proxy's secret was refused: have the proxy set X-Auth-Proxy, and let \
             nobody else reach this service"
        );
    }
    count(counter::REQUESTS, "not_the_proxy");
}

/// Records a question of forward-auth that does not say which request it is about. `remedy` is the
/// directive that the proxy lacks; `None` where that has just been said, or where the client may be the
/// one at fault.
pub(crate) fn not_effective(
    code: &'static str,
    field: &str,
    reason: &'static str,
    remedy: Option<&'static str>,
) {
    if let Some(remedy) = remedy {
        tracing::error!(
            field,
            reason,
            remedy,
            "the proxy does not say which request it asks about: have it set the field, in place of \
             whatever the client sent"
        );
    } else {
        tracing::debug!(field, reason, "a forwarded field was refused");
    }
    count(counter::REQUESTS, code);
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
pub(crate) fn session_call(call: &'static str, outcome: &'static str) {
    count_session_call(call, outcome);
}

/// Counts a sign-in; its event is logged where its fields are known.
pub(crate) fn signed_in(door: &'static str, outcome: &'static str) {
    count_sign_in(door, outcome);
}

/// Counts a renewal in the layer; its event is logged where its fields are known.
pub(crate) fn renewed(outcome: &'static str) {
    count(counter::RENEWALS, outcome);
}

/// Counts a step at the shared state's store.
pub(crate) fn shared_step(step: &'static str, outcome: &'static str) {
    count_shared_step(step, outcome);
}

/// Counts what came of a claim of a refresh token.
pub(crate) fn shared_claim(outcome: &'static str) {
    count(counter::SHARED_CLAIMS, outcome);
}

/// Records that the shared state's store has ceased to answer. Until it does, who comes with an expired
/// session is answered 503.
pub(crate) fn shared_state_lost(error: &dyn std::error::Error, kind: &'static str) {
    tracing::error!(
        kind,
        error = %error,
        "the shared state cannot be asked: sessions that expire are not renewed until it answers"
    );
}

/// Records that it answers again.
pub(crate) fn shared_state_back() {
    tracing::info!("the shared state answers again");
}

/// Records that the store refuses the steps at the log of revocation marks, or answers what is none of the
/// log: not that it cannot be reached.
pub(crate) fn marks_refused(error: &dyn std::error::Error, kind: &'static str) {
    tracing::error!(
        kind,
        error = %error,
        "revocation marks cannot be told to other replicas, nor learned from them"
    );
}

/// Records that the store has forgotten what it was told.
pub(crate) fn shared_memory_lost() {
    tracing::error!(
        "the shared state has lost its memory: sessions that have expired are not renewed for some \
         seconds"
    );
    count(counter::SHARED_CLAIMS, "store_restarted");
}

/// Records that an answer in the shared state cannot be opened.
pub(crate) fn shared_answer_unreadable() {
    tracing::error!(
        "an answer in the shared state cannot be read: its secret is another one, or another version \
         of this crate wrote it"
    );
    count(counter::SHARED_CLAIMS, "unreadable");
}

/// Counts the exchange of an access key; its event is logged where its fields are known.
pub(crate) fn access_key_exchanged(outcome: &'static str) {
    count(counter::ACCESS_KEY_EXCHANGES, outcome);
}

/// The outcome of an audit event that the webhook was told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WebhookOutcome {
    Marked,
    /// Nothing that ends sessions, or nobody whose sessions it could end.
    Unknown,
    OtherProject,
    /// A signed delivery that is no JSON.
    Unreadable,
    /// Other replicas could not be told.
    Unavailable,
    /// A request that is no signed delivery.
    Refused,
}

/// Counts audit events with one outcome.
pub(crate) fn webhook_events(outcome: WebhookOutcome, number: usize) {
    let outcome = match outcome {
        WebhookOutcome::Marked => "marked",
        WebhookOutcome::Unknown => "unknown",
        WebhookOutcome::OtherProject => "other_project",
        WebhookOutcome::Unreadable => "unreadable",
        WebhookOutcome::Unavailable => "unavailable",
        WebhookOutcome::Refused => "refused",
    };
    for _ in 0..number {
        count(counter::WEBHOOK_EVENTS, outcome);
    }
}
