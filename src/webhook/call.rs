//! One delivery on its way: admitted, read, marked, answered.

use std::sync::Arc;

use http::{Method, Response, StatusCode, request};
use http_body::Body;

use super::{event::Events, notices::Notices, settings::WebhookSettings, signature::Signature};
use crate::{
    descope::Descope,
    endpoint::{Refusal, RefusalKind, ResponseBody, read_at_most},
    revocation::Mark,
    telemetry::{self, WebhookOutcome},
};

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 1 << 20;

/// One request to the webhook, without its body.
pub(super) struct Delivery {
    pub(super) descope: Descope,
    pub(super) settings: Arc<WebhookSettings>,
    pub(super) notices: Arc<Notices>,
    pub(super) request: request::Parts,
}

/// Why a delivery was not taken.
enum Failure {
    /// It is not Descope's, as far as anybody can tell: nothing is said.
    Unsigned(&'static str),
    Refused(Refusal),
}

impl Delivery {
    pub(super) async fn answer<B: Body>(self, body: B) -> Response<ResponseBody> {
        let failure = match self.signed_body(body).await {
            Ok(body) => match self.take(&body).await {
                Ok(()) => return empty(StatusCode::NO_CONTENT),
                // Counted by event.
                Err(refusal) => return refusal.to_response(ResponseBody::default()),
            },
            Err(failure) => failure,
        };
        telemetry::webhook_events(WebhookOutcome::Refused, 1);
        match failure {
            Failure::Unsigned(reason) => {
                self.notices.refused(reason, &self.descope.now());
                empty(StatusCode::UNAUTHORIZED)
            }
            Failure::Refused(refusal) => {
                if refusal.kind() == RefusalKind::BodyTooLarge {
                    self.notices.refused(refusal.reason(), &self.descope.now());
                }
                refusal.to_response(ResponseBody::default())
            }
        }
    }

    /// Reads the body, once there is a signature, and checks that it is the body's.
    async fn signed_body<B: Body>(&self, body: B) -> Result<Vec<u8>, Failure> {
        if self.request.method != Method::POST {
            let kind = RefusalKind::MethodNotAllowed("POST");
            return Err(Failure::Refused(Refusal::new(kind)));
        }
        let signature = Signature::of(&self.request.headers).map_err(Failure::Unsigned)?;
        let body = read_at_most(MAX_BODY, body).await;
        let body = body.map_err(Failure::Refused)?;
        if self.settings.secrets.signed(&body, &signature) {
            Ok(body)
        } else {
            Err(Failure::Unsigned("wrong_signature"))
        }
    }

    /// Does what a signed body says.
    ///
    /// # Errors
    ///
    /// Other replicas could not be told: it is to come again.
    async fn take(&self, body: &[u8]) -> Result<(), Refusal> {
        let now = self.descope.now();
        let Some(events) = Events::read(body, self.descope.project_id()) else {
            telemetry::webhook_events(WebhookOutcome::Unreadable, 1);
            self.notices.unreadable(&now);
            return Ok(());
        };
        let everybody = self.settings.everybody_if_unnamed && events.unnamed > 0;
        if events.unnamed > 0 {
            let action = events.unnamed_action.as_deref();
            self.notices.unnamed(action, everybody, &now);
        }
        let (marked, unknown) = if everybody {
            (events.named + events.unnamed, events.unknown)
        } else {
            (events.named, events.unknown + events.unnamed)
        };
        telemetry::webhook_events(WebhookOutcome::Unknown, unknown);
        telemetry::webhook_events(WebhookOutcome::OtherProject, events.other_project);
        let marks: Vec<_> = events
            .users
            .iter()
            .map(Mark::user)
            .chain(everybody.then(Mark::everybody))
            .collect();
        if marks.is_empty() {
            return Ok(());
        }
        // No ids: they may be wherever Descope puts an address, and a log is no place for it.
        tracing::info!(
            events = marked,
            users = events.users.len(),
            everybody,
            "sessions are revoked by audit events"
        );
        match self.descope.revoke_all(&marks).await {
            Ok(()) => {
                telemetry::webhook_events(WebhookOutcome::Marked, marked);
                Ok(())
            }
            Err(error) => {
                telemetry::webhook_events(WebhookOutcome::Unavailable, marked);
                self.notices.unavailable(&error, &now);
                Err(Refusal::of_error(&error, RefusalKind::Unavailable))
            }
        }
    }
}

fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = status;
    response
}
