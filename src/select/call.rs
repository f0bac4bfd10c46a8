//! One request on its way: admitted, sent to Descope, answered.

use std::sync::Arc;

use http::{HeaderValue, Response, request};
use http_body::Body;

use super::{refusal::described, settings::SelectSettings};
use crate::{
    cookie::{CookieAttributes, RefreshGrant},
    descope::{Descope, PresentedRefresh},
    endpoint::{Refusal, RefusalKind, ResponseBody, SessionBody, finish, redirect},
    ids::{TenantId, UserId},
    origin,
    telemetry::{self, event_at},
};

/// One request to switch the tenant, without its body.
pub(super) struct SelectCall {
    pub(super) descope: Descope,
    pub(super) settings: Arc<SelectSettings>,
    pub(super) request: request::Parts,
}

/// The tenant and the user of a request, as far as they are known, for the log.
#[derive(Default)]
struct SelectSubject {
    tenant: Option<TenantId>,
    user: Option<UserId>,
    /// The tenant that was active.
    before: Option<TenantId>,
    /// Who acts as the user, by Descope's answer.
    actor: Option<UserId>,
}

impl SelectCall {
    pub(super) async fn answer<B: Body>(self, body: B) -> Response<ResponseBody> {
        let request = &self.request;
        let admitted = self.settings.admit(request, |when_absent| {
            self.descope.check_origin(request.into(), when_absent)
        });
        if let Err(refusal) = admitted {
            self.log(&refusal, &SelectSubject::default());
            return finish(self.refused(refusal).await, Vec::new());
        }
        let mut subject = SelectSubject::default();
        let mut cookies = Vec::new();
        let response = match self.select(body, &mut subject, &mut cookies).await {
            Ok(response) => {
                telemetry::selected("selected");
                tracing::info!(
                    tenant.id = subject.tenant.map(tracing::field::display),
                    tenant.before = subject.before.map(tracing::field::display),
                    user.id = subject.user.map(tracing::field::display),
                    actor.id = subject.actor.map(tracing::field::display),
                    outcome = "selected",
                    "tenant selected",
                );
                response
            }
            Err(refusal) => {
                self.log(&refusal, &subject);
                if let Some(removals) = refusal.removals(&self.descope, &self.request) {
                    cookies = removals;
                }
                match self.settings.return_paths(&self.request) {
                    Some(paths) => refusal.to_redirect(paths, "select_error"),
                    None => self.refused(refusal).await,
                }
            }
        };
        finish(response, cookies)
    }

    /// Cookies that were added are written even if this then fails.
    async fn select<B: Body>(
        &self,
        body: B,
        subject: &mut SelectSubject,
        cookies: &mut Vec<HeaderValue>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let asked = self.settings.read(&self.request, body).await?;
        subject.tenant = Some(asked.tenant.clone());
        let (presented, before) = self
            .descope
            .presented_in_tenant(&self.request.headers, self.settings.accept_bearer)
            .await?;
        subject.user = Some(presented.verified.user.clone());
        subject.before = before;
        let selected = self.descope.select_presented(&presented, &asked.tenant);
        let selection = match selected.await {
            Ok(selection) => selection,
            Err(error) => {
                if error.has_fitting_successor() {
                    self.write_successor(&presented, cookies)?;
                }
                return Err(error.into());
            }
        };
        subject.actor = selection.session().actor();
        if presented.from_cookie {
            let newest = presented.newest_after(selection.answer().clone())?;
            let grant = newest.cookie_grant(self.descope.now().date());
            grant.write(self.descope.cookies(), self.cookie_attributes(), cookies)?;
        }
        Ok(match self.settings.return_paths(&self.request) {
            Some(paths) => redirect(&paths.resolve(asked.return_to.as_deref())),
            None => SessionBody::new(selection.answer()).into_response(self.settings.fields),
        })
    }

    /// Writes the new refresh token of an answer whose session cannot be used: the browser's own was
    /// rotated out.
    fn write_successor(
        &self,
        presented: &PresentedRefresh,
        cookies: &mut Vec<HeaderValue>,
    ) -> Result<(), Refusal> {
        let Some((token, age)) = presented
            .family
            .successor()
            .filter(|_| presented.from_cookie)
        else {
            return Ok(());
        };
        let grant = RefreshGrant {
            token: token.expose(),
            age,
            scope: (None, None),
        };
        grant.write(self.descope.cookies(), self.cookie_attributes(), cookies)?;
        Ok(())
    }

    async fn refused(&self, refusal: Refusal) -> Response<ResponseBody> {
        let responses = &self.settings.refusals;
        responses.response(described(refusal), &self.request).await
    }

    fn cookie_attributes(&self) -> CookieAttributes {
        self.descope.cookie_attributes((&self.request).into())
    }

    /// Logs a refusal, once. A client's mistake is no error of the service, so its level is low.
    fn log(&self, refusal: &Refusal, subject: &SelectSubject) {
        telemetry::selected(refusal.code());
        if refusal.kind() == RefusalKind::CrossSite {
            origin::log_refusal(refusal.reason(), (&self.request).into());
            return;
        }
        event_at!(
            refusal.kind().level(),
            tenant.id = subject.tenant.as_ref().map(tracing::field::display),
            user.id = subject.user.as_ref().map(tracing::field::display),
            outcome = refusal.code(),
            reason = refusal.reason(),
            "tenant not selected",
        );
    }
}
