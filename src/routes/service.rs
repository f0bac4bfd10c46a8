//! The service and its settings.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    call::Call,
    endpoint::Route,
    refusal::{Kind, Refusal},
};
use crate::{
    descope::Descope,
    select::{AnswerFields, ResponseBody, ResponseFuture, SelectTenant, finish},
};

/// Serves a session's calls by path, with this service's own cookies.
///
/// See the [module docs](crate::routes) for the paths, and for what is answered.
#[derive(Clone)]
#[must_use]
pub struct SessionRoutes {
    descope: Descope,
    select: SelectTenant,
    /// Whether `select` is the caller's, with settings of its own.
    own_select: bool,
    settings: Arc<Settings>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// With a slash at its start and none at its end, or empty.
    prefix: String,
    pub(super) accept_bearer: bool,
    pub(super) show: AnswerFields,
}

impl SessionRoutes {
    /// Serves this site's own pages, and those of the origins that `descope` was built with;
    /// answers without tokens.
    pub fn new(descope: Descope) -> Self {
        Self {
            select: SelectTenant::new(descope.clone()),
            own_select: false,
            descope,
            settings: Arc::default(),
        }
    }

    /// Serves paths below `prefix`, for example `/v1/auth`; slashes at its ends may be left out.
    /// Only where nobody has taken the prefix off before: axum's `nest_service` does, hyper does
    /// not.
    pub fn at(mut self, prefix: impl AsRef<str>) -> Self {
        let prefix = prefix.as_ref().trim_matches('/');
        self.set().prefix = match prefix {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
        self
    }

    /// Lets this service answer `tenant/select`: one with HTML forms, for example. Its settings
    /// are its own; those made here so far and later do not count for it.
    pub fn select_tenant(mut self, service: SelectTenant) -> Self {
        self.select = service;
        self.own_select = true;
        self
    }

    /// Whether answers have the new session's `claims`. On by default: the browser SDK shows the
    /// page the user's rights in them.
    pub fn claims_in_answer(mut self, show: bool) -> Self {
        self.set().show.claims = show;
        self.with_select(|select| select.claims_in_answer(show))
    }

    /// Whether the answers of refresh and `tenant/select` have Descope's `user` object. On by
    /// default.
    pub fn user_in_answer(mut self, show: bool) -> Self {
        self.set().show.user = show;
        self.with_select(|select| select.user_in_answer(show))
    }

    /// Whether answers have the session token, where scripts can read it. Off by default.
    pub fn session_token_in_answer(mut self, show: bool) -> Self {
        self.set().show.session_token = show;
        self.with_select(|select| select.session_token_in_answer(show))
    }

    /// Whether answers have a new refresh token, where scripts can read it. Off by default:
    /// whoever reads it is the user for weeks.
    pub fn refresh_token_in_answer(mut self, show: bool) -> Self {
        self.set().show.refresh_token = show;
        self.with_select(|select| select.refresh_token_in_answer(show))
    }

    /// Also takes the refresh token from `Authorization: Bearer <project id>:<refresh token>`, as
    /// Descope's server SDKs send it. Off by default.
    ///
    /// A refresh cookie, if there is one, decides alone. For a token of the header no cookie is
    /// written: such clients need [`session_token_in_answer`](Self::session_token_in_answer) and,
    /// where the project rotates refresh tokens,
    /// [`refresh_token_in_answer`](Self::refresh_token_in_answer), or the new tokens are lost.
    /// Mount a service of its own for them, so that browsers are not answered with tokens.
    pub fn accept_bearer_refresh(mut self, accept: bool) -> Self {
        self.set().accept_bearer = accept;
        self.with_select(|select| select.accept_bearer_refresh(accept))
    }

    /// Carries a setting over to the service for `tenant/select`, unless that is the caller's.
    fn with_select(mut self, set: impl FnOnce(SelectTenant) -> SelectTenant) -> Self {
        if !self.own_select {
            self.select = set(self.select);
        }
        self
    }

    fn set(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }
}

impl fmt::Debug for SessionRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRoutes")
            .field("settings", &self.settings)
            .field("select", &self.select)
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for SessionRoutes
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let path = request.uri().path().strip_prefix(&*self.settings.prefix);
        match path.and_then(Route::of) {
            Some(Route::SelectTenant) => self.select.call(request),
            Some(Route::To(endpoint)) => {
                let (request, body) = request.into_parts();
                let call = Call {
                    descope: self.descope.clone(),
                    settings: Arc::clone(&self.settings),
                    endpoint,
                    request,
                };
                ResponseFuture::new(call.answer(body))
            }
            None => {
                let response = Refusal::new(Kind::NotFound).into_response();
                ResponseFuture::new(std::future::ready(finish(response, Vec::new())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn the_service_can_be_shared() {
        fn is_shared<T: Clone + Send + Sync + Unpin + 'static>() {}
        fn is_service<S: Service<Request<Full<bytes::Bytes>>, Error = Infallible>>() {}
        is_shared::<SessionRoutes>();
        is_service::<SessionRoutes>();
    }
}
