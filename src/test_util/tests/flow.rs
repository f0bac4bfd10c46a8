//! A browser in a flow.

use serde_json::{Value, json};

use crate::test_util::FakeDescope;

pub(super) const HTML: &str = "<p>Hello</p>";
pub(super) const LOCATION: &str = "https://app.example.test/sign-in?next=%2Fhome";

/// The last answer, and what the next call must bring.
pub(super) struct Flow {
    fake: FakeDescope,
    bearer: String,
    execution: String,
    pub(super) step: String,
    pub(super) nonce: String,
    pub(super) status: u16,
    pub(super) cookies: Vec<String>,
    pub(super) body: Value,
}

/// Starts a flow as the component does that knows no first screen.
pub(super) async fn begin(fake: &FakeDescope, flow_id: &str) -> Flow {
    let body = json!({"flowId": flow_id, "options": {"location": LOCATION}, "interactionId": ""});
    Flow::start(fake, "", body).await
}

/// Starts a flow as the component does that has shown the first screen.
pub(super) async fn begin_as(fake: &FakeDescope, flow_id: &str, login_id: &str) -> Flow {
    let body = json!({
        "flowId": flow_id,
        "options": {
            "location": LOCATION, "lastAuth": {}, "deviceInfo": {"webAuthnSupport": true},
            "startOptionsVersion": 1, "baseUrl": fake.url(), "ssoAppId": null, "preview": false, "abTestingKey": 7, "locale": "en-us",
        },
        "interactionId": "submit",
        "componentsVersion": "3.14.1",
        "flowVersions": {(flow_id): 1},
        "input": {"loginId": login_id},
    });
    Flow::start(fake, "", body).await
}

impl Flow {
    pub(super) async fn start(fake: &FakeDescope, refresh: &str, body: Value) -> Self {
        let mut flow = Self::of(fake, "", "");
        flow.bearer = format!("Bearer {}:{refresh}", fake.project_id());
        flow.ask("start", body).await;
        flow
    }

    /// A browser that is led into a flow, and has no nonce of it.
    pub(super) fn of(fake: &FakeDescope, execution: &str, step: &str) -> Self {
        Self {
            fake: fake.clone(),
            bearer: format!("Bearer {}", fake.project_id()),
            execution: execution.into(),
            step: step.into(),
            nonce: String::new(),
            status: 0,
            cookies: Vec::new(),
            body: Value::Null,
        }
    }

    pub(super) async fn submit(&mut self, input: Value) {
        self.next("submit", input).await;
    }

    pub(super) async fn poll(&mut self) {
        self.next("polling", json!({})).await;
    }

    async fn next(&mut self, interaction: &str, input: Value) {
        let body = json!({
            "executionId": self.execution,
            "stepId": self.step,
            "interactionId": interaction,
            "version": 1,
            "componentsVersion": "3.14.1",
            "isCustomScreen": false,
            "input": input,
        });
        self.ask("next", body).await;
    }

    async fn ask(&mut self, call: &str, body: Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/v1/flow/{call}", self.fake.url());
        let mut request = client.post(url).header("authorization", &self.bearer);
        if !self.nonce.is_empty() {
            request = request.header("x-descope-flow-nonce", &self.nonce);
        }
        let response = request.body(body.to_string()).send().await.unwrap();
        self.status = response.status().as_u16();
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        if let Some(nonce) = response.headers().get("x-descope-flow-nonce") {
            self.nonce = text(nonce);
        }
        let cookies = response.headers().get_all("set-cookie").iter();
        self.cookies = cookies.map(text).collect();
        self.body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        if self.body.get("executionId").is_some() {
            self.execution = self.text("executionId").into();
            self.step = self.text("stepId").into();
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.execution
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    pub(super) fn code(&self) -> (u16, &str) {
        (self.status, self.text("errorCode"))
    }

    /// The code of the error within an answer.
    pub(super) fn error(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Step, action and screen.
    pub(super) fn shown(&self) -> (&str, &str, &str) {
        let screen = self.body["screen"]["id"].as_str().unwrap_or_default();
        (self.text("stepId"), self.text("action"), screen)
    }

    pub(super) fn auth_info(&self) -> &Value {
        &self.body["authInfo"]
    }

    pub(super) fn claims(&self) -> &Value {
        &self.auth_info()["claims"]
    }

    pub(super) fn refresh_jwt(&self) -> &str {
        self.auth_info()["refreshJwt"].as_str().unwrap_or_default()
    }
}
