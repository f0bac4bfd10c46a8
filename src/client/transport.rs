//! The one HTTP client: how it is made, which hosts it may call, how much it reads.
//!
//! Nothing in the environment decides where a token is sent: no proxy from the environment unless asked
//! for, no redirect, no retry, no decompression, no HTTP/2, whatever features of reqwest other
//! crates in the graph switch on.

use std::{
    error::Error as StdError,
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use reqwest::{
    Client, Response, Url,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue},
    redirect, retry,
};

use crate::{error::Error, origin};

/// Sent with every call.
const USER_AGENT: &str = concat!("tower-descope/", env!("CARGO_PKG_VERSION"));

/// The one coding that answers are read in: none.
const IDENTITY: &str = "identity";

/// The longest name of a coding that is repeated in a message.
const MAX_CODING: usize = 16;

/// The longest project id; Descope's have 28 or 32 characters.
const MAX_PROJECT_ID: usize = 64;

/// From this length on a project id names its region, as in Descope's Go and Python SDKs.
const REGIONAL_PROJECT_ID: usize = 32;

/// The settings of the HTTP client. No `Debug`: a proxy's URL may hold a password.
#[derive(Clone, Default)]
pub(crate) struct HttpSettings {
    /// True to use the environment's proxy settings; never for loopback.
    pub(crate) system_proxy: bool,
    /// A proxy for all calls; never for loopback.
    pub(crate) proxy: Option<String>,
    /// The roots to trust besides the system's, each a PEM text.
    pub(crate) root_certificates: Vec<Vec<u8>>,
    /// True to permit plain http beyond loopback.
    pub(crate) danger_plain_http: bool,
}

/// How a client opens and keeps its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connections {
    /// The time that one may take to be opened, TLS included: all the time that a call has, so that
    /// whoever gives the call more gives it to the connection. Of several addresses of one name each
    /// gets its share of it, so that one that drops packets leaves time for the next.
    pub(crate) timeout: Duration,
    /// How many are kept open between calls. They are driven by the runtime that opened them: where
    /// that stands still, a call of another runtime waits on them in vain.
    pub(crate) kept: usize,
    /// How long one is kept without a call, in real time.
    pub(crate) idle_timeout: Duration,
}

/// Makes the client for calls below `base`, which [`parse_base_url`] has checked.
///
/// It has no total timeout; each call sets its own.
///
/// All calls say `Accept-Encoding: identity`. A request without that field accepts every coding, and
/// something on the way might take it at its word.
///
/// A POST is sent once. [`retry::never`] switches off reqwest's repetition of HTTP/2 requests that
/// a server declined. One repetition cannot be switched off: hyper-util's second try when a pooled
/// connection turns out to be closed *before* the first byte of a request was handed to it; such
/// a request comes back whole, so the server has never seen it.
///
/// HTTP/1.1 only: a dead HTTP/2 connection would be chosen for every further call until the
/// kernel gives up on it, while an HTTP/1.1 connection ends with the call that timed out on it.
pub(crate) fn build(
    settings: &HttpSettings,
    base: &Url,
    connections: Connections,
) -> Result<Client, Error> {
    let https = base.scheme() == "https";
    let loopback = is_loopback(base);
    if !https && !loopback {
        tracing::warn!(
            url = %base,
            "plain http beyond loopback: tokens cross the network in the clear, and who controls \
             the network controls the keys"
        );
    }
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(HeaderMap::from_iter([(
            ACCEPT_ENCODING,
            HeaderValue::from_static(IDENTITY),
        )]))
        .connect_timeout(connections.timeout)
        .pool_max_idle_per_host(connections.kept)
        .pool_idle_timeout(connections.idle_timeout)
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        .http1_only()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .https_only(https);
    if settings.system_proxy {
        check_environment_proxies()?;
    }
    if loopback || !settings.system_proxy {
        builder = builder.no_proxy();
    }
    // Many resolvers do not know the names below `localhost`, and one that answers with another
    // machine must not get tokens. The port is the URL's.
    if let Some(name) = base.domain().filter(|_| loopback) {
        let this_machine = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        builder = builder.resolve_to_addrs(name, &this_machine.map(|ip| SocketAddr::new(ip, 0)));
    }
    if let Some(url) = &settings.proxy {
        // Checked for loopback too: a mistyped proxy must not wait for production to show.
        let proxy = parse_proxy(url)?;
        if !loopback {
            builder = builder.proxy(proxy);
        }
    }
    let direct = loopback || (settings.proxy.is_none() && !settings.system_proxy);
    // Without TLS in play no CA files are read: they may be missing, as in slim images.
    tls(builder, settings, https || !direct)?
        .build()
        .map_err(|error| {
            Error::config(
                "the HTTP client cannot be made: install the system's CA certificates (package \
                 ca-certificates), and check root_certificate and proxy",
            )
            .with_source(error)
        })
}

/// Checks a proxy. reqwest takes whatever is a URL, and a call by a proxy that is none fails like one
/// to a host that is down. The URL may hold a password, so no message shows it.
fn parse_proxy(url: &str) -> Result<reqwest::Proxy, Error> {
    let wrong = || {
        Error::config(
            "proxy is not a URL such as http://proxy.internal:3128: give its scheme, \
             http or https, and its host",
        )
    };
    let parsed = Url::parse(url.trim()).map_err(|error| wrong().with_source(error))?;
    let is_proxy = (matches!(parsed.scheme(), "http" | "https")
        || parsed.scheme().starts_with("socks"))
        && parsed.host_str().is_some_and(|host| !host.is_empty())
        && matches!(parsed.path(), "" | "/")
        && parsed.query().is_none();
    if !is_proxy {
        return Err(wrong());
    }
    reqwest::Proxy::all(parsed).map_err(|error| wrong().with_source(error.without_url()))
}

/// Checks the proxies that the environment names. reqwest ignores those that it cannot read, and
/// calls would go out without one.
fn check_environment_proxies() -> Result<(), Error> {
    for name in [
        "https_proxy",
        "HTTPS_PROXY",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ] {
        // An empty one counts as not set.
        if let Ok(value) = std::env::var(name)
            && !value.trim().is_empty()
        {
            let with_scheme = if value.contains("://") {
                value
            } else {
                format!("http://{value}")
            };
            parse_proxy(&with_scheme).map_err(|error| error.in_variable(Some(name)))?;
        }
    }
    Ok(())
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn tls(
    builder: reqwest::ClientBuilder,
    settings: &HttpSettings,
    needed: bool,
) -> Result<reqwest::ClientBuilder, Error> {
    #[cfg(feature = "rustls")]
    let builder = builder.tls_backend_rustls();
    #[cfg(not(feature = "rustls"))]
    let builder = builder.tls_backend_native();

    let mut certificates = Vec::new();
    for pem in &settings.root_certificates {
        let wrong = || {
            Error::config(
                "root_certificate is not a certificate in PEM: pass the text that begins with \
                 -----BEGIN CERTIFICATE-----; DER has to be converted first",
            )
        };
        let bundle = reqwest::Certificate::from_pem_bundle(pem)
            .map_err(|error| wrong().with_source(error))?;
        if bundle.is_empty() {
            return Err(wrong());
        }
        certificates.extend(bundle);
    }
    Ok(if needed {
        builder.tls_certs_merge(certificates)
    } else {
        builder.tls_certs_only([])
    })
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn tls(
    builder: reqwest::ClientBuilder,
    _settings: &HttpSettings,
    needed: bool,
) -> Result<reqwest::ClientBuilder, Error> {
    if needed {
        return Err(Error::config(
            "no TLS for an https base URL or a proxy: enable the feature `rustls` or `native-tls` of \
             tower-descope",
        ));
    }
    Ok(builder)
}

/// The reasons why a body could not be read.
#[derive(Debug)]
pub(crate) enum BodyFault {
    /// It is, or declares itself, larger than the limit.
    TooLarge,
    /// It comes in a `Content-Encoding` that nobody asked for.
    Encoded(UnwantedCoding),
    /// The connection broke, or the call's deadline passed.
    Broken(reqwest::Error),
}

/// The coding of an answer that cannot be read for it, named as far as it is a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnwantedCoding(String);

impl UnwantedCoding {
    /// The first coding of a response that is none of none.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let fields = headers.get_all(CONTENT_ENCODING).iter();
        let mut codings = fields.flat_map(|field| field.as_bytes().split(|&byte| byte == b','));
        let coding = codings.find_map(|coding| {
            let coding = coding.trim_ascii();
            let is_one = !coding.is_empty() && !coding.eq_ignore_ascii_case(IDENTITY.as_bytes());
            is_one.then_some(coding)
        })?;
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let name = match std::str::from_utf8(coding) {
            Ok(name) if name.len() <= MAX_CODING && coding.iter().all(legal) => name,
            _ => "of an odd name",
        };
        Some(Self(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for UnwantedCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the answer has the content encoding {} although none was asked for: switch compression \
             off in what stands between",
            self.0
        )
    }
}

impl StdError for UnwantedCoding {}

/// Reads a body of at most `limit` bytes; of a longer one no more than that is kept. One that is
/// encoded is not read.
pub(crate) async fn read_limited(
    mut response: Response,
    limit: usize,
) -> Result<Vec<u8>, BodyFault> {
    if let Some(coding) = UnwantedCoding::of(response.headers()) {
        return Err(BodyFault::Encoded(coding));
    }
    let declared = response.content_length().unwrap_or_default();
    let declared = usize::try_from(declared).unwrap_or(usize::MAX);
    if declared > limit {
        return Err(BodyFault::TooLarge);
    }
    let mut body = Vec::with_capacity(declared);
    while let Some(chunk) = response.chunk().await.map_err(BodyFault::Broken)? {
        if chunk.len() > limit - body.len() {
            return Err(BodyFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Checks a base URL. The result's path ends in one slash, so that [`Url::join`] with a relative
/// path keeps the prefix.
pub(crate) fn parse_base_url(text: &str, danger_plain_http: bool) -> Result<Url, Error> {
    let text = text.trim();
    // The URL parser would silently drop tabs and line ends from the middle.
    if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
        return Err(Error::config("base_url has white space in it: remove it"));
    }
    let mut url = Url::parse(text).map_err(|error| {
        Error::config("base_url is not a URL such as https://api.descope.com").with_source(error)
    })?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err(Error::config(
            "base_url must start with https:// and a host",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config(
            "base_url has a user or password in it: remove them",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::config(
            "base_url has a query or fragment: end it with its path",
        ));
    }
    if url.scheme() == "http" && !is_loopback(&url) && !danger_plain_http {
        return Err(Error::config(
            "base_url must be https: http is for loopback (localhost, names that end in .localhost, \
             127.0.0.1, [::1]); for a test bed on another host call danger_plain_http_base_url(true)",
        ));
    }
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(origin::is_loopback)
}

/// Checks a project id: it becomes part of URLs and headers.
pub(crate) fn check_project_id(id: &str) -> Result<(), Error> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if id.is_empty() {
        Err(Error::config(
            "the project id is empty: set it to the id shown in the Descope console (P…)",
        ))
    } else if id.len() > MAX_PROJECT_ID || !id.bytes().all(legal) {
        Err(Error::config(
            "the project id is not 1 to 64 characters of A-Z, a-z, 0-9, _ and -: copy it from the \
             Descope console (P…)",
        ))
    } else {
        Ok(())
    }
}

/// Returns the region that a project id names, if it names one.
pub(crate) fn project_region(project_id: &str) -> Option<&str> {
    let is_regional = project_id.len() >= REGIONAL_PROJECT_ID;
    project_id.get(1..5).filter(|_| is_regional)
}

/// Returns Descope's base URL for a region.
pub(crate) fn region_base_url(region: Option<&str>) -> String {
    match region {
        Some(region) => format!("https://api.{region}.descope.com"),
        None => "https://api.descope.com".to_owned(),
    }
}

/// Checks the name of a region, which becomes part of a host.
///
/// # Errors
///
/// If it is not 2 to 16 characters of `a`-`z` and `0`-`9`.
pub(crate) fn check_region(region: &str) -> Result<(), Error> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if (2..=16).contains(&region.len()) && region.bytes().all(legal) {
        return Ok(());
    }
    Err(Error::config(
        "region must be the short name of a region of descope's, such as `use1` or `euc1`: small \
         letters and digits; set base_url for a domain of your own",
    ))
}

#[cfg(test)]
mod tests;
