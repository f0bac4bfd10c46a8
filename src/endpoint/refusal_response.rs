//! The responses of refusals: this crate's, or of a form of the application's own.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use http::{HeaderValue, Response, header, request::Parts};
use http_body::Body;
use http_body_util::BodyExt;

use super::{body::ResponseBody, refusal::Refusal};
use crate::rejection::{REJECTION_HEADER, RejectionResponse};

/// Makes the response of each refusal of a service.
#[derive(Clone, Default)]
pub(crate) struct RefusalResponses {
    own: Option<Arc<OwnResponse>>,
}

type OwnResponse = dyn Fn(Refusal, &Parts) -> PendingResponse + Send + Sync;

type PendingResponse = Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>;

impl RefusalResponses {
    /// Responses that the application makes.
    pub(crate) fn own<N, B>(responses: N) -> Self
    where
        N: RejectionResponse<B, Refusal> + Send + Sync + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
    {
        let own = move |refusal, request: &Parts| -> PendingResponse {
            let response = responses.clone().rejection_response(refusal, request);
            Box::pin(in_memory(response))
        };
        Self {
            own: Some(Arc::new(own)),
        }
    }

    pub(crate) async fn response(
        &self,
        refusal: Refusal,
        request: &Parts,
    ) -> Response<ResponseBody> {
        let code = HeaderValue::from_static(refusal.code());
        let mut response = match &self.own {
            Some(own) => own(refusal, request).await,
            None => refusal.into_response(),
        };
        response.headers_mut().insert(REJECTION_HEADER, code);
        response
    }
}

/// Reads the body of a response. One that fails must not take the status and the session's cookies
/// with it, so that it is left out.
async fn in_memory<B: Body>(response: Response<B>) -> Response<ResponseBody> {
    let (mut parts, body) = response.into_parts();
    let body = if let Ok(body) = body.collect().await {
        ResponseBody::new(body.to_bytes())
    } else {
        tracing::error!("the body of a refusal, made by the application, cannot be read");
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        ResponseBody::default()
    };
    Response::from_parts(parts, body)
}

impl fmt::Debug for RefusalResponses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusalResponses")
            .field("own", &self.own.is_some())
            .finish()
    }
}
