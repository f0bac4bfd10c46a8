use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use tower_service::Service;
use url::Url;

use crate::{
    clock::Now,
    descope::Descope,
    endpoint::{ResponseBody, ResponseFuture, mount_prefix},
    error::Error,
    limiter::TokenBucket,
    origin,
};

/// Where Descope serves the pages of flows.
const SOURCE: &str = "https://static.descope.com/pages";

/// How long a page is served before it is asked for again.
const FRESH: Duration = Duration::from_secs(60);

/// How old a page counts as after it could not be fetched again: Descope is left alone for the rest.
const AGE_AFTER_FAILURE: Duration = Duration::from_secs(50);

/// How many pages are fetched at once.
const MAX_FETCHES: usize = 8;

/// How many pages are kept.
const MAX_PAGES: usize = 256;

/// The longest name of a file.
const MAX_FILE: usize = 128;

/// How many pages that are not at hand are asked for at once, and one more after each interval.
const MISSES: u32 = 30;
const MISSES_INTERVAL: Duration = Duration::from_secs(2);

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
/// On a tokio runtime without timers; see [`Descope`](Descope#panics).
#[derive(Clone)]
#[must_use]
pub struct FlowPages {
    shared: Arc<Pages>,
}

struct Pages {
    descope: Descope,
    source: String,
    prefix: String,
    kept: Mutex<Kept>,
}

struct Kept {
    pages: HashMap<String, Page>,
    misses: TokenBucket,
    /// The pages that are being fetched.
    fetched: HashSet<String>,
}

#[derive(Clone)]
struct Page {
    at: Now,
    /// `None`: there is no such page.
    content: Option<Bytes>,
}

/// A page that is being fetched, until this is dropped.
struct Fetching<'p> {
    pages: &'p Pages,
    file: &'p str,
}

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        self.pages.kept().fetched.remove(self.file);
    }
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
                kept: Mutex::new(Kept {
                    pages: HashMap::new(),
                    misses: TokenBucket::new(MISSES, MISSES_INTERVAL),
                    fetched: HashSet::new(),
                }),
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

    async fn page(&self, file: &str) -> Result<Option<Bytes>, StatusCode> {
        let now = self.descope.now();
        let old = {
            let mut kept = self.kept();
            let old = kept.pages.get(file).cloned();
            match old {
                Some(page) if now.since(&page.at) < FRESH => return Ok(page.content),
                // Somebody fetches it already: meanwhile the old one serves.
                Some(page) if kept.fetched.contains(file) => return Ok(page.content),
                Some(_) => {}
                None if kept.fetched.len() >= MAX_FETCHES => {
                    return Err(StatusCode::TOO_MANY_REQUESTS);
                }
                None if kept.misses.try_take(&now) => {}
                None => return Err(StatusCode::TOO_MANY_REQUESTS),
            }
            kept.fetched.insert(file.to_owned());
            old
        };
        let _fetching = Fetching { pages: self, file };
        let url = format!(
            "{}/{}/v2-beta/{file}",
            self.source,
            self.descope.project_id()
        );
        let (content, at) = match self.descope.client().flow_page(&url).await {
            Ok(content) => (content.map(Bytes::from), now),
            Err(error) => {
                tracing::warn!(file, %error, "a page of a flow cannot be fetched");
                let Some(old) = old else {
                    return Err(StatusCode::BAD_GATEWAY);
                };
                // It is asked for again a little later.
                (
                    old.content,
                    old.at
                        .later(now.since(&old.at).saturating_sub(AGE_AFTER_FAILURE)),
                )
            }
        };
        let mut kept = self.kept();
        if kept.pages.len() >= MAX_PAGES && !kept.pages.contains_key(file) {
            let oldest = kept.pages.iter().min_by_key(|(_, page)| page.at.mono);
            if let Some(oldest) = oldest.map(|(file, _)| file.clone()) {
                kept.pages.remove(&oldest);
            }
        }
        let page = Page {
            at,
            content: content.clone(),
        };
        kept.pages.insert(file.to_owned(), page);
        Ok(content)
    }

    async fn answer(&self, method: Method, path: String) -> Response<ResponseBody> {
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
                if method == Method::GET {
                    *response.body_mut() = ResponseBody::new(content);
                }
                let headers = response.headers_mut();
                if let Some(ty) = media_type(file) {
                    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(ty));
                }
                headers.insert(
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("public, max-age=60"),
                );
                response
            }
            Ok(None) => status(StatusCode::NOT_FOUND),
            Err(code) => status(code),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
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
