//! The effective request: the one that the proxy has received and asks about.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header, uri::PathAndQuery,
};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::fields::PROXY_SECRET;
use crate::origin;

/// The longest method that is read, in bytes; registered ones have 17 at most.
const MAX_METHOD: usize = 32;

/// The longest host: a name of 253 bytes, and a port.
const MAX_HOST: usize = 253 + 6;

/// The longest target, in bytes.
const MAX_TARGET: usize = 16 * 1024;

/// The characters that are escaped in a target: those that browsers escape and other clients may send.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The fields in which proxies say what they were asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forwarded {
    Method,
    Proto,
    Host,
    Uri,
}

/// Why there is no effective request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForwardedFault {
    Missing(Forwarded),
    Repeated(Forwarded),
    Malformed(Forwarded),
}

/// How the client speaks to the proxy, among the extensions of an effective request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Forwarded {
    const ALL: [Self; 4] = [Self::Method, Self::Proto, Self::Host, Self::Uri];

    pub(super) const fn name(self) -> HeaderName {
        match self {
            Self::Method => HeaderName::from_static("x-forwarded-method"),
            Self::Proto => HeaderName::from_static("x-forwarded-proto"),
            Self::Host => HeaderName::from_static("x-forwarded-host"),
            Self::Uri => HeaderName::from_static("x-forwarded-uri"),
        }
    }

    /// The directive that makes nginx send it. Caddy's and Traefik's forward-auth send all four.
    pub(super) const fn directive(self) -> &'static str {
        match self {
            Self::Method => "proxy_set_header X-Forwarded-Method $request_method;",
            Self::Proto => "proxy_set_header X-Forwarded-Proto $scheme;",
            Self::Host => "proxy_set_header X-Forwarded-Host $http_host;",
            Self::Uri => "proxy_set_header X-Forwarded-Uri $request_uri;",
        }
    }

    /// Reads the field's only value.
    fn read<T>(
        self,
        headers: &HeaderMap,
        parse: impl FnOnce(&HeaderValue) -> Option<T>,
    ) -> Result<T, ForwardedFault> {
        let mut values = headers.get_all(self.name()).iter();
        let value = values.next().ok_or(ForwardedFault::Missing(self))?;
        if values.next().is_some() {
            return Err(ForwardedFault::Repeated(self));
        }
        parse(value).ok_or(ForwardedFault::Malformed(self))
    }
}

impl Scheme {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Makes the effective request of the fields that came. The path and the `Host` that the request for it
/// was sent to are the proxy's own business, and what is in its other fields is the client's.
///
/// # Errors
///
/// Which field is missing, came more than once, or says nothing that a client can ask a proxy for. The
/// fields without which nothing can be judged are named first.
pub(super) fn effective(mut headers: HeaderMap) -> Result<Request<()>, ForwardedFault> {
    let method = Forwarded::Method.read(&headers, method)?;
    let host = Forwarded::Host.read(&headers, host)?;
    let scheme = Forwarded::Proto.read(&headers, scheme)?;
    let uri = Forwarded::Uri.read(&headers, target)?;
    for field in Forwarded::ALL {
        headers.remove(field.name());
    }
    headers.remove(PROXY_SECRET);
    headers.insert(header::HOST, host);
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    // Whatever the proxy speaks: a refusal in gRPC's form is a 200, which would let the request through.
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    request.extensions_mut().insert(scheme);
    Ok(request)
}

fn method(value: &HeaderValue) -> Option<Method> {
    if value.len() > MAX_METHOD {
        return None;
    }
    Method::from_bytes(value.as_bytes()).ok()
}

fn host(value: &HeaderValue) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    let is_host = text.len() <= MAX_HOST && origin::is_host(text);
    is_host.then(|| value.clone())
}

/// Traefik names the schemes of web sockets.
fn scheme(value: &HeaderValue) -> Option<Scheme> {
    let is = |name: &str| value.as_bytes().eq_ignore_ascii_case(name.as_bytes());
    if is("https") || is("wss") {
        Some(Scheme::Https)
    } else if is("http") || is("ws") {
        Some(Scheme::Http)
    } else {
        None
    }
}

/// A path with a query. No path decides anything here; it goes into the return URL alone.
fn target(value: &HeaderValue) -> Option<Uri> {
    let bytes = value.as_bytes();
    let is_sane = |byte: &u8| !matches!(byte, 0..=b' ' | 0x7f);
    if bytes.len() > MAX_TARGET || bytes.first() != Some(&b'/') || !bytes.iter().all(is_sane) {
        return None;
    }
    let escaped = percent_encode(bytes, ESCAPED).to_string();
    let path = PathAndQuery::try_from(escaped).ok()?;
    Some(Uri::from(path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The fields of a good request, but for those that are given.
    fn fields(changed: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "app.example.test"),
            ("x-forwarded-uri", "/page?a=b"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, _) in changed {
            headers.remove(*name);
        }
        for (name, value) in changed {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn the_request_is_what_the_fields_say_and_nothing_of_the_one_that_brought_them() {
        let mut headers = fields(&[("x-forwarded-method", b"DELETE")]);
        for (name, value) in [
            ("host", "127.0.0.1:4180"),
            ("x-auth-proxy", "secret"),
            ("forwarded", "host=evil.test"),
            ("origin", "https://app.example.test"),
            ("sec-websocket-key", "x"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let request = effective(headers).unwrap();
        assert_eq!(request.method(), Method::DELETE);
        assert_eq!(request.uri(), "/page?a=b");
        assert_eq!(request.version(), Version::HTTP_11);
        assert_eq!(request.headers()["host"], "app.example.test");
        assert_eq!(request.headers()["origin"], "https://app.example.test");
        assert_eq!(request.headers()["sec-websocket-key"], "x");
        assert_eq!(request.extensions().get::<Scheme>(), Some(&Scheme::Https));
        let names = Forwarded::ALL.map(Forwarded::name);
        for gone in names.iter().chain([&PROXY_SECRET]) {
            assert!(!request.headers().contains_key(gone), "{gone}");
        }
    }

    #[test]
    fn each_field_has_to_be_there_once() {
        for field in Forwarded::ALL {
            let mut headers = fields(&[]);
            headers.remove(field.name());
            let fault = effective(headers.clone()).unwrap_err();
            assert_eq!(fault, ForwardedFault::Missing(field));
            let value = fields(&[])[field.name()].clone();
            headers.append(field.name(), value.clone());
            effective(headers.clone()).unwrap();
            headers.append(field.name(), value);
            let fault = effective(headers).unwrap_err();
            assert_eq!(fault, ForwardedFault::Repeated(field), "even of one value");
            let name = field.name();
            let (_, end) = name.as_str().split_at("x-forwarded-".len());
            let directive = field.directive().to_ascii_lowercase();
            assert!(directive.contains(&format!("x-forwarded-{end} $")));
        }
    }

    #[test]
    fn odd_values_that_clients_do_send_are_read() {
        for (name, value) in [
            ("x-forwarded-method", &b"PROPFIND"[..]),
            ("x-forwarded-method", b"get"),
            ("x-forwarded-proto", b"HTTP"),
            ("x-forwarded-proto", b"wss"),
            ("x-forwarded-host", b"localhost:3000"),
            ("x-forwarded-host", b"[::1]:8443"),
            ("x-forwarded-host", b"10.0.0.7"),
            ("x-forwarded-uri", b"/"),
            ("x-forwarded-uri", b"//twice//"),
            ("x-forwarded-uri", b"/?"),
            ("x-forwarded-uri", b"/../x/%2e%2e"),
        ] {
            effective(fields(&[(name, value)])).unwrap();
        }
        let request = effective(fields(&[(
            "x-forwarded-uri",
            b"/\xc3\xa9\xff?<a>=\"{b}\"#c",
        )]));
        assert_eq!(
            request.unwrap().uri().to_string(),
            "/%C3%A9%FF?%3Ca%3E=%22%7Bb%7D%22%23c"
        );
    }

    #[test]
    fn hostile_values_are_refused() {
        let long = |start: &str, length: usize| [start, &"x".repeat(length)].concat().into_bytes();
        let (method, host, target) = (long("", 33), long("", 260), long("/", 16 * 1024));
        for (field, values) in [
            (
                Forwarded::Method,
                &[&b""[..], b"GET, POST", b"G\tT", b"GET /", b"\xff", &method][..],
            ),
            (
                Forwarded::Proto,
                &[
                    b"",
                    b"https, http",
                    b"ftp",
                    b"javascript",
                    b"https:",
                    b"\xff",
                ],
            ),
            (
                Forwarded::Host,
                &[
                    b"",
                    b"a.test, b.test",
                    b"https://a.test",
                    b"ann@a.test",
                    b"ann:pw@a.test",
                    b"a.test/x",
                    b"a.test?x",
                    b"a.test#x",
                    b"a.test:65536",
                    b"a.test:99999999999999999999",
                    b"a.test:",
                    b"a.test:-1",
                    b"a.test:80:80",
                    b"a.test\\evil.test",
                    b"a\ttest",
                    b"a test",
                    b"[::1",
                    b"[evil]",
                    b"*.test",
                    b"%61.test",
                    b"\xff.test",
                    &host,
                ],
            ),
            (
                Forwarded::Uri,
                &[
                    b"",
                    b"*",
                    b"page",
                    b"?x",
                    b"https://evil.test/",
                    b"evil.test:443",
                    b"javascript:alert(1)",
                    b"\\\\evil.test",
                    b"/a b",
                    b"/a\tb",
                    &target,
                ],
            ),
        ] {
            for value in values {
                let fault = effective(fields(&[(field.name_text(), value)])).unwrap_err();
                assert_eq!(fault, ForwardedFault::Malformed(field), "{value:?}");
            }
        }
    }

    impl Forwarded {
        fn name_text(self) -> &'static str {
            match self {
                Self::Method => "x-forwarded-method",
                Self::Proto => "x-forwarded-proto",
                Self::Host => "x-forwarded-host",
                Self::Uri => "x-forwarded-uri",
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_a_path_of_visible_ascii_at_a_bare_host(
            host in "[ -~\\x80-\\xff]{0,30}|[a-z.:\\[\\]@/0-9]{0,20}",
            uri in proptest::collection::vec(any::<u8>(), 0..60),
            slash in any::<bool>(),
        ) {
            let uri = if slash { [b"/", &*uri].concat() } else { uri };
            let Ok(value) = HeaderValue::from_bytes(&uri) else {
                return Ok(());
            };
            let mut headers = fields(&[("x-forwarded-host", host.as_bytes())]);
            headers.insert(Forwarded::Uri.name(), value);
            if let Ok(request) = effective(headers) {
                let target = request.uri().to_string();
                prop_assert!(target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(request.uri().authority().is_none() && !target.contains(['#', '\\']));
                let host = request.headers()["host"].to_str().unwrap();
                prop_assert!(!host.contains(['/', '@', ',', ' ', '\\', '?', '#']), "{}", host);
                // The escapes say what came, and nothing else.
                let unescaped: Vec<u8> = percent_encoding::percent_decode_str(&target).collect();
                let came: Vec<u8> = percent_encoding::percent_decode(&uri).collect();
                prop_assert_eq!(unescaped, came);
            }
        }
    }
}
