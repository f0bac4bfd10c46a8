//! Sign-in by redirect, end to end: a browser, `RedirectSignIn`, Descope, an identity provider.

mod attacks;
mod draining;
mod starts;
mod ways_back;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_descope::{
    Descope, RedirectSignIn, ReturnPaths, SessionToken,
    cookie::{SameSite, SessionCookies},
    sign_in::redirect::RedirectSignInBuilder,
    test_util::FakeDescope,
};

use crate::support::browser::set_cookies;
pub(crate) use crate::support::world::fake;

const PUBLIC: &str = "https://app.example/auth";

/// A link on another site, or the way back from one.
const LINK: &[(&str, &str)] = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

/// A form of this site.
const FORM: &[(&str, &str)] = &[
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("content-type", "application/x-www-form-urlencoded"),
];

fn builder(descope: &Descope) -> RedirectSignInBuilder {
    let paths = ReturnPaths::new("/projects").unwrap().below("/").unwrap();
    RedirectSignIn::builder(descope.clone(), PUBLIC)
        .sso()
        .oauth(["google", "microsoft"])
        .return_paths(paths)
}

fn service(descope: &Descope) -> RedirectSignIn {
    builder(descope).build().unwrap().at("/auth")
}

/// A handle whose cookies come with links from other sites, as most have them that sign in so.
fn lax(fake: &FakeDescope) -> Descope {
    of(
        fake,
        SessionCookies::host_prefixed().same_site(SameSite::Lax),
    )
}

fn of(fake: &FakeDescope, cookies: SessionCookies) -> Descope {
    fake.descope_builder().cookies(cookies).build().unwrap()
}

/// The cookies of a browser.
#[derive(Clone, Default)]
struct Jar(BTreeMap<String, String>);

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Jar {
    fn cookies(&self) -> String {
        let pairs: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn attempts(&self) -> usize {
        self.0.keys().filter(|name| name.contains("DSX-")).count()
    }

    async fn ask(
        &mut self,
        service: &RedirectSignIn,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "app.example");
        if !self.0.is_empty() {
            request = request.header("cookie", self.cookies());
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        };
        answer.check();
        for line in set_cookies(&answer.headers) {
            let (name, rest) = line.split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.0.remove(name);
            } else {
                let value = rest.split(';').next().unwrap();
                self.0.insert(name.into(), value.into());
            }
        }
        answer
    }

    async fn get(&mut self, service: &RedirectSignIn, path: &str) -> Answer {
        self.ask(service, Method::GET, path, LINK, "").await
    }

    async fn post(&mut self, service: &RedirectSignIn, path: &str, form: &str) -> Answer {
        self.ask(service, Method::POST, path, FORM, form).await
    }

    /// The tenant of the session that the browser shows.
    async fn tenant(&self, descope: &Descope) -> Option<String> {
        let token = SessionToken::new(&*self.0["__Host-DS"]);
        let session = descope.verify(&token).await.unwrap();
        session
            .active_tenant()
            .ok()
            .map(|tenant| tenant.id().to_string())
    }

    /// The user of the session that the browser shows.
    async fn user(&self, descope: &Descope) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, self.cookies().parse().ok()?);
        let token = descope.presented_refresh_token(&headers).await.ok()?;
        let me = descope.me(&token).await.ok()?;
        me.id().map(|id| id.to_string())
    }
}

impl Answer {
    /// Checks what every answer must be.
    fn check(&self) {
        let is = |name: &str, value: &str| {
            let fields: Vec<_> = self.headers.get_all(name).iter().collect();
            assert_eq!(fields, [value], "{name}");
        };
        is("cache-control", "no-store");
        is("referrer-policy", "no-referrer");
        is("x-content-type-options", "nosniff");
        let policy = self.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!self.text.contains("<script") && !self.text.contains("eyJ"));
    }

    fn location(&self) -> &str {
        self.headers
            .get("location")
            .map_or("", |it| it.to_str().unwrap())
    }

    fn error(&self) -> &str {
        self.headers
            .get("x-descope-rejection")
            .map_or("", |it| it.to_str().unwrap())
    }
}

/// Goes through the identity provider as somebody: the URL that it sends the browser back to, as a path
/// of the service.
async fn through_the_provider(fake: &FakeDescope, url: &str, user: &str) -> String {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let choice = format!("{url}&user={user}");
    let page = client.get(url).send().await.unwrap();
    assert_eq!(page.status(), 200, "the identity provider asks who it is");
    let back = client.get(&choice).send().await.unwrap();
    assert_eq!(back.status(), 302, "{choice}");
    let back = back.headers()["location"].to_str().unwrap().to_owned();
    assert!(fake.url().starts_with("http://127.0.0.1"));
    let path = back
        .strip_prefix("https://app.example")
        .expect("back to the app");
    path.to_owned()
}

/// The state of the attempt that an answer begins.
fn back_of(answer: &Answer, fake: &FakeDescope) -> String {
    let starts = fake.requests();
    let start = starts
        .iter()
        .rev()
        .find(|it| it.path.ends_with("/authorize"))
        .unwrap();
    let query = start.query.clone().unwrap();
    let mut members = form_urlencoded(&query);
    assert_eq!(answer.status, 303);
    let back = members.remove("redirectURL").unwrap();
    back.strip_prefix("https://app.example").unwrap().to_owned()
}

fn form_urlencoded(query: &str) -> BTreeMap<String, String> {
    let url = url::Url::parse(&format!("http://x/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}
