//! The service.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response, header, request};
use http_body::Body;
use tower_service::Service;

use super::{
    answer::SessionBody,
    body::ResponseBody,
    future::ResponseFuture,
    kind::Kind,
    refusal::{Refusal, redirect},
    return_paths::ReturnPaths,
    settings::Settings,
};
use crate::{
    cookie::Candidates,
    descope::Descope,
    error::Error,
    ids::{TenantId, UserId},
    origin, telemetry,
};

/// Selects the tenant that a request names, and writes the new session's cookies.
///
/// See the [module docs](crate::select) for what it accepts and answers.
#[derive(Clone)]
#[must_use]
pub struct SelectTenant {
    descope: Descope,
    settings: Arc<Settings>,
}

impl SelectTenant {
    /// Accepts JSON from this site's own pages, and from the origins that `descope` was built
    /// with; answers without tokens.
    pub fn new(descope: Descope) -> Self {
        Self {
            descope,
            settings: Arc::default(),
        }
    }

    /// Accepts HTML forms too, and sends their browsers on to `return_path`, a path of this site.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if the path is not local.
    pub fn html_forms(mut self, return_path: impl AsRef<str>) -> Result<Self, Error> {
        self.set().forms = Some(ReturnPaths::new(return_path.as_ref())?);
        Ok(self)
    }

    /// Lets a form choose its own page by a field `return_to`, if that is a path at or below
    /// `prefix`. Anything else, and any failure, leads to the path given to
    /// [`html_forms`](Self::html_forms), which must be called before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) if the prefix is not a local
    /// path, or if forms are not accepted.
    pub fn return_prefix(mut self, prefix: impl AsRef<str>) -> Result<Self, Error> {
        let forms = self.settings.forms.clone().ok_or_else(|| {
            Error::config("return_prefix(..) is about forms: call html_forms(..) before it")
        })?;
        self.set().forms = Some(forms.below(prefix.as_ref())?);
        Ok(self)
    }

    /// Whether the answer has the new session's `claims`. On by default: the browser SDK shows
    /// the page the tenant in them.
    pub fn claims_in_answer(mut self, show: bool) -> Self {
        self.set().show.claims = show;
        self
    }

    /// Whether the answer has Descope's `user` object. On by default.
    pub fn user_in_answer(mut self, show: bool) -> Self {
        self.set().show.user = show;
        self
    }

    /// Whether the answer has the session token, where scripts can read it. Off by default.
    pub fn session_token_in_answer(mut self, show: bool) -> Self {
        self.set().show.session_token = show;
        self
    }

    /// Whether the answer has a new refresh token, where scripts can read it. Off by default:
    /// whoever reads it is the user for weeks.
    pub fn refresh_token_in_answer(mut self, show: bool) -> Self {
        self.set().show.refresh_token = show;
        self
    }

    /// Also takes the refresh token from `Authorization: Bearer <project id>:<refresh token>`,
    /// as Descope's server SDKs send it. Off by default.
    ///
    /// A refresh cookie, if there is one, decides alone. For a token of the header no cookie is
    /// written: such clients need [`session_token_in_answer`](Self::session_token_in_answer) and,
    /// where the project rotates refresh tokens,
    /// [`refresh_token_in_answer`](Self::refresh_token_in_answer), or the new tokens are lost.
    /// Mount a service of its own for them, so that browsers are not answered with tokens.
    pub fn accept_bearer_refresh(mut self, accept: bool) -> Self {
        self.set().accept_bearer = accept;
        self
    }

    fn set(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }
}

impl fmt::Debug for SelectTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectTenant")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for SelectTenant
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let (request, body) = request.into_parts();
        let call = Call {
            descope: self.descope.clone(),
            settings: Arc::clone(&self.settings),
            request,
        };
        ResponseFuture::new(call.answer(body))
    }
}

/// One request on its way.
struct Call {
    descope: Descope,
    settings: Arc<Settings>,
    request: request::Parts,
}

/// Who and what a request was about, as far as it is known, for the log.
#[derive(Default)]
struct Subject {
    tenant: Option<TenantId>,
    user: Option<UserId>,
}

impl Call {
    async fn answer<B: Body>(self, body: B) -> Response<ResponseBody> {
        let request = &self.request;
        let admitted = self.settings.admit(request, |when_absent| {
            self.descope
                .check_origin(&request.headers, &request.uri, when_absent)
        });
        if let Err(refusal) = admitted {
            self.log(&refusal, &Subject::default());
            return finish(refusal.into_response(), Vec::new());
        }
        let mut subject = Subject::default();
        let mut cookies = Vec::new();
        let response = match self.select(body, &mut subject, &mut cookies).await {
            Ok(response) => {
                telemetry::selected("selected");
                tracing::info!(
                    tenant.id = subject.tenant.map(tracing::field::display),
                    user.id = subject.user.map(tracing::field::display),
                    outcome = "selected",
                    "tenant selected",
                );
                response
            }
            Err(refusal) => {
                self.log(&refusal, &subject);
                if refusal.ends_session && self.has_refresh_cookie() {
                    cookies = self.descope.cookies().removals(self.insecure());
                }
                match self.settings.returning(&self.request) {
                    Some(returning) => refusal.into_redirect(returning),
                    None => refusal.into_response(),
                }
            }
        };
        finish(response, cookies)
    }

    /// Cookies that were added are written even if this then fails.
    async fn select<B: Body>(
        &self,
        body: B,
        subject: &mut Subject,
        cookies: &mut Vec<HeaderValue>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let asked = self.settings.read(&self.request, body).await?;
        subject.tenant = Some(asked.tenant.clone());
        let presented = self
            .descope
            .presented_refresh(&self.request.headers, self.settings.accept_bearer)
            .await?;
        subject.user = Some(presented.verified.user.clone());
        let selection = self
            .descope
            .select_presented(&presented, &asked.tenant)
            .await?;
        if presented.from_cookie {
            let newest = presented.newest_after(selection.answer().clone())?;
            let grant = newest.cookie_grant(self.descope.now().date());
            grant.write(self.descope.cookies(), self.insecure(), cookies)?;
        }
        Ok(match self.settings.returning(&self.request) {
            Some(returning) => redirect(&returning.success(asked.return_to.as_deref())),
            None => SessionBody::new(selection.answer()).into_response(self.settings.show),
        })
    }

    fn insecure(&self) -> bool {
        self.descope.cookies().insecure_for(&self.request)
    }

    fn has_refresh_cookie(&self) -> bool {
        let cookies = self.descope.cookies();
        cookies.refresh_candidates(&self.request.headers) != Candidates::None
    }

    /// Tells operators once. What a client did wrong is no error of the service.
    fn log(&self, refusal: &Refusal, subject: &Subject) {
        macro_rules! refused {
            ($level:ident) => {
                tracing::$level!(
                    tenant.id = subject.tenant.as_ref().map(tracing::field::display),
                    user.id = subject.user.as_ref().map(tracing::field::display),
                    outcome = refusal.code(),
                    reason = refusal.reason(),
                    "tenant not selected",
                )
            };
        }
        telemetry::selected(refusal.code());
        match refusal.kind() {
            Kind::CrossSite => origin::log_refusal(refusal.reason(), &self.request.headers),
            Kind::Internal => refused!(error),
            kind if kind.status().is_server_error() => refused!(warn),
            Kind::TenantRefused { .. } | Kind::RateLimited | Kind::AmbiguousCredentials => {
                refused!(info);
            }
            _ => refused!(debug),
        }
    }
}

/// Adds what every answer has, and the cookies.
pub(crate) fn finish(
    mut response: Response<ResponseBody>,
    cookies: Vec<HeaderValue>,
) -> Response<ResponseBody> {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("Authorization, Cookie"),
    );
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn the_service_can_be_shared_and_its_future_sent() {
        fn is_shared<T: Clone + Send + Sync + Unpin + 'static>() {}
        fn is_sent<T: Send + Unpin + 'static>() {}
        fn is_service<S: Service<Request<Full<bytes::Bytes>>, Error = Infallible>>() {}
        is_shared::<SelectTenant>();
        is_sent::<ResponseFuture>();
        is_sent::<ResponseBody>();
        is_service::<SelectTenant>();
    }
}
