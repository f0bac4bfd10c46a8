//! A browser with its cookies, and a service that renews them.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::Full;
use tower_descope::{
    Descope, Renewal, TenantLayer,
    test_util::{FakeDescope, FakeDescopeBuilder},
};

use crate::support::{App, app_with, call};

pub(crate) const REFRESH: &str = "/v1/auth/refresh";

/// Longer than a session lives, leeway included.
pub(crate) const EXPIRY: Duration = Duration::from_secs(660);

/// Into the last minute of a session.
pub(crate) const ALMOST: Duration = Duration::from_secs(550);

pub(crate) fn fake() -> FakeDescopeBuilder {
    FakeDescope::builder()
        .tenant("T1", "One")
        .tenant("T2", "Two")
        .user("ann@example.test", |user| {
            user.id("U1").tenant("T1", |t| t).tenant("T2", |t| t)
        })
        .user("bob@example.test", |user| user.id("U2").tenant("T1", |t| t))
}

/// A service whose layer renews only what has expired.
pub(crate) fn late(descope: &Descope) -> App {
    app_with(layer(descope, 0))
}

/// A service whose layer renews a minute early, as by default.
pub(crate) fn early(descope: &Descope) -> App {
    app_with(layer(descope, 60))
}

pub(crate) fn layer(descope: &Descope, window: u64) -> TenantLayer {
    TenantLayer::new(descope.clone()).renew(Renewal::new().early(Duration::from_secs(window)))
}

/// Cookies by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Browser {
    pub(crate) jar: BTreeMap<String, String>,
}

impl Browser {
    /// Signed in, with the tenant `T1` selected.
    pub(crate) fn signed_in(fake: &FakeDescope, login: &str) -> Self {
        let signed_in = fake.sign_in_to(login, "T1");
        Self::with(signed_in.session_jwt(), signed_in.refresh_jwt())
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

/// A session token that has expired, of a user who is active in `T1`.
pub(crate) fn expired(fake: &FakeDescope, user: &str) -> String {
    fake.session(user).active("T1").expired().token()
}
