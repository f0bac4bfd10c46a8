//! The cross-site check and the configured origins.

use http::{HeaderName, HeaderValue, Method, header};

use super::host::{Origin, host, is_plainly_own, single};
use crate::{error::Error, head::RequestHead};

pub(super) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
pub(super) const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// How many bytes of a field are logged; the longest host name has 253, honest ones are shorter.
const MAX_LOGGED: usize = 128;

/// The verdict on a request with neither `Origin` nor `Sec-Fetch-Site`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenAbsent {
    /// It passes as one from no browser: where the content type alone keeps forms of other sites
    /// out.
    Allow,
    /// It is refused: it may be from an old browser.
    Refuse,
    /// It is refused, and so is one without `Origin` that a browser marks as nobody's (`none`): only
    /// pages make it.
    RefuseNobodys,
}

/// The configured origins of other front ends that may act here with cookies.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedOrigins(Vec<Box<str>>);

/// Returns `Ok` if the request may act with this site's cookies. The error is the reason, for the
/// log.
pub(crate) fn check(
    head: RequestHead<'_>,
    allowed: &AllowedOrigins,
    when_absent: WhenAbsent,
) -> Result<(), &'static str> {
    let site = single(head.headers, &SEC_FETCH_SITE, "repeated_sec_fetch_site")?;
    let origin = single(head.headers, &header::ORIGIN, "repeated_origin")?;
    let site = site.map(HeaderValue::as_bytes);
    if site == Some(b"same-origin") {
        return Ok(());
    }
    let is_nobodys = matches!(site, None | Some(b"none"));
    if is_nobodys && origin.is_some_and(|origin| is_plainly_own(origin, head)) {
        return Ok(());
    }
    compare(site, origin, head, allowed, when_absent)
}

/// The check of a request that is not marked as one of the same origin, for any of them.
pub(super) fn compare(
    site: Option<&[u8]>,
    origin: Option<&HeaderValue>,
    head: RequestHead<'_>,
    allowed: &AllowedOrigins,
    when_absent: WhenAbsent,
) -> Result<(), &'static str> {
    let null = origin.is_some_and(|origin| origin == "null");
    let origin = match origin {
        Some(field) if !null => Some(Origin::from_field(field).ok_or("malformed_origin")?),
        _ => None,
    };
    if origin.is_some_and(|origin| allowed.contains(&origin)) {
        return Ok(());
    }
    if !matches!(site, None | Some(b"none")) {
        return Err("sec_fetch_site");
    }
    match origin {
        Some(origin) => origin.is_of(&host(head)?.ok_or("no_host")?),
        None if null => Err("null_origin"),
        None if when_absent == WhenAbsent::Allow => Ok(()),
        None if site.is_some() && when_absent == WhenAbsent::Refuse => Ok(()),
        None => Err("no_origin"),
    }
}

/// Returns `true` for a page that opens in the browser's own window: a link or a redirect, from any
/// site. The foreign page cannot read its response.
pub(crate) fn opens_a_page(head: RequestHead<'_>) -> bool {
    navigates_to(head, "document")
}

/// Returns `true` for a request that may be one for a page that opens in the browser's own window: what
/// the browser says of it does not contradict that. Old browsers say nothing.
pub(crate) fn may_open_a_page(head: RequestHead<'_>) -> bool {
    let fits = |name: HeaderName, value: &str| match single(head.headers, &name, "") {
        Ok(said) => said.is_none_or(|said| said == value),
        Err(_) => false,
    };
    fits(SEC_FETCH_MODE, "navigate") && fits(SEC_FETCH_DEST, "document")
}

/// Returns `true` for a page that opens in a frame, likewise.
pub(crate) fn opens_in_a_frame(head: RequestHead<'_>) -> bool {
    navigates_to(head, "iframe")
}

fn navigates_to(head: RequestHead<'_>, dest: &str) -> bool {
    let is = |name, value: &str| {
        single(head.headers, &name, "")
            .ok()
            .flatten()
            .is_some_and(|it| it == value)
    };
    *head.method == Method::GET && is(SEC_FETCH_MODE, "navigate") && is(SEC_FETCH_DEST, dest)
}

/// Returns `true` if a browser marks the request as one from another host of this site.
pub(crate) fn is_same_site(head: RequestHead<'_>) -> bool {
    comes_from(head, "same-site")
}

/// Returns `true` if a browser marks the request as one from another site.
pub(crate) fn is_cross_site(head: RequestHead<'_>) -> bool {
    comes_from(head, "cross-site")
}

fn comes_from(head: RequestHead<'_>, place: &str) -> bool {
    let site = single(head.headers, &SEC_FETCH_SITE, "").ok().flatten();
    site.is_some_and(|site| site == place)
}

/// Returns `true` for a request that a browser marks as its own. Scripts cannot set the field, and
/// other clients do not.
pub(crate) fn has_fetch_metadata(head: RequestHead<'_>) -> bool {
    head.headers.contains_key(SEC_FETCH_SITE)
}

/// Logs a refusal of [`check`], with the remedy for honest front ends.
pub(crate) fn log_refusal(reason: &str, head: RequestHead<'_>) {
    let shown = |name: &HeaderName| head.headers.get(name).and_then(beginning);
    tracing::info!(
        reason,
        origin = shown(&header::ORIGIN).map(tracing::field::debug),
        sec_fetch_site = shown(&SEC_FETCH_SITE).map(tracing::field::debug),
        "cross-site request refused; if its origin is a front end of this service, \
         set origins([...])",
    );
}

/// As much of a value as is logged. Anybody can send sixty kilobytes, and a byte takes four
/// characters in a log.
pub(super) fn beginning(value: &HeaderValue) -> Option<HeaderValue> {
    let most = value.len().min(MAX_LOGGED);
    HeaderValue::from_bytes(value.as_bytes().get(..most)?).ok()
}

impl AllowedOrigins {
    /// Checks and keeps origins, each as browsers write it: `scheme://host[:port]`.
    pub(crate) fn new<I>(origins: I) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        origins
            .into_iter()
            .map(|origin| {
                let origin = origin.into();
                if Origin::parse(&origin).is_some() {
                    return Ok(origin.into_boxed_str());
                }
                Err(Error::config(format!(
                    "{origin:?} is no origin: write it as browsers send it, for example \
                     \"https://app.example.com\" or \"http://localhost:5173\", without path and \
                     trailing slash, without wildcard, and in punycode if it is not ASCII"
                )))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn contains(&self, origin: &Origin<'_>) -> bool {
        self.0
            .iter()
            .filter_map(|allowed| Origin::parse(allowed))
            .any(|allowed| {
                allowed.scheme.eq_ignore_ascii_case(origin.scheme)
                    && allowed.host.same_as(&origin.host, Some(origin.scheme))
            })
    }
}
