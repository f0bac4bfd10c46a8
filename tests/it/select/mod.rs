//! The tenant switch, end to end: browser, `SelectTenant`, Descope.

mod inactive;
mod refused;
mod replays;
mod switching;
mod upstream;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_descope::{SelectTenant, select::ResponseBody};

pub(crate) use crate::support::{browser::Browser, world::fake};

pub(crate) const PATH: &str = "/v1/auth/tenant/select";

impl Browser {
    /// The request by which a page of this site goes to another tenant.
    pub(crate) fn select_request(&self, body: &str) -> Request<Full<Bytes>> {
        let mut request = Request::post(PATH)
            .header("host", "app.example")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json");
        if !self.jar.is_empty() {
            request = request.header("cookie", self.cookies());
        }
        request.body(Full::from(body.to_owned())).unwrap()
    }

    /// Selects a tenant and keeps the cookies of the answer.
    pub(crate) async fn select(&mut self, service: &SelectTenant, tenant: &str) -> Answer {
        let body = serde_json::json!({ "tenant": tenant }).to_string();
        let answer = ask(service, self.select_request(&body)).await;
        self.keep(&answer.headers);
        answer
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: serde_json::Value,
}

impl Answer {
    pub(crate) fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or_default()
    }
}

pub(crate) async fn ask(service: &SelectTenant, request: Request<Full<Bytes>>) -> Answer {
    let response: Response<ResponseBody> = service.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        json: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

#[derive(Debug)]
pub(crate) struct SetCookie {
    pub(crate) name: String,
    pub(crate) max_age: Option<i64>,
    pub(crate) attributes: Vec<String>,
}

pub(crate) fn set_cookies(headers: &HeaderMap) -> Vec<SetCookie> {
    headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|line| {
            let line = line.to_str().unwrap();
            let mut parts = line.split("; ");
            let (name, _) = parts.next().unwrap().split_once('=').unwrap();
            let attributes: Vec<String> = parts.map(str::to_owned).collect();
            let max_age = attributes
                .iter()
                .find_map(|attribute| attribute.strip_prefix("Max-Age="))
                .map(|seconds| seconds.parse().unwrap());
            SetCookie {
                name: name.to_owned(),
                max_age,
                attributes,
            }
        })
        .collect()
}

pub(crate) fn set(request: &mut Request<Full<Bytes>>, name: &'static str, value: &'static str) {
    request.headers_mut().insert(name, value.parse().unwrap());
}
