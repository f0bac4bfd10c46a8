use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::session_watch::{SessionEnd, SessionWatch};

/// gRPC's status of a call whose credential is not good any more: `UNAUTHENTICATED`.
const GRPC_STATUS: HeaderValue = HeaderValue::from_static("16");

/// An error as bodies carry it.
type BoxError = Box<dyn StdError + Send + Sync>;

pin_project! {
    /// A response body that ends with the session of its request, however much is left of it.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use tower_descope::{Descope, watch::UntilEnded};
    ///
    /// # fn respond(descope: Descope, request: Request<()>) {
    /// let (parts, ()) = request.into_parts();
    /// let download = Full::new(bytes::Bytes::from_static(b"a very long report"));
    /// let body = UntilEnded::new(download, descope.watch(&parts));
    /// let response = Response::new(body);
    /// # }
    /// ```
    #[must_use = "a body does nothing until it is sent"]
    pub struct UntilEnded<B> {
        #[pin]
        body: B,
        ended: Option<Pin<Box<dyn Future<Output = SessionEnd> + Send>>>,
        manner: Manner,
    }
}

/// How a body ends before its time.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Abort,
    Close,
    GrpcStatus,
}

impl<B> UntilEnded<B> {
    /// Breaks the response off where the session is over: its client sees an error, and takes no part
    /// for the whole. For downloads.
    pub fn new(body: B, watch: SessionWatch) -> Self {
        let mut watch = watch;
        Self {
            body,
            ended: Some(Box::pin(async move { watch.ended().await })),
            manner: Manner::Abort,
        }
    }

    /// Ends the response as if it were complete. For server-sent events, whose client connects again by
    /// itself, and is judged then.
    pub fn closing(mut self) -> Self {
        self.manner = Manner::Close;
        self
    }

    /// Ends the response with gRPC's status 16, `UNAUTHENTICATED`. For streams of tonic.
    pub fn with_grpc_status(mut self) -> Self {
        self.manner = Manner::GrpcStatus;
        self
    }
}

impl<B> Body for UntilEnded<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let this = self.project();
        let Some(ended) = this.ended else {
            return Poll::Ready(None);
        };
        // First, so that a body that always has something to send ends, too.
        if let Poll::Ready(end) = ended.as_mut().poll(cx) {
            *this.ended = None;
            return Poll::Ready(match this.manner {
                Manner::Abort => Some(Err(Box::new(SessionOver(end)))),
                Manner::Close => None,
                Manner::GrpcStatus => {
                    let mut trailers = HeaderMap::new();
                    trailers.insert("grpc-status", GRPC_STATUS);
                    Some(Ok(Frame::trailers(trailers)))
                }
            });
        }
        this.body
            .poll_frame(cx)
            .map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let whole = self.body.size_hint();
        match self.manner {
            // A client takes no part for the whole that is shorter than was said.
            Manner::Abort => whole,
            // It may end before, and be complete: a length would be a promise.
            Manner::Close | Manner::GrpcStatus => {
                let upper = if self.ended.is_some() {
                    whole.upper()
                } else {
                    Some(0)
                };
                let mut hint = SizeHint::new();
                if let Some(upper) = upper {
                    hint.set_upper(upper);
                }
                hint
            }
        }
    }
}

impl<B: fmt::Debug> fmt::Debug for UntilEnded<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilEnded")
            .field("body", &self.body)
            .field("manner", &self.manner)
            .finish_non_exhaustive()
    }
}

/// The error of a body that was broken off.
#[derive(Debug)]
struct SessionOver(SessionEnd);

impl fmt::Display for SessionOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session of the request is over ({:?}), and its response with it",
            self.0
        )
    }
}

impl StdError for SessionOver {}
