//! The browser of the tests: its cookies, and the requests that its pages make.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::Full;
use tower_descope::{
    RefreshToken,
    test_util::{FakeDescope, SignedIn},
};

use super::{App, call};

/// Cookies by their names, and the project that Descope's SDK in the pages is set to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    pub(crate) jar: BTreeMap<String, String>,
    pub(crate) project_id: String,
}

/// By the cookies alone.
impl PartialEq for Browser {
    fn eq(&self, other: &Self) -> bool {
        self.jar == other.jar
    }
}

impl Browser {
    /// Signed in, with the tenant `T1` selected.
    pub(crate) fn signed_in(fake: &FakeDescope, login: &str) -> Self {
        Self::of(fake, &fake.sign_in_to(login, "T1"))
    }

    /// Ann's, signed in, with the tenant `T1` selected.
    pub(crate) fn ann(fake: &FakeDescope) -> Self {
        Self::signed_in(fake, "ann@example.test")
    }

    /// Signed in, in no tenant.
    pub(crate) fn in_no_tenant(fake: &FakeDescope, login: &str) -> Self {
        Self::of(fake, &fake.sign_in(login))
    }

    pub(crate) fn of(fake: &FakeDescope, signed_in: &SignedIn) -> Self {
        let browser = Self::with(signed_in.session_jwt(), signed_in.refresh_jwt());
        let project_id = fake.project_id().to_owned();
        Self {
            project_id,
            ..browser
        }
    }

    pub(crate) fn signed_out(fake: &FakeDescope) -> Self {
        Self {
            project_id: fake.project_id().to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn with(session: &str, refresh: &str) -> Self {
        let mut browser = Self::default();
        for (name, value) in [("DS", session), ("DSR", refresh)] {
            if !value.is_empty() {
                browser.jar.insert(name.into(), value.into());
            }
        }
        browser
    }

    /// The refresh token of its cookie.
    pub(crate) fn refresh_token(&self) -> RefreshToken {
        RefreshToken::new(&*self.jar["DSR"])
    }

    pub(crate) fn cookies(&self) -> String {
        let pairs: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    pub(crate) fn request(&self, method: Method, fields: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder()
            .method(method)
            .uri("/")
            .header("host", "app.example");
        if !self.jar.is_empty() {
            request = request.header("cookie", self.cookies());
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    pub(crate) fn get(&self) -> Request<()> {
        self.request(Method::GET, &[("sec-fetch-site", "same-origin")])
    }

    /// What a page of this site sends to go to another tenant.
    pub(crate) fn switch(&self, tenant: &str) -> Request<Full<Bytes>> {
        Request::post("/select")
            .header("host", "app.example")
            .header("content-type", "application/json")
            .header("cookie", self.cookies())
            .body(Full::from(format!(r#"{{"tenant":"{tenant}"}}"#)))
            .unwrap()
    }

    /// Asks for a page and keeps the cookies of the answer.
    pub(crate) async fn visit(&mut self, app: &App) -> Response<String> {
        let response = call(app, self.get()).await;
        self.keep(response.headers());
        response
    }

    pub(crate) fn keep(&mut self, headers: &HeaderMap) {
        for line in set_cookies(headers) {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if line.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.into(), value.into());
            }
        }
    }
}

pub(crate) fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::SET_COOKIE).iter();
    lines.map(|it| it.to_str().unwrap().to_owned()).collect()
}

/// Whether nothing was written into the browser.
pub(crate) fn untouched<B>(response: &Response<B>) -> bool {
    !response.headers().contains_key(header::SET_COOKIE)
}
