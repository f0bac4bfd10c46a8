use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderName, HeaderValue, Response, header};
use pin_project_lite::pin_project;

pin_project! {
    /// Response future of [`RequireService`](super::RequireService) and of
    /// [`UrlTenantService`](crate::url_tenant::UrlTenantService).
    pub struct ResponseFuture<F, ResBody> {
        #[pin]
        state: State<F, ResBody>,
        // A field that the verdict depended on, beside those that the layer names.
        vary: Option<HeaderName>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, ResBody> {
        Inner { #[pin] future: F },
        Refused { response: Option<Response<ResBody>> },
    }
}

impl<F, ResBody> ResponseFuture<F, ResBody> {
    pub(crate) fn inner(future: F) -> Self {
        Self {
            state: State::Inner { future },
            vary: None,
        }
    }

    pub(crate) fn refused(response: Response<ResBody>) -> Self {
        Self {
            state: State::Refused {
                response: Some(response),
            },
            vary: None,
        }
    }

    /// The same, with a field in `Vary`.
    pub(crate) fn varying(self, by: Option<HeaderName>) -> Self {
        Self { vary: by, ..self }
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F, ResBody>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.state.project() {
            StateProj::Inner { future } => ready!(future.poll(cx))?,
            StateProj::Refused { response } =>
            {
                #[expect(clippy::expect_used, reason = "polling a completed future is a bug")]
                response
                    .take()
                    .expect("ResponseFuture polled after completion")
            }
        };
        if let Some(name) = this.vary.take() {
            let headers = response.headers_mut();
            headers.append(header::VARY, HeaderValue::from(name));
        }
        Poll::Ready(Ok(response))
    }
}

impl<F, ResBody> fmt::Debug for ResponseFuture<F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
