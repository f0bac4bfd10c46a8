//! The service `SessionRoutes`, with its setters.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Buf;
use http::{Request, Response, request::Parts};
use http_body::Body;
use tower_service::Service;

use super::{
    call::RoutesCall,
    mounting::Mounting,
    path::{Route, SessionCall},
    settings::RoutesSettings,
    sign_in::SignIn,
};
use crate::{
    descope::Descope,
    endpoint::{
        Refusal, RefusalKind, RefusalResponses, ResponseBody, ResponseFuture, finish, mount_prefix,
    },
    rejection::RejectionResponse,
    return_paths::ReturnPaths,
    select::SelectTenant,
};

/// Serves a session's calls by path, with this service's own cookies.
///
/// See the [module docs](crate::routes) for the paths, and for what is answered.
///
/// # Panics
///
/// On a tokio runtime without timers, where a request waits; see [`Descope`](Descope#panics).
#[derive(Clone)]
#[must_use]
pub struct SessionRoutes {
    descope: Descope,
    select: SelectTenant,
    /// True where `select` is the caller's, with settings of its own.
    own_select: bool,
    settings: Arc<RoutesSettings>,
    mounting: Arc<Mounting>,
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
            mounting: Arc::default(),
        }
    }

    /// Serves paths below `prefix`, for example `/v1/auth`; slashes at its ends may be left out.
    /// Only where nobody has taken the prefix off before: axum's `nest_service` does, hyper does
    /// not.
    pub fn at(mut self, prefix: impl AsRef<str>) -> Self {
        self.set().prefix = mount_prefix(prefix.as_ref());
        self
    }

    /// Lets this service answer `tenant/select`: one with HTML forms, for example. Its settings
    /// are its own; those made here so far and later do not count for it.
    pub fn select_tenant(mut self, service: SelectTenant) -> Self {
        self.select = service;
        self.own_select = true;
        self
    }

    /// Lets HTML forms sign out, by `logout` and `logoutall`: their browsers are sent on (303) to the
    /// pages of `paths`, to the one that the form's field `return_to` asks for as far as `paths`
    /// allows it. A form that cannot be read leads to the configured page, whose query then has the
    /// code in `logout_error`, and nobody is signed out. Where Descope has not confirmed a `logoutall` its
    /// query has `everywhere=false`: the browser is signed out, and others may go on for a while.
    ///
    /// ```
    /// use tower_descope::{Descope, ReturnPaths, SessionRoutes};
    ///
    /// # fn routes(descope: Descope) -> Result<SessionRoutes, tower_descope::Error> {
    /// // <form method="post" action="/v1/auth/logout"><button>Sign out</button></form>
    /// let routes = SessionRoutes::new(descope).html_forms(ReturnPaths::new("/goodbye")?);
    /// # Ok(routes)
    /// # }
    /// ```
    ///
    /// `tenant/select` has pages of its own: give it a [`SelectTenant`] with
    /// [`html_forms`](SelectTenant::html_forms) by [`select_tenant`](Self::select_tenant).
    pub fn html_forms(mut self, paths: ReturnPaths) -> Self {
        self.set().forms = Some(paths);
        self
    }

    /// Opens `sign-in`: a page that has run Descope's own sign-in component, or its SDK, against Descope
    /// hands over the tokens that it was given, and its browser is signed in by this service's cookies.
    /// Without it the path is not found.
    ///
    /// The component keeps Descope's base URL, so each visitor's sign-in is counted by their own address;
    /// a script sees the tokens once. The refresh token is exchanged at once, so the one that was seen is worth nothing where the
    /// project rotates its refresh tokens: **switch rotation on** (Descope console, Session Management).
    ///
    /// ```
    /// use tower_descope::{Descope, SessionRoutes, routes::SignIn};
    ///
    /// fn routes(descope: Descope) -> SessionRoutes {
    ///     // onSuccess = event => fetch("/v1/auth/sign-in", {
    ///     //     method: "POST",
    ///     //     headers: { "content-type": "application/json" },
    ///     //     body: JSON.stringify(event.detail),
    ///     // }).then(answer => answer.ok && location.assign("/projects"))
    ///     SessionRoutes::new(descope).sign_in(SignIn::new())
    /// }
    /// ```
    pub fn sign_in(mut self, sign_in: SignIn) -> Self {
        self.set().sign_in = Some(sign_in);
        self
    }

    /// Sets whether answers have the new session's `claims`. On by default: the browser SDK shows the
    /// page the user's rights in them.
    pub fn claims_in_answer(mut self, show: bool) -> Self {
        self.set().fields.claims = show;
        self.with_select(|select| select.claims_in_answer(show))
    }

    /// Sets whether the answers of refresh and `tenant/select` have Descope's `user` object. On by
    /// default.
    pub fn user_in_answer(mut self, show: bool) -> Self {
        self.set().fields.user = show;
        self.with_select(|select| select.user_in_answer(show))
    }

    /// Sets whether answers have the session token, where scripts can read it. Off by default.
    pub fn session_token_in_answer(mut self, show: bool) -> Self {
        self.set().fields.session_token = show;
        self.with_select(|select| select.session_token_in_answer(show))
    }

    /// Sets whether answers have a new refresh token, where scripts can read it. Off by default:
    /// whoever reads it is the user for weeks.
    pub fn refresh_token_in_answer(mut self, show: bool) -> Self {
        self.set().fields.refresh_token = show;
        self.with_select(|select| select.refresh_token_in_answer(show))
    }

    /// Sets whether the refresh token is also taken from `Authorization: Bearer <project id>:<refresh token>`, as
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

    /// Makes refusals with a closure, in the application's own form; those of `tenant/select`, too. As
    /// [`SelectTenant::with_rejection_response`], where all is said.
    pub fn with_rejection_response<N, B>(self, response: N) -> Self
    where
        N: FnMut(Refusal, &Parts) -> Response<B> + Clone + Send + Sync + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
    {
        self.with_rejection_shaper(response)
    }

    /// Makes refusals with a type of one's own that implements
    /// [`RejectionResponse`] for a [`Refusal`].
    pub fn with_rejection_shaper<N, B>(mut self, response: N) -> Self
    where
        N: RejectionResponse<B, Refusal> + Send + Sync + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
    {
        self.set().refusals = RefusalResponses::own(response.clone());
        self.with_select(|select| select.with_rejection_shaper(response))
    }

    /// Carries a setting over to the service for `tenant/select`, unless that is the caller's.
    fn with_select(mut self, set: impl FnOnce(SelectTenant) -> SelectTenant) -> Self {
        if !self.own_select {
            self.select = set(self.select);
        }
        self
    }

    fn set(&mut self) -> &mut RoutesSettings {
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
        let is_open = |route: &Route| {
            *route != Route::Session(SessionCall::SignIn) || self.settings.sign_in.is_some()
        };
        let route = path.and_then(Route::of).filter(is_open);
        if route.is_some() {
            self.mounting
                .matched(request.extensions(), self.descope.clock());
        } else {
            let path = request.uri().path();
            self.mounting
                .unmatched(path, &self.settings.prefix, self.descope.clock());
        }
        match route {
            Some(Route::SelectTenant) => self.select.call(request),
            Some(Route::Session(call)) => {
                let (request, body) = request.into_parts();
                let call = RoutesCall {
                    descope: self.descope.clone(),
                    settings: Arc::clone(&self.settings),
                    call,
                    request,
                };
                ResponseFuture::new(call.answer(body))
            }
            None => {
                let (settings, request) = (Arc::clone(&self.settings), request.into_parts().0);
                ResponseFuture::new(async move {
                    let refusal = Refusal::new(RefusalKind::NotFound);
                    let response = settings.refusals.response(refusal, &request).await;
                    finish(response, Vec::new())
                })
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
