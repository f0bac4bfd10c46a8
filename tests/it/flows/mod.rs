//! Descope's sign-in component with this service as its base URL, end to end.

mod attacks;
mod budgets;
mod devices;
mod faults;
mod hostile;
mod journeys;
mod pages;
mod repeated;
mod signed_in;
mod stepped_up;

use std::{collections::BTreeMap, net::IpAddr};

use bytes::Bytes;
use http::{HeaderMap, Request, header, request::Parts};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_descope::{
    Descope, FlowRoutes, RefreshToken,
    cookie::SessionCookies,
    sign_in::flow::FlowRoutesBuilder,
    test_util::{FakeDescope, FakeDescopeBuilder, Recorded},
};

use crate::support::{browser::set_cookies, world};

/// The world's people, and flows of each kind.
fn fake() -> FakeDescopeBuilder {
    world::fake()
        .flow("sign-in", |f| f.asks_login().asks_code().completes())
        .flow("step-up", |f| f.asks_code().completes())
        .flow("poll", |f| f.asks_login().polls(2).completes())
}

fn builder(descope: &Descope) -> FlowRoutesBuilder {
    FlowRoutes::builder(descope.clone()).at("/v1/flow")
}

fn of(fake: &FakeDescope) -> Descope {
    let cookies = SessionCookies::host_prefixed();
    fake.descope_builder().cookies(cookies).build().unwrap()
}

/// The calls that came to the fake by a path.
fn sent(fake: &FakeDescope, call: &str) -> usize {
    fake.calls(&format!("/v1/flow/{call}"))
}

/// The first call of that name that came to the fake.
fn went_up(fake: &FakeDescope, name: &str) -> Recorded {
    let path = format!("/v1/flow/{name}");
    let calls = fake.requests();
    let call = calls.into_iter().find(|it| it.path == path);
    call.expect("the call went up")
}

/// A handle whose budget of sign-ins is no bound.
fn of_many(fake: &FakeDescope) -> Descope {
    let cookies = SessionCookies::host_prefixed();
    let builder = fake.descope_builder().cookies(cookies);
    builder.sign_in_budget(10_000, 1_000).build().unwrap()
}

/// Where a request comes from, by the word of a proxy.
fn peer(request: &Parts) -> Option<IpAddr> {
    let field = request.headers.get("x-peer")?.to_str().ok()?;
    field.parse().ok()
}

/// A page with the component, and its browser's cookies.
#[derive(Clone)]
struct Page {
    service: FlowRoutes,
    project: String,
    jar: BTreeMap<String, String>,
    execution: String,
    step: String,
    nonce: String,
    /// What each of its requests says beside.
    fields: Vec<(&'static str, String)>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Page {
    fn new(fake: &FakeDescope, service: FlowRoutes) -> Self {
        Self {
            service,
            project: fake.project_id().to_owned(),
            jar: BTreeMap::new(),
            execution: String::new(),
            step: String::new(),
            nonce: String::new(),
            fields: vec![("sec-fetch-site", "same-origin".into())],
        }
    }

    async fn start(&mut self, flow: &str) -> Answer {
        self.nonce.clear();
        let body = json!({
            "flowId": flow,
            "options": {"location": "https://app.example/sign-in", "lastAuth": {}, "deviceInfo": {}},
            "input": {},
            "isCustomScreen": false,
        });
        self.ask("start", &body).await
    }

    async fn next(&mut self, input: Value) -> Answer {
        let body = self.body("submit", &input);
        self.ask("next", &body).await
    }

    async fn poll(&mut self) -> Answer {
        let body = self.body("polling", &json!({}));
        self.ask("next", &body).await
    }

    fn body(&self, interaction: &str, input: &Value) -> Value {
        json!({
            "executionId": self.execution,
            "stepId": self.step,
            "interactionId": interaction,
            "input": input,
        })
    }

    async fn ask(&mut self, call: &str, body: &Value) -> Answer {
        self.post(call, body.to_string()).await
    }

    async fn post(&mut self, call: &str, body: impl Into<Bytes>) -> Answer {
        let mut request = Request::post(format!("/v1/flow/{call}"))
            .header("host", "app.example")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.project))
            .header("x-descope-sdk-name", "web-component")
            .header("x-descope-external", "not by name");
        if !self.jar.is_empty() {
            let pairs: Vec<_> = self
                .jar
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header("cookie", pairs.join("; "));
        }
        if !self.nonce.is_empty() {
            request = request.header("x-descope-flow-nonce", &self.nonce);
        }
        for (name, value) in &self.fields {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(!text.contains("eyJ"), "{call} shows a token: {text}");
        assert_eq!(head.headers["content-type"], "application/json");
        assert_eq!(head.headers["cache-control"], "no-store");
        assert_ne!(head.status, 503, "the component would repeat the call");
        let json: Value = serde_json::from_str(&text).expect("always JSON");
        self.keep(&head.headers);
        if let Some(execution) = json["executionId"].as_str() {
            execution.clone_into(&mut self.execution);
            json["stepId"]
                .as_str()
                .unwrap_or_default()
                .clone_into(&mut self.step);
        }
        if let Some(nonce) = head.headers.get("x-descope-flow-nonce") {
            nonce.to_str().unwrap().clone_into(&mut self.nonce);
        }
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            json,
        }
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for line in set_cookies(headers) {
            let (name, rest) = line.split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                let value = rest.split(';').next().unwrap();
                self.jar.insert(name.into(), value.into());
            }
        }
    }

    /// Somebody signs in by the flow with a login and a code.
    async fn sign_in(&mut self, login: &str) -> Answer {
        let started = self.start("sign-in").await;
        assert_eq!(started.status, 200, "{started:?}");
        let asked = self.next(json!({"email": login})).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        self.next(json!({"code": "123456"})).await
    }

    /// The user whose refresh token the browser shows.
    async fn user(&self, descope: &Descope) -> Option<String> {
        let token = RefreshToken::new(self.jar.get("__Host-DSR")?.as_str());
        let me = descope.me(&token).await.ok()?;
        me.id().map(|id| id.to_string())
    }

    fn bindings(&self) -> usize {
        self.jar
            .keys()
            .filter(|name| name.starts_with("__Host-DSF-"))
            .count()
    }
}

impl Answer {
    fn code(&self) -> (u16, &str) {
        let code = self.json["errorCode"].as_str().unwrap_or_default();
        if self.status >= 400 {
            for name in ["errorDescription", "errorMessage"] {
                let text = self.json[name].as_str();
                assert!(text.is_some() || code.starts_with('E'), "{self:?}");
            }
        }
        (self.status, code)
    }

    fn cookies(&self) -> usize {
        self.headers.get_all(header::SET_COOKIE).iter().count()
    }
}
