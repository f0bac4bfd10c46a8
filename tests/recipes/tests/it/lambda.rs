//! The function as it is deployed, asked by a runtime API of the test's; and, within this process,
//! one whose clock jumps while it is frozen.

use std::{process::Stdio, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    sync::{Mutex, Notify, mpsc},
};
use tower::{Service, ServiceExt};
use tower_descope::test_util::{Canned, FakeDescope};
use tower_descope_recipes::lambda::function;

use crate::token;

/// What Lambda runs: the binary, and the API from which that takes its events.
struct Environment {
    _process: Child,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Value>,
    runtime: Arc<Runtime>,
}

struct Runtime {
    /// The function has asked for an event.
    asked: Notify,
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Value>,
}

impl Environment {
    async fn start(fake: &FakeDescope) -> Self {
        let (events, next) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        let runtime = Arc::new(Runtime {
            asked: Notify::new(),
            events: Mutex::new(next),
            answers: answer,
        });
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_event))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(answered),
            )
            .with_state(runtime.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, api).await });
        let process = Command::new(env!("CARGO_BIN_EXE_lambda"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "projects")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("DESCOPE_PROJECT_ID", fake.project_id())
            .env("DESCOPE_BASE_URI", fake.url())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            _process: process,
            events,
            answers,
            runtime,
        }
    }

    /// Waits until the function is initialised.
    async fn ready(&self) {
        let asked = self.runtime.asked.notified();
        let asked = tokio::time::timeout(Duration::from_secs(60), asked);
        asked.await.expect("the function starts");
    }

    async fn invoke(&mut self, event: Value) -> Value {
        self.events.send(event).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(60), self.answers.recv());
        answer.await.expect("the function answers").unwrap()
    }
}

async fn next_event(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    runtime.asked.notify_one();
    let event = runtime.events.lock().await.recv().await;
    let headers = [
        ("lambda-runtime-aws-request-id", "1".to_owned()),
        ("lambda-runtime-deadline-ms", "4102444800000".to_owned()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:x:1:function:projects".to_owned(),
        ),
    ];
    (headers, Json(event))
}

async fn answered(State(runtime): State<Arc<Runtime>>, answer: String) -> StatusCode {
    let answer = serde_json::from_str(&answer).unwrap();
    runtime.answers.send(answer).await.unwrap();
    StatusCode::ACCEPTED
}

/// A fake by the time of this machine, which is the function's.
async fn with_ann() -> FakeDescope {
    FakeDescope::builder()
        .real_time()
        .user("ann@example.test", |user| user.tenant("T1", |t| t))
        .start()
        .await
}

/// An event of an HTTP API, or of a function URL.
fn http_api(method: &str, path: &str, cookies: &[String]) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "cookies": cookies,
        "headers": {
            "host": "app.example",
            "sec-fetch-site": "same-origin",
        },
        "requestContext": {
            "accountId": "1", "apiId": "x", "domainName": "app.example", "domainPrefix": "app",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": "a browser",
            },
            "requestId": "1", "routeKey": "$default", "stage": "$default",
            "time": "06/May/2020:22:36:55 +0000", "timeEpoch": 1_588_804_615_616_u64,
        },
        "isBase64Encoded": false,
    })
}

/// An event of a load balancer, of whose target group multi-value headers are switched on.
fn load_balancer(path: &str, cookies: &[String]) -> Value {
    json!({
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x:1:targetgroup/t/1"}},
        "httpMethod": "GET",
        "path": path,
        "multiValueQueryStringParameters": {},
        "multiValueHeaders": {
            "host": ["app.example"],
            "sec-fetch-site": ["same-origin"],
            "cookie": cookies,
        },
        "isBase64Encoded": false,
        "body": "",
    })
}

#[tokio::test]
async fn a_renewed_session_gets_all_its_cookies_out_whatever_the_event() {
    let fake = with_ann().await;
    let mut environment = Environment::start(&fake).await;

    let refresh = format!(
        "DSR={}",
        fake.sign_in_to("ann@example.test", "T1").refresh_jwt()
    );
    // Beside another cookie: an HTTP API sends each as one text of a list.
    let event = http_api("GET", "/projects", &["theme=dark".to_owned(), refresh]);
    let answer = environment.invoke(event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(answer["body"], "the projects of T1");
    both_cookies(&answer["cookies"]);
    assert!(answer["headers"].get("set-cookie").is_none());
    assert_eq!(answer["headers"]["cache-control"], "no-store");

    let refresh = format!(
        "DSR={}",
        fake.sign_in_to("ann@example.test", "T1").refresh_jwt()
    );
    let event = load_balancer("/projects", &["theme=dark".to_owned(), refresh]);
    let answer = environment.invoke(event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    both_cookies(&answer["multiValueHeaders"]["set-cookie"]);
}

fn both_cookies(lines: &Value) {
    let lines = lines.as_array().unwrap();
    for name in ["DS=", "DSR="] {
        let of_name = |line: &&Value| line.as_str().unwrap().starts_with(name);
        assert_eq!(lines.iter().filter(of_name).count(), 1, "{name}: {lines:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_no_failed_invocation() {
    let fake = with_ann().await;
    let mut environment = Environment::start(&fake).await;
    let answer = environment.invoke(http_api("GET", "/projects", &[])).await;
    assert_eq!(answer["statusCode"], 401, "{answer}");
    assert_eq!(answer["isBase64Encoded"], false);
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["error"], "missing_token");
}

#[tokio::test]
async fn the_keys_are_there_before_the_first_request() {
    let fake = with_ann().await;
    let mut environment = Environment::start(&fake).await;
    environment.ready().await;
    assert_eq!(fake.key_fetches(), 1);
    let session = fake.sign_in_to("ann@example.test", "T1");
    let cookies = [format!("DS={}", session.session_jwt())];
    let answer = environment
        .invoke(http_api("GET", "/projects", &cookies))
        .await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(fake.key_fetches(), 1);
}

#[tokio::test]
async fn a_sign_out_that_descope_missed_is_told_again_before_the_function_freezes() {
    let fake = with_ann().await;
    let mut environment = Environment::start(&fake).await;
    let session = fake.sign_in_to("ann@example.test", "T1");
    let cookies = [format!("DSR={}", session.refresh_jwt())];
    // Descope fails the call and its repetition.
    for _ in 0..2 {
        let unavailable = Canned::json(503, &json!({}));
        fake.respond_next("/v1/auth/logout", unavailable);
    }
    let answer = environment
        .invoke(http_api("POST", "/v1/auth/logout", &cookies))
        .await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    // The answer is out, and with it all that has to be said.
    assert_eq!(fake.calls("/v1/auth/logout"), 3);
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// One request to the function within this process, which lives by the fake's clock.
async fn ask<S>(function: &mut S, (name, value): (&str, &str)) -> (u16, String)
where
    S: Service<
            lambda_http::Request,
            Response = axum::http::Response<axum::body::Body>,
            Error = std::convert::Infallible,
        >,
{
    let request = axum::http::Request::get("/projects").header(name, value);
    let request = request.body(lambda_http::Body::Empty).unwrap();
    let response = function.ready().await.unwrap().call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        parts.status.as_u16(),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn after_a_thaw_the_first_request_is_judged_by_new_keys() {
    let fake = FakeDescope::start().await;
    let mut function = function(fake.descope());
    let of_before = fake.session("U1").tenant("T1", |t| t).active("T1");
    let of_before = bearer(&of_before.expires_in(86_400).token());
    assert_eq!(
        ask(&mut function, ("authorization", &of_before)).await.0,
        200
    );
    // Frozen: nothing of the process runs, but time goes on, and a key is withdrawn.
    fake.rotate_keys();
    fake.clock().advance(Duration::from_secs(7_200));
    let (status, body) = ask(&mut function, ("authorization", &of_before)).await;
    assert_eq!(status, 401, "{body}");
    let new = bearer(&token(&fake, "reader"));
    let (status, body) = ask(&mut function, ("authorization", &new)).await;
    assert_eq!((status, &*body), (200, "the projects of T1"));
    assert_eq!(fake.key_fetches(), 2);
}

#[tokio::test]
async fn a_thaw_in_an_outage_signs_nobody_out() {
    let fake = FakeDescope::start().await;
    let mut function = function(fake.descope());
    let session = fake.session("U1").tenant("T1", |t| t).active("T1");
    let session = bearer(&session.expires_in(86_400).token());
    assert_eq!(ask(&mut function, ("authorization", &session)).await.0, 200);
    fake.down(true);
    fake.clock().advance(Duration::from_secs(1_800));
    assert_eq!(ask(&mut function, ("authorization", &session)).await.0, 200);
    fake.clock().advance(Duration::from_secs(7_200));
    let (status, body) = ask(&mut function, ("authorization", &session)).await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("keys_unavailable"), "{body}");
    fake.down(false);
    fake.clock().advance(Duration::from_secs(60));
    assert_eq!(ask(&mut function, ("authorization", &session)).await.0, 200);
}

#[tokio::test]
async fn nothing_is_renewed_beside_a_request() {
    let fake = FakeDescope::builder()
        .user("ann@example.test", |user| user.tenant("T1", |t| t))
        .session_ttl(Duration::from_secs(600))
        .start()
        .await;
    let mut function = function(fake.descope());
    let ann = fake.sign_in_to("ann@example.test", "T1");
    let cookies = ("cookie", ann.cookies());
    fake.clock().advance(Duration::from_secs(590));
    assert_eq!(ask(&mut function, cookies).await.0, 200);
    assert_eq!(fake.calls("/v1/auth/refresh"), 0);
    // What has expired is renewed before its handler runs.
    fake.clock().advance(Duration::from_secs(60));
    assert_eq!(ask(&mut function, cookies).await.0, 200);
    assert_eq!(fake.calls("/v1/auth/refresh"), 1);
}
