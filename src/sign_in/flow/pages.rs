use std::{
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use tokio::runtime::Handle;
use tower_service::Service;
use tracing::Instrument;
use url::Url;

use self::kept::{BegunFetch, Content, KeptPages, PageRefusal, PageStep};
use crate::{
    descope::Descope,
    endpoint::{ResponseBody, ResponseFuture, mount_prefix},
    error::Error,
    origin,
    rejection::retry_after_header,
};

mod kept;

/// Where Descope serves the pages of flows.
const SOURCE: &str = "https://static.descope.com/pages";

/// The longest name of a file.
const MAX_FILE: usize = 128;

/// Opened as a page of this site, a screen runs no script and loads nothing.
const POLICY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "sandbox; default-src 'none'",
);

/// Serves the screens and the theme of this project's flows from this service's origin
/// (`GET /{project id}/v2-beta/{file}`), for pages that ask no other host for them. Mount it at `/pages`.
///
/// It is optional: with `base-static-url="https://static.descope.com/pages"` the component asks Descope for
/// them, and without either it logs a 404 for each page before it does. They are fetched from there, kept
/// for a minute, and served from what is kept while Descope cannot be reached. Nothing of a visitor's
/// request is sent on. The bundle of the component's elements is another matter: `base-cdn-url` at a copy
/// of one's own.
///
/// Whoever asks for a file that is being fetched waits for that fetch, which goes on where they hang up.
/// Eight files are fetched at once, and thirty a minute that are not at hand; whoever asks for another one
/// is answered 429, with `Retry-After`. A file that cannot be fetched, and is not kept, is a 502.
///
/// Opened as a page, a screen runs no script in this origin (`sandbox`); within the component it is
/// trusted as Descope's code is.
///
/// ```
/// use axum::Router;
/// use tower_descope::{Descope, sign_in::flow::FlowPages};
///
/// fn app(descope: Descope) -> Router {
///     Router::new().nest_service("/pages", FlowPages::new(descope))
/// }
/// ```
///
/// # Panics
///
/// On a tokio runtime without timers, in the task that fetches, and the request is a 502; see
/// [`Descope`](Descope#panics).
#[derive(Clone)]
#[must_use]
pub struct FlowPages {
    shared: Arc<Pages>,
}

struct Pages {
    descope: Descope,
    source: String,
    prefix: String,
    kept: Mutex<KeptPages>,
}

impl FlowPages {
    /// Serves the pages of this project, from Descope's own host.
    pub fn new(descope: Descope) -> Self {
        Self::of(descope, SOURCE.to_owned(), String::new())
    }

    /// Fetches the pages from another URL, for a region or a test.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) for a URL that is not https, or http on
    /// loopback.
    pub fn source(self, url: impl AsRef<str>) -> Result<Self, Error> {
        let text = url.as_ref().trim_end_matches('/');
        let refuse = || {
            let why = format!(
                "the source {text:?} of flow pages is malformed: give an https URL, such as {SOURCE:?}"
            );
            Error::config(why)
        };
        let parsed = Url::parse(text).map_err(|_| refuse())?;
        if !origin::is_secure(&parsed) {
            return Err(refuse());
        }
        let Pages {
            descope, prefix, ..
        } = &*self.shared;
        Ok(Self::of(descope.clone(), text.to_owned(), prefix.clone()))
    }

    /// Serves paths below `prefix`, for example `/pages`; slashes at its ends may be left out. Only where
    /// nobody has taken the prefix off before: axum's `nest_service` does, hyper does not.
    pub fn at(self, prefix: impl AsRef<str>) -> Self {
        let Pages {
            descope, source, ..
        } = &*self.shared;
        let prefix = mount_prefix(prefix.as_ref());
        Self::of(descope.clone(), source.clone(), prefix)
    }

    fn of(descope: Descope, source: String, prefix: String) -> Self {
        Self {
            shared: Arc::new(Pages {
                descope,
                source,
                prefix,
                kept: Mutex::new(KeptPages::new()),
            }),
        }
    }
}

impl Pages {
    /// The file of a path: one of this project's, by a name without anything odd.
    fn file<'p>(&self, path: &'p str) -> Option<&'p str> {
        let path = path.strip_prefix(&*self.prefix)?.strip_prefix('/')?;
        let file = path
            .strip_prefix(self.descope.project_id())?
            .strip_prefix("/v2-beta/")?;
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let fits = (1..=MAX_FILE).contains(&file.len()) && file.bytes().all(is_legal);
        (fits && !file.contains("..") && media_type(file).is_some()).then_some(file)
    }

    async fn page(self: &Arc<Self>, file: &str) -> Result<Content, PageRefusal> {
        let now = self.descope.now();
        let step = self.kept().request(file, &now)?;
        let mut fetch = match step {
            PageStep::Serve(content) => return Ok(content),
            PageStep::Join(fetch) => fetch,
            PageStep::Fetch(begun, fetch) => {
                self.spawn(begun);
                fetch
            }
        };
        let ended = fetch.wait_for(Option::is_some).await;
        let ended = ended.ok().and_then(|ended| ended.clone());
        // None: the task has panicked, or has ended with its runtime.
        ended.unwrap_or(Err(PageRefusal::Unavailable))
    }

    /// Runs a fetch on a task of its own: others wait for it where whoever began it hangs up.
    fn spawn(self: &Arc<Self>, begun: BegunFetch) {
        // Without a runtime the fetch is dropped, and so over.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let pages = Arc::clone(self);
        let fetch = async move {
            let file = begun.file();
            let fetched = pages.fetch(file).await;
            if let Err(error) = &fetched {
                tracing::warn!(file, %error, "a page of a flow cannot be fetched");
            }
            let end = pages.kept().end(&begun, fetched);
            begun.tell(end);
        };
        runtime.spawn(fetch.in_current_span());
    }

    async fn fetch(&self, file: &str) -> Result<Content, Error> {
        let project = self.descope.project_id();
        let url = format!("{}/{project}/v2-beta/{file}", self.source);
        let content = self.descope.client().flow_page(&url).await?;
        Ok(content.map(Bytes::from))
    }

    async fn answer(self: &Arc<Self>, method: Method, path: String) -> Response<ResponseBody> {
        let Some(file) = self.file(&path) else {
            return status(StatusCode::NOT_FOUND);
        };
        if method != Method::GET && method != Method::HEAD {
            let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allow);
            return response;
        }
        match self.page(file).await {
            Ok(Some(content)) => {
                let mut response = status(StatusCode::OK);
                let headers = response.headers_mut();
                if let Some(ty) = media_type(file) {
                    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(ty));
                }
                headers.insert(
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("public, max-age=60"),
                );
                if method == Method::HEAD {
                    // Said here: axum takes the length from the body, and hyper sends a body that is there
                    // over HTTP/2, to a HEAD too.
                    let length = HeaderValue::from(content.len());
                    headers.insert(header::CONTENT_LENGTH, length);
                } else {
                    *response.body_mut() = ResponseBody::new(content);
                }
                response
            }
            Ok(None) => status(StatusCode::NOT_FOUND),
            Err(PageRefusal::RateLimited(after)) => {
                let mut response = status(StatusCode::TOO_MANY_REQUESTS);
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, retry_after_header(after));
                response
            }
            Err(PageRefusal::Unavailable) => status(StatusCode::BAD_GATEWAY),
        }
    }

    fn kept(&self) -> MutexGuard<'_, KeptPages> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Service<Request<B>> for FlowPages
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
        let shared = Arc::clone(&self.shared);
        let (head, _) = request.into_parts();
        let path = head.uri.path().to_owned();
        ResponseFuture::new(async move { shared.answer(head.method, path).await })
    }
}

impl fmt::Debug for FlowPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowPages")
            .field("source", &self.shared.source)
            .finish_non_exhaustive()
    }
}

fn media_type(file: &str) -> Option<&'static str> {
    match file.rsplit_once('.')?.1 {
        "json" => Some("application/json"),
        "html" => Some("text/html; charset=utf-8"),
        _ => None,
    }
}

fn status(code: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(POLICY.0, HeaderValue::from_static(POLICY.1));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if code != StatusCode::OK {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
