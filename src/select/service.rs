//! The service `SelectTenant`, with its setters.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, request::Parts};
use http_body::Body;
use tower_service::Service;

use super::{call::SelectCall, settings::SelectSettings};
use crate::{
    descope::Descope,
    endpoint::{Refusal, RefusalResponses, ResponseBody, ResponseFuture},
    rejection::RejectionResponse,
    return_paths::ReturnPaths,
};

/// Selects the tenant that a request names, and writes the new session's cookies.
///
/// See the [module docs](crate::select) for what it accepts and answers.
///
/// # Panics
///
/// On a tokio runtime without timers, where a request waits; see [`Descope`](Descope#panics).
#[derive(Clone)]
#[must_use]
pub struct SelectTenant {
    descope: Descope,
    settings: Arc<SelectSettings>,
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

    /// Accepts HTML forms too, and sends their browsers on to the pages of `paths`: after a success
    /// to the page that the form's field `return_to` asks for, as far as `paths` allows it; after a
    /// failure to the configured page, whose query then has the code in `select_error`.
    pub fn html_forms(mut self, paths: ReturnPaths) -> Self {
        self.set().forms = Some(paths);
        self
    }

    /// Sets whether the answer has the new session's `claims`. On by default: the browser SDK shows
    /// the page the tenant in them.
    pub fn claims_in_answer(mut self, show: bool) -> Self {
        self.set().fields.claims = show;
        self
    }

    /// Sets whether the answer has Descope's `user` object. On by default.
    pub fn user_in_answer(mut self, show: bool) -> Self {
        self.set().fields.user = show;
        self
    }

    /// Sets whether the answer has the session token, where scripts can read it. Off by default.
    pub fn session_token_in_answer(mut self, show: bool) -> Self {
        self.set().fields.session_token = show;
        self
    }

    /// Sets whether the answer has a new refresh token, where scripts can read it. Off by default:
    /// whoever reads it is the user for weeks.
    pub fn refresh_token_in_answer(mut self, show: bool) -> Self {
        self.set().fields.refresh_token = show;
        self
    }

    /// Sets whether the refresh token is also taken from `Authorization: Bearer <project id>:<refresh token>`,
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

    /// Makes refusals with a closure, in the application's own form.
    ///
    /// The closure is given the [`Refusal`] and the request without its body. Its response gets the
    /// header `x-descope-rejection`, `Cache-Control: no-store`, and the cookies that belong to the
    /// refusal (removals where the session is over); the rest is its own, and
    /// [`Refusal::to_response`] makes the status and the other headers. Its body may be of any type, and
    /// is read whole before it is sent. The redirects of [`html_forms`](Self::html_forms) stay as
    /// they are.
    ///
    /// Descope's SDKs look at the status, and for `errorCode` in the body.
    ///
    /// ```
    /// # #[cfg(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use http::{HeaderValue, Request, Response, header::CONTENT_TYPE, request::Parts};
    /// use http_body_util::{BodyExt, Empty};
    /// use tower::ServiceExt;
    /// use tower_descope::{SelectTenant, select::Refusal, test_util::FakeDescope};
    ///
    /// // RFC 9457.
    /// fn problem(refusal: Refusal, request: &Parts) -> Response<String> {
    ///     let body = format!(
    ///         r#"{{"title":"{}","code":"{}","instance":"{}"}}"#,
    ///         refusal.description(),
    ///         refusal.code(),
    ///         request.uri.path(),
    ///     );
    ///     let mut response = refusal.to_response(body);
    ///     let problem = HeaderValue::from_static("application/problem+json");
    ///     response.headers_mut().insert(CONTENT_TYPE, problem);
    ///     response
    /// }
    ///
    /// let fake = FakeDescope::start().await;
    /// let select = SelectTenant::new(fake.descope()).with_rejection_response(problem);
    /// let request = Request::get("/tenant/select").body(Empty::<bytes::Bytes>::new())?;
    /// let response = select.oneshot(request).await?;
    /// assert_eq!(response.status(), 405);
    /// assert_eq!(response.headers()["allow"], "POST");
    /// let body = response.into_body().collect().await?.to_bytes();
    /// assert_eq!(
    ///     body,
    ///     r#"{"title":"only POST is allowed","code":"method_not_allowed","instance":"/tenant/select"}"#
    /// );
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "test-util", any(feature = "aws-lc-rs", feature = "rust-crypto"))))]
    /// # fn main() {}
    /// ```
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
        self.set().refusals = RefusalResponses::own(response);
        self
    }

    fn set(&mut self) -> &mut SelectSettings {
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
        let call = SelectCall {
            descope: self.descope.clone(),
            settings: Arc::clone(&self.settings),
            request,
        };
        ResponseFuture::new(call.answer(body))
    }
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
