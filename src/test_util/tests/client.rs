//! A project to ask, and a client to ask it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::test_util::{FakeDescope, FakeDescopeBuilder};

pub(super) const SELECT: &str = "/v1/auth/tenant/select";
pub(super) const REFRESH: &str = "/v1/auth/refresh";

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) cookies: Vec<String>,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn code(&self) -> (u16, &str) {
        (self.status, self.text("errorCode"))
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    pub(super) fn claims(&self) -> &Value {
        &self.body["claims"]
    }
}

pub(super) fn ann() -> FakeDescopeBuilder {
    FakeDescope::builder()
        .tenant("T2acme", "Acme")
        .user("ann@acme.test", |u| {
            u.id("U2ann")
                .name("Ann")
                .tenant("T2acme", |t| t.role("owner").permission("invoice.write"))
                .tenant("T2beta", |t| t)
                .project_role("staff")
                .claim("plan", json!("pro"))
        })
        .access_key("AK-secret-1", |k| {
            k.id("K2job").tenant("T2acme", |t| t.role("reader"))
        })
}

pub(super) async fn post(fake: &FakeDescope, path: &str, token: &str, body: Value) -> Reply {
    let bearer = format!("Bearer {}:{token}", fake.project_id());
    send(fake, path, &[("authorization", &bearer)], Some(body)).await
}

pub(super) async fn send(
    fake: &FakeDescope,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Reply {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{path}", fake.url());
    let mut request = match body {
        Some(body) => client.post(url).body(body.to_string()),
        None => client.get(url),
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let cookies = response.headers().get_all("set-cookie").iter();
    let cookies = cookies.map(|value| value.to_str().unwrap().to_owned());
    Reply {
        status: response.status().as_u16(),
        cookies: cookies.collect(),
        body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
    }
}

/// The claims of a token, also of a refresh token, which no answer shows.
pub(super) fn payload(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The answer to a browser that does not follow redirects.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) policy: String,
    pub(super) cache: String,
    pub(super) html: String,
}

pub(super) async fn browse(url: &str) -> Page {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    let response = client.build().unwrap().get(url).send().await.unwrap();
    let header = |name: &str| {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    Page {
        status: response.status().as_u16(),
        location: header("location"),
        policy: header("content-security-policy"),
        cache: header("cache-control"),
        html: response.text().await.unwrap(),
    }
}

impl Page {
    /// Where the links of the page lead.
    pub(super) fn links(&self, page: &str) -> Vec<String> {
        let page = url::Url::parse(page).unwrap();
        let links = self.html.split("href=\"").skip(1);
        links
            .map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"))
            .map(|link| page.join(&link).unwrap().into())
            .collect()
    }
}
