//! One request on its way: admitted, sent to Descope, answered.

use std::sync::Arc;

use http::{HeaderValue, Response, request};
use http_body::Body;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    body, path::SessionCall, refusal::as_session_call, settings::RoutesSettings,
    sign_in::SignInTokens,
};
use crate::{
    answer::WhichTenants,
    cookie::CookieAttributes,
    descope::{Descope, PresentedRefresh},
    endpoint::{
        FormEncoding, MediaType, Refusal, RefusalKind, ResponseBody, SessionBody, finish,
        json_response, may_be_of_a_form, redirect, redirect_with,
    },
    ids::UserId,
    origin::{self, WhenAbsent},
    return_paths::ReturnPaths,
    telemetry::{self, event_at},
};

/// Members that the browser SDK, where they are at the root of an answer, takes for tokens or for
/// something that holds them.
const NOT_FOR_SCRIPTS: [&str; 9] = [
    "authInfo",
    "access_token",
    "refresh_token",
    "id_token",
    "expires_in",
    "expires_at",
    "sessionJwt",
    "refreshJwt",
    "sessionExpiration",
];

/// One request for a session call, without its body.
pub(super) struct RoutesCall {
    pub(super) descope: Descope,
    pub(super) settings: Arc<RoutesSettings>,
    pub(super) call: SessionCall,
    pub(super) request: request::Parts,
}

/// The findings on the way. They count also where the call then ends in a refusal.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) user: Option<UserId>,
    pub(super) cookies: Vec<HeaderValue>,
    /// True if the end of the call is logged where it happens.
    pub(super) is_logged: bool,
}

/// The content of a request's body.
enum CallBody {
    Nothing,
    /// An HTML form, with the page that it leads to.
    Form(String),
    Tenants(WhichTenants),
    SignIn(SignInTokens),
}

#[derive(Serialize)]
struct Tenants<T> {
    tenants: T,
}

impl RoutesCall {
    pub(super) async fn answer<B: Body>(self, body: B) -> Response<ResponseBody> {
        let mut findings = Findings::default();
        if let Err(refusal) = self.admit() {
            // As JSON to a form too: one that another site sent is no form of this site.
            self.log(&refusal, &findings);
            return finish(self.refused(refusal).await, Vec::new());
        }
        match self.go(body, &mut findings).await {
            Ok(response) => {
                self.log_success(&findings);
                finish(response, findings.cookies)
            }
            Err(refusal) => {
                let refusal = match self.call {
                    SessionCall::SignIn => refusal,
                    _ => as_session_call(refusal),
                };
                self.log(&refusal, &findings);
                if let Some(removals) = refusal.removals(&self.descope, &self.request) {
                    findings.cookies = removals;
                }
                let lenient = self.call == SessionCall::TryRefresh && refusal.is_no_session();
                let response = match self.form() {
                    Some((paths, _)) => refusal.to_redirect(paths, "logout_error"),
                    None if lenient => json_response(&json!({})),
                    None => self.refused(refusal).await,
                };
                finish(response, findings.cookies)
            }
        }
    }

    /// Cookies that were added are written even if this then fails.
    async fn go<B: Body>(
        &self,
        body: B,
        findings: &mut Findings,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let asked = self.read(body).await?;
        match (self.call, asked) {
            (SessionCall::Refresh | SessionCall::TryRefresh, _) => self.refresh(findings).await,
            (SessionCall::Logout | SessionCall::LogoutAll, asked) => {
                let everywhere = self.call == SessionCall::LogoutAll;
                let is_whole = self.log_out(everywhere, findings).await;
                Ok(match (asked, self.form()) {
                    (CallBody::Form(page), _) if is_whole => redirect(&page),
                    (_, Some((paths, _))) => redirect_with(paths, "everywhere", "false"),
                    _ if is_whole => json_response(&json!({})),
                    _ => json_response(&json!({ "everywhere": false })),
                })
            }
            (SessionCall::MyTenants, CallBody::Tenants(which)) => {
                let presented = self.presented(findings).await?;
                let tenants = self.descope.tenants_presented(&presented, which).await?;
                Ok(json_response(&Tenants { tenants }))
            }
            (_, CallBody::SignIn(tokens)) => {
                let rules = self.settings.sign_in.unwrap_or_default();
                self.sign_in(rules, tokens, findings).await
            }
            (SessionCall::History, _) => {
                let presented = self.presented(findings).await?;
                let history = self.descope.history_presented(&presented).await?;
                Ok(json_response(&history))
            }
            (SessionCall::SignIn, _) => Err(Refusal::new(RefusalKind::TokensMissing)),
            (SessionCall::Me | SessionCall::MyTenants, _) => {
                let presented = self.presented(findings).await?;
                let user = self.descope.me_presented(&presented).await?;
                Ok(json_response(&for_scripts(user.json())))
            }
        }
    }

    /// Admits a request by its method and its origin.
    fn admit(&self) -> Result<(), Refusal> {
        if self.request.method != self.call.method() {
            return Err(Refusal::new(RefusalKind::MethodNotAllowed(
                self.call.allow(),
            )));
        }
        // A GET changes nothing, and its answer is not another site's to read. A POST that says
        // nothing of its origin passes by its type, if that keeps other sites' forms out.
        self.check_origin(match self.form() {
            _ if self.call == SessionCall::SignIn => WhenAbsent::RefuseNobodys,
            Some(_) => WhenAbsent::Refuse,
            None => WhenAbsent::Allow,
        })
    }

    /// Reads the body: the last that is looked at before any token is.
    async fn read<B: Body>(&self, body: B) -> Result<CallBody, Refusal> {
        let headers = &self.request.headers;
        if let Some((paths, encoding)) = self.form() {
            let return_to = body::return_to(encoding, body).await?;
            return Ok(CallBody::Form(paths.resolve(return_to.as_deref())));
        }
        match self.call {
            SessionCall::Me | SessionCall::History => {}
            SessionCall::MyTenants => {
                let which = body::which_tenants(headers, body).await?;
                return Ok(CallBody::Tenants(which));
            }
            SessionCall::SignIn => {
                let tokens = body::sign_in_tokens(headers, body).await?;
                return Ok(CallBody::SignIn(tokens));
            }
            _ => {
                body::nothing(headers, body).await?;
                // An empty form of another site would pass so far, if its browser is so old that it
                // does not say where it comes from.
                if may_be_of_a_form(headers) {
                    self.check_origin(WhenAbsent::Refuse)?;
                }
            }
        }
        Ok(CallBody::Nothing)
    }

    fn check_origin(&self, when_absent: WhenAbsent) -> Result<(), Refusal> {
        self.descope
            .check_origin((&self.request).into(), when_absent)
            .map_err(|reason| Refusal::because(RefusalKind::CrossSite, reason))
    }

    /// The pages that the request's form leads to, and the encoding of its fields. `None` if it is no
    /// form, or forms are not accepted here.
    fn form(&self) -> Option<(&ReturnPaths, FormEncoding<'_>)> {
        let paths = self.settings.forms.as_ref()?;
        match MediaType::of(&self.request.headers) {
            Some(MediaType::Form(encoding)) if self.call.may_be_a_form() => Some((paths, encoding)),
            _ => None,
        }
    }

    async fn presented(&self, findings: &mut Findings) -> Result<PresentedRefresh, Refusal> {
        let accept_bearer = self.settings.accept_bearer;
        let headers = &self.request.headers;
        let presented = self.descope.presented_refresh(headers, accept_bearer);
        let presented = presented.await?;
        findings.user = Some(presented.verified.user.clone());
        Ok(presented)
    }

    async fn refresh(&self, findings: &mut Findings) -> Result<Response<ResponseBody>, Refusal> {
        let presented = self.presented(findings).await?;
        let presented = presented.with_devices_of(&self.request.headers, self.cookie_attributes());
        let answer = self.descope.refresh_presented(&presented).await?;
        let answer = presented.newest_after(answer)?;
        if presented.from_cookie {
            let grant = answer.cookie_grant(self.descope.now().date());
            let cookies = self.descope.cookies();
            grant.write(cookies, self.cookie_attributes(), &mut findings.cookies)?;
        }
        Ok(SessionBody::new(&answer).into_response(self.settings.fields))
    }

    async fn refused(&self, refusal: Refusal) -> Response<ResponseBody> {
        let responses = &self.settings.refusals;
        responses.response(refusal, &self.request).await
    }

    pub(super) fn cookie_attributes(&self) -> CookieAttributes {
        self.descope.cookie_attributes((&self.request).into())
    }

    fn log_success(&self, findings: &Findings) {
        telemetry::session_call(self.call.name(), "ok");
        if findings.is_logged {
            return;
        }
        tracing::debug!(
            call = self.call.name(),
            user.id = findings.user.as_ref().map(tracing::field::display),
            outcome = "ok",
            "session call",
        );
    }

    /// Logs a refusal, once. A client's mistake is no error of the service, so its level is low.
    fn log(&self, refusal: &Refusal, findings: &Findings) {
        telemetry::session_call(self.call.name(), refusal.code());
        if findings.is_logged {
            return;
        }
        if refusal.kind() == RefusalKind::CrossSite {
            origin::log_refusal(refusal.reason(), (&self.request).into());
            return;
        }
        let level = refusal.kind().level();
        let level = if refusal.kind() == RefusalKind::TokensMissing {
            let notices = self.descope.notices();
            notices.missing_tokens.level(level, &self.descope.now())
        } else {
            level
        };
        event_at!(
            level,
            call = self.call.name(),
            user.id = findings.user.as_ref().map(tracing::field::display),
            outcome = refusal.code(),
            reason = refusal.reason(),
            "session call refused",
        );
    }
}

/// The user's record without the members that the browser SDK would take for tokens, since it is the
/// root of the answer.
fn for_scripts(user: &Value) -> Value {
    let mut user = user.clone();
    if let Some(members) = user.as_object_mut() {
        members.retain(|name, _| !NOT_FOR_SCRIPTS.contains(&name.as_str()));
    }
    user
}
