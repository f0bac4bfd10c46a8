//! Which calls go up, and with whose refresh token.

use http::Method;
use http_body::Body;

use super::{
    answer::NONCE,
    binding::Binding,
    body::FlowBody,
    call::{Admitted, FlowRequest},
    refusal::FlowRefusal,
};
use crate::{
    client::FlowStep,
    descope::{PresentedRefresh, RefreshRefusal},
    digest::Digest,
    endpoint::{MediaType, RefusalKind, read_at_most},
    origin::{self, WhenAbsent},
    token::{self, Authorization},
};

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 256 * 1024;

impl FlowRequest {
    /// Admits a call: by its method, its origin, its type, its size, its content and who has started it.
    pub(super) async fn admit<B: Body>(
        &self,
        step: FlowStep,
        body: B,
    ) -> Result<Admitted, FlowRefusal> {
        let descope = &self.shared.descope;
        let settings = &self.shared.settings;
        if self.request.method != Method::POST {
            return Err(FlowRefusal::MethodNotAllowed);
        }
        let head = (&self.request).into();
        descope
            .check_origin(head, WhenAbsent::RefuseNobodys)
            .map_err(|reason| {
                origin::log_refusal(reason, head);
                FlowRefusal::CrossSite
            })?;
        let headers = &self.request.headers;
        self.check_project()?;
        if MediaType::of(headers) != Some(MediaType::Json) {
            return Err(FlowRefusal::UnsupportedMediaType);
        }
        let bytes = read_at_most(MAX_BODY, body).await;
        let bytes = bytes.map_err(|refusal| match refusal.kind() {
            RefusalKind::BodyTooLarge => FlowRefusal::BodyTooLarge,
            _ => FlowRefusal::InvalidBody,
        })?;
        let body = FlowBody::read(step, &bytes)?;
        let is_bound = match &body.execution {
            None => {
                // What a link brings would sign its reader in as whoever made it.
                let is_foreign = body.has_code && !settings.idp_initiated
                    || body.has_token && !settings.links_from_other_browsers;
                if is_foreign {
                    return Err(FlowRefusal::ForeignFlow);
                }
                true
            }
            Some(execution) => {
                let binding = Binding::of(execution);
                let is_bound = binding.is_some_and(|it| it.is_shown(headers, self.attributes));
                // The link of a mail goes up: the browser that asked for it is waiting.
                if !is_bound && !body.has_token {
                    return Err(FlowRefusal::ForeignFlow);
                }
                is_bound
            }
        };
        let presented = if is_bound && settings.signed_in_flows.contains(&body.flow) {
            self.presented().await?
        } else {
            None
        };
        Ok(Admitted {
            step,
            body,
            bytes,
            is_bound,
            presented,
        })
    }

    /// A page's SDK names its project; another one's page is another service's.
    fn check_project(&self) -> Result<(), FlowRefusal> {
        let project = match token::authorization(&self.request.headers) {
            Authorization::Absent => return Ok(()),
            Authorization::Bearer(credential) => credential.text(),
            Authorization::Malformed | Authorization::Several => None,
        };
        let project = project.and_then(|text| text.split(':').next());
        if project == Some(self.shared.descope.project_id()) {
            Ok(())
        } else {
            Err(FlowRefusal::OtherProject)
        }
    }

    /// The refresh token of who is signed in; `None` where nobody is.
    async fn presented(&self) -> Result<Option<PresentedRefresh>, FlowRefusal> {
        let headers = &self.request.headers;
        match self.shared.descope.presented_refresh(headers, false).await {
            Ok(presented) => Ok(Some(presented)),
            Err(RefreshRefusal::Unavailable { .. }) => Err(FlowRefusal::KeysUnavailable),
            Err(_) => Ok(None),
        }
    }

    /// Names what a browser repeats by itself: the same call of the same browser, with the same nonce. A
    /// start has no nonce, and each one is an execution of its own.
    pub(super) fn key(&self, admitted: &Admitted) -> Option<Digest> {
        let nonce = self.request.headers.get(NONCE)?;
        let execution = admitted
            .body
            .execution
            .as_ref()
            .filter(|_| admitted.is_bound)?;
        let mut text = Vec::with_capacity(admitted.bytes.len() + 256);
        let user = admitted.presented.as_ref();
        for part in [
            execution.as_bytes(),
            nonce.as_bytes(),
            user.map_or(&[][..], |it| it.verified.user.as_str().as_bytes()),
            &admitted.bytes,
        ] {
            text.extend_from_slice(&part.len().to_be_bytes());
            text.extend_from_slice(part);
        }
        Digest::of_bytes(&text).ok()
    }
}
