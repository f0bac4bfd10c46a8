//! One request on its way.

use std::sync::Arc;

use http::{HeaderValue, Response, request};
use http_body::Body;
use serde::Serialize;
use serde_json::Value;

use super::{
    body,
    endpoint::Endpoint,
    refusal::{Kind, Refusal},
    service::Settings,
};
use crate::{
    answer::WhichTenants,
    cookie::Candidates,
    descope::{Descope, PresentedRefresh},
    ids::UserId,
    origin::{self, WhenAbsent},
    select::{ResponseBody, SessionBody, finish, json_response},
    telemetry,
};

/// Members at the root of which the browser SDK would think that they are tokens, or hold them.
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

pub(super) struct Call {
    pub(super) descope: Descope,
    pub(super) settings: Arc<Settings>,
    pub(super) endpoint: Endpoint,
    pub(super) request: request::Parts,
}

/// What was found out on the way, also where it then ends in a refusal.
#[derive(Default)]
struct Outcome {
    user: Option<UserId>,
    cookies: Vec<HeaderValue>,
}

/// What a request asks for, beside its path.
enum Asked {
    Nothing,
    Tenants(WhichTenants),
}

#[derive(Serialize)]
struct Tenants<T> {
    tenants: T,
}

impl Call {
    pub(super) async fn answer<B: Body>(self, body: B) -> Response<ResponseBody> {
        let mut outcome = Outcome::default();
        match self.go(body, &mut outcome).await {
            Ok(response) => {
                self.log_success(&outcome);
                finish(response, outcome.cookies)
            }
            Err(refusal) => {
                self.log(&refusal, &outcome);
                if refusal.ends_session && self.has_refresh_cookie() {
                    outcome.cookies = self.descope.cookies().removals(self.insecure());
                }
                let lenient = self.endpoint == Endpoint::TryRefresh && refusal.is_no_session();
                let response = if lenient {
                    json_response("{}")
                } else {
                    refusal.into_response()
                };
                finish(response, outcome.cookies)
            }
        }
    }

    /// Cookies that were added are written even if this then fails.
    async fn go<B: Body>(
        &self,
        body: B,
        outcome: &mut Outcome,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let asked = self.admit(body).await?;
        match (self.endpoint, asked) {
            (Endpoint::Refresh | Endpoint::TryRefresh, _) => self.refresh(outcome).await,
            (Endpoint::Logout, _) => Ok(self.log_out(false, outcome).await),
            (Endpoint::LogoutAll, _) => Ok(self.log_out(true, outcome).await),
            (Endpoint::MyTenants, Asked::Tenants(which)) => {
                let presented = self.presented(outcome).await?;
                let tenants = self.descope.tenants_presented(&presented, which).await?;
                Ok(json(&Tenants { tenants }))
            }
            (Endpoint::History, _) => {
                let presented = self.presented(outcome).await?;
                Ok(json(&self.descope.history_presented(&presented).await?))
            }
            (Endpoint::Me | Endpoint::MyTenants, _) => {
                let presented = self.presented(outcome).await?;
                let user = self.descope.me_presented(&presented).await?;
                Ok(json(&for_scripts(user.json())))
            }
        }
    }

    /// Everything before Descope is asked, and before any token is looked at.
    async fn admit<B: Body>(&self, body: B) -> Result<Asked, Refusal> {
        let request = &self.request;
        if request.method != self.endpoint.method() {
            return Err(Refusal::new(Kind::MethodNotAllowed(self.endpoint)));
        }
        // Browsers, old ones too, give every form of another site a type that is refused below;
        // and a GET changes nothing, and its answer is not theirs to read.
        self.descope
            .check_origin(request.into(), WhenAbsent::Allow)
            .map_err(|reason| Refusal::because(Kind::CrossSite, reason))?;
        match self.endpoint {
            Endpoint::Me | Endpoint::History => {}
            Endpoint::MyTenants => {
                let which = body::which_tenants(&request.headers, body).await?;
                return Ok(Asked::Tenants(which));
            }
            _ => body::nothing(&request.headers, body).await?,
        }
        Ok(Asked::Nothing)
    }

    async fn presented(&self, outcome: &mut Outcome) -> Result<PresentedRefresh, Refusal> {
        let accept_bearer = self.settings.accept_bearer;
        let headers = &self.request.headers;
        let presented = self.descope.presented_refresh(headers, accept_bearer);
        let presented = presented.await?;
        outcome.user = Some(presented.verified.user.clone());
        Ok(presented)
    }

    async fn refresh(&self, outcome: &mut Outcome) -> Result<Response<ResponseBody>, Refusal> {
        let presented = self.presented(outcome).await?;
        let answer = self.descope.refresh_presented(&presented).await?;
        let answer = presented.newest_after(answer)?;
        if presented.from_cookie {
            let grant = answer.cookie_grant(self.descope.now().date());
            let cookies = self.descope.cookies();
            grant.write(cookies, self.insecure(), &mut outcome.cookies)?;
        }
        Ok(SessionBody::new(&answer).into_response(self.settings.show))
    }

    /// Whatever becomes of it, the browser is signed out.
    async fn log_out(&self, everywhere: bool, outcome: &mut Outcome) -> Response<ResponseBody> {
        let mut in_browser = true;
        match self.presented(outcome).await {
            Ok(presented) => {
                in_browser = presented.from_cookie;
                let done = self.descope.sign_out_presented(&presented, everywhere);
                if let Err(error) = done.await {
                    self.log_not_told(&Refusal::from(error), outcome);
                }
            }
            // There was nothing to sign out of.
            Err(refusal) if refusal.is_no_session() => {}
            Err(refusal) => self.log_not_told(&refusal, outcome),
        }
        // Cookies beside the one that was presented, or that could not be verified.
        self.descope.sign_out_here(&self.request.headers);
        if in_browser {
            outcome.cookies = self.descope.cookies().removals(self.insecure());
        }
        json_response("{}")
    }

    fn insecure(&self) -> bool {
        self.descope.cookies().insecure_for((&self.request).into())
    }

    fn has_refresh_cookie(&self) -> bool {
        let cookies = self.descope.cookies();
        cookies.refresh_candidates(&self.request.headers) != Candidates::None
    }

    fn log_success(&self, outcome: &Outcome) {
        telemetry::session_call("ok");
        tracing::debug!(
            call = self.endpoint.name(),
            user.id = outcome.user.as_ref().map(tracing::field::display),
            outcome = "ok",
            "session call",
        );
    }

    /// Tells operators once. What a client did wrong is no error of the service.
    fn log(&self, refusal: &Refusal, outcome: &Outcome) {
        macro_rules! refused {
            ($level:ident) => {
                tracing::$level!(
                    call = self.endpoint.name(),
                    user.id = outcome.user.as_ref().map(tracing::field::display),
                    outcome = refusal.code(),
                    reason = refusal.reason(),
                    "session call refused",
                )
            };
        }
        telemetry::session_call(refusal.code());
        match refusal.kind() {
            Kind::CrossSite => origin::log_refusal(refusal.reason(), (&self.request).into()),
            Kind::Internal => refused!(error),
            kind if kind.status().is_server_error() => refused!(warn),
            Kind::AmbiguousCredentials => refused!(info),
            _ => refused!(debug),
        }
    }

    /// The browser is signed out, but Descope does not know.
    fn log_not_told(&self, refusal: &Refusal, outcome: &Outcome) {
        macro_rules! not_told {
            ($level:ident) => {
                tracing::$level!(
                    call = self.endpoint.name(),
                    user.id = outcome.user.as_ref().map(tracing::field::display),
                    outcome = refusal.code(),
                    reason = refusal.reason(),
                    "signed out here, but not at descope",
                )
            };
        }
        if refusal.kind().status().is_server_error() {
            not_told!(warn);
        } else {
            not_told!(info);
        }
    }
}

/// The user's record, which stands at the root of the answer.
fn for_scripts(user: &Value) -> Value {
    let mut user = user.clone();
    if let Some(members) = user.as_object_mut() {
        members.retain(|name, _| !NOT_FOR_SCRIPTS.contains(&name.as_str()));
    }
    user
}

fn json(value: &impl Serialize) -> Response<ResponseBody> {
    // Nothing in it can fail to serialise: it is JSON that was read before.
    json_response(serde_json::to_vec(value).unwrap_or_default())
}
