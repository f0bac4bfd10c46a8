//! What a proxy asks, in fields that clients have a hand in: nothing passes without a session, nor for
//! another's fields; and where a refusal leads is the sign-in page, which is told a page of the host that
//! was asked for, as browsers resolve it. Text: `name: value` of the question's fields, a line each.

use http::{
    HeaderMap, HeaderValue, Request, Response,
    header::{COOKIE, FORWARDED, HOST},
};
use tower_descope::{
    ForwardAuth,
    forward::{ForwardAuthBuilder, ResponseBody},
};
use tower_service::Service;
use url::{ParseError, Url};

use super::{bed, fields, lines};
use crate::{dice::Dice, harness::Target};

pub const TARGET: Target = Target {
    name: "forwarded",
    make,
    check,
    slow: 4,
};

/// The fields that say what the proxy was asked.
const FIELDS: [&str; 4] = [
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-uri",
];

/// The most bytes of a return URL.
const MAX_RETURN: usize = 2_048;

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: &str| rows.push(format!("{name}: {value}"));
    for (name, usual, odd) in [
        (FIELDS[0], "GET", &METHODS[..]),
        (FIELDS[1], "https", &SCHEMES[..]),
        (FIELDS[2], "app.example.test", &HOSTS[..]),
    ] {
        // Now and then missing, or there twice.
        for _ in 0..[1, 1, 1, 1, 1, 1, 0, 2][dice.below(8)] {
            row(
                name,
                if dice.one_in(2) {
                    dice.pick(odd)
                } else {
                    usual
                },
            );
        }
    }
    let mut target = String::from("/");
    for _ in 0..dice.below(6) {
        target.push_str(dice.pick(&PARTS));
    }
    row(FIELDS[3], &target);
    if dice.one_in(4) {
        row("host", dice.pick(&HOSTS));
    }
    if dice.one_in(4) {
        row("forwarded", "host=evil.test;proto=http");
    }
    rows.join("\n").into_bytes()
}

const METHODS: [&str; 8] = [
    "HEAD",
    "POST",
    "get",
    "PROPFIND",
    "GET, POST",
    "",
    "GE T",
    "OPTIONS",
];
const SCHEMES: [&str; 7] = [
    "http",
    "wss",
    "ws",
    "HTTPS",
    "https, http",
    "javascript",
    "",
];
const HOSTS: [&str; 14] = [
    "APP.example.test",
    "app.example.test:443",
    "app.example.test:80",
    "app.example.test:8443",
    "evil.test",
    "ann@app.example.test",
    "app.example.test@evil.test",
    "app.example.test, evil.test",
    "app.example.test\\evil.test",
    "app.example.test/evil",
    "localhost:3000",
    "[::1]:8443",
    "[::1",
    "",
];
const PARTS: [&str; 22] = [
    "/",
    "//",
    "\\",
    "..",
    "%2e%2e",
    ".",
    "?",
    "#",
    "@",
    ":",
    ";",
    "&return_to=",
    "=",
    "+",
    "evil.test",
    "https://evil.test",
    "é",
    "%",
    "%0d%0a",
    "%2f%2f",
    "page",
    "a b",
];

fn check(text: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, value) in &fields(lines(text)) {
        // Nothing by which a client proves anything: that is added below.
        if FIELDS.contains(&name.as_str()) || name == HOST || name == FORWARDED {
            headers.append(name, value.clone());
        }
    }
    if is_nowhere(&headers) {
        return;
    }
    let signed_in = {
        let mut headers = headers.clone();
        headers.insert(COOKIE, cookie());
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        headers
    };
    let at_host = asked("/auth/sso", &headers);
    // Who adds what says nothing changes nothing.
    let mut more = headers.clone();
    more.insert(HOST, HeaderValue::from_static("other.test"));
    more.insert(FORWARDED, HeaderValue::from_static("host=other.test"));
    assert_eq!(shown(&asked("/auth/sso", &more)), shown(&at_host));

    let passes = asked("/auth/sso", &signed_in);
    assert_eq!(passes.headers()["cache-control"], "no-store");
    let Some(question) = Question::of(&headers) else {
        for refused in [&at_host, &passes] {
            let status = refused.status().as_u16();
            assert!(status == 400 || status == 500, "{status}");
            assert!(!refused.headers().contains_key("x-auth-location"));
            assert!(!refused.headers().contains_key("x-user-id"));
        }
        return;
    };
    // It shows a session, and says that a page of this site has sent it.
    assert_eq!(passes.status(), 200, "{:?}", shown(&passes));
    for (name, value) in [("x-user-id", "U1"), ("x-tenant-id", "T1")] {
        assert_eq!(passes.headers()[name], value);
    }
    assert_eq!(at_host.status(), 401);
    assert!(!at_host.headers().contains_key("x-user-id"));

    let own = Url::parse(&format!("{}://{}", question.scheme, question.host)).unwrap();
    let page = own.join(location(&at_host).unwrap()).unwrap();
    assert_eq!((page.origin(), page.path()), (own.origin(), "/auth/sso"));
    if let Some(back) = told(&page) {
        assert!(question.is_page);
        assert!(back.len() <= MAX_RETURN);
        assert_eq!(own.join(&back).unwrap().origin(), own.origin(), "{back:?}");
    }
    let elsewhere = asked("https://id.example.test/in?app=a", &headers);
    let allowed = Url::parse(&format!("{}://app.example.test", question.scheme)).unwrap();
    assert_eq!(
        location(&elsewhere).is_some(),
        own.origin() == allowed.origin(),
        "{own}"
    );
    if let Some(location) = location(&elsewhere) {
        let page = Url::parse(location).unwrap();
        assert_eq!(
            (page.host_str(), page.path()),
            (Some("id.example.test"), "/in")
        );
        if let Some(back) = told(&page) {
            assert!(question.is_page);
            assert!(back.len() <= MAX_RETURN);
            assert_eq!(Url::parse(&back).unwrap().origin(), allowed.origin());
        }
    }
}

/// The request that the fields say was made, read with other means; `None` if they say none.
struct Question {
    scheme: &'static str,
    host: String,
    is_page: bool,
}

impl Question {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let value = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?;
            values.next().is_none().then_some(value.as_bytes())
        };
        let [method, scheme, host, target] = FIELDS.map(value);
        let method = http::Method::from_bytes(method?).ok()?;
        let host = std::str::from_utf8(host?).ok()?.to_owned();
        let scheme = match scheme?.to_ascii_lowercase().as_slice() {
            b"https" | b"wss" => "https",
            b"http" | b"ws" => "http",
            _ => return None,
        };
        // A browser sends the host as its URLs have it: nothing beside it, and nothing to resolve.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        let url = Url::parse(&format!("{scheme}://{host}")).ok()?;
        let is_host = host.chars().all(is_plain) && !host.ends_with(':') && url.path() == "/";
        let target = target?;
        let is_target = target.first() == Some(&b'/')
            && target.iter().all(|byte| !matches!(byte, 0..=b' ' | 0x7f))
            && target.len() <= 16 * 1_024;
        (is_host && is_target && method.as_str().len() <= 32).then(|| Self {
            scheme,
            host,
            is_page: method == http::Method::GET || method == http::Method::HEAD,
        })
    }
}

/// Returns `true` for a host of the right form that no browser can be at, as `app.443`, whose last label
/// makes an address of it that is none. Such a one harms nobody, and the crate does not look for it.
fn is_nowhere(headers: &HeaderMap) -> bool {
    let host = headers.get(FIELDS[2]).map(HeaderValue::as_bytes);
    let host = host.map(String::from_utf8_lossy).unwrap_or_default();
    matches!(
        Url::parse(&format!("https://{host}")),
        Err(ParseError::InvalidIpv4Address | ParseError::IdnaError)
    )
}

fn asked(page: &str, headers: &HeaderMap) -> Response<ResponseBody> {
    thread_local! {
        static BUILDER: ForwardAuthBuilder = {
            ForwardAuth::builder(bed::builder().build().unwrap()).without_proxy_secret()
        };
    }
    let builder = BUILDER.with(Clone::clone).sign_in(page);
    let builder = if page.starts_with('/') {
        builder
    } else {
        builder.return_hosts(["app.example.test"])
    };
    let mut request = Request::new(String::new());
    *request.headers_mut() = headers.clone();
    let Ok(answer) = bed::ready(builder.build().unwrap().call(request));
    answer
}

fn cookie() -> HeaderValue {
    thread_local! {
        static COOKIE: HeaderValue = {
            let token = bed::session_token(r#""sub":"U1","dct":"T1","tenants":{"T1":{}}"#);
            HeaderValue::from_str(&format!("DS={token}")).unwrap()
        };
    }
    COOKIE.with(Clone::clone)
}

fn location<B>(answer: &Response<B>) -> Option<&str> {
    let location = answer.headers().get("x-auth-location")?;
    Some(location.to_str().unwrap())
}

/// Where the sign-in page is told to go on, and that alone is told it.
fn told(page: &Url) -> Option<String> {
    assert_eq!(page.fragment(), None);
    let own = |(name, _): &(_, _)| *name != "app";
    let mut told = page.query_pairs().into_owned().filter(own);
    let (name, back) = told.next()?;
    assert_eq!((name.as_str(), told.next()), ("return_to", None));
    Some(back)
}

fn shown<B>(answer: &Response<B>) -> (u16, HeaderMap) {
    (answer.status().as_u16(), answer.headers().clone())
}
