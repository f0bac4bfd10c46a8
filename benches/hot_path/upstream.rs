//! Users whose sessions have expired, a Descope that answers at once from what was prepared, and the
//! least that any proxy does which renews sessions in cookies.
//!
//! `tests/allocations.rs` counts with it, too, so the Descope of it allocates nothing once it runs.

use std::{
    collections::HashMap,
    convert::Infallible,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Request, Response, header};
use serde::Deserialize;
use tower_descope::{
    Descope,
    test_util::{FakeDescope, TestClock},
};

/// Users whose sessions have expired, again and again, and the place where their refresh tokens are good
/// once.
pub(crate) struct Renewals {
    /// The `Cookie` field of each user in each round.
    cookies: Vec<Vec<String>>,
    url: String,
    project_id: String,
    /// When the first round begins.
    start: SystemTime,
}

impl Renewals {
    /// The time from one round to the next, in which sessions expire.
    pub(crate) const BETWEEN: Duration = Duration::from_secs(11 * 60);

    /// Has `fake` answer a refresh of each user in each round, and answers the same from then on.
    pub(crate) async fn prepare(
        fake: &FakeDescope,
        users: impl Iterator<Item = String>,
        rounds: usize,
    ) -> Self {
        let project_id = fake.project_id().to_owned();
        let client = reqwest::Client::new();
        let mut answers = HashMap::new();
        let mut cookies = Vec::new();
        let start = fake.clock().now();
        let expired = |user: String| {
            let session = fake.session(&user).expired().token();
            (session, fake.refresh(&user).token())
        };
        let mut shown: Vec<(String, String)> = users.map(expired).collect();
        for round in 0..rounds {
            if round > 0 {
                fake.clock().advance(Self::BETWEEN);
            }
            let mut of_round = Vec::new();
            for (session, refresh) in &mut shown {
                let call = client.post(format!("{}/v1/auth/refresh", fake.url()));
                let call = call.header("authorization", format!("Bearer {project_id}:{refresh}"));
                let answer = call.send().await.expect("the fake answers");
                assert!(answer.status().is_success());
                let body = answer.bytes().await.expect("a body");
                of_round.push(format!("theme=dark; DS={session}; DSR={refresh}; lang=en"));
                let answer: Answer = serde_json::from_slice(&body).expect("an answer");
                answers.insert(refresh.clone(), response(&body));
                (*session, *refresh) = (answer.session_jwt, answer.refresh_jwt);
            }
            cookies.push(of_round);
        }
        let keys = response(fake.jwks().to_string().as_bytes());
        Self {
            cookies,
            url: serve(Arc::new(answers), Arc::new(keys)),
            project_id,
            start,
        }
    }

    /// A handle that has seen nobody, with its keys and a connection for calls, and its clock at the beginning
    /// of the first round.
    pub(crate) async fn handle(&self) -> (Descope, TestClock) {
        let clock = TestClock::at(self.start);
        let builder = Descope::builder(&*self.project_id).base_url(&*self.url);
        let builder = builder.clock(clock.clone());
        let descope = builder.build().expect("a good configuration");
        descope.warm_up().await.expect("keys");
        (descope, clock)
    }

    /// The `Cookie` field of each user.
    pub(crate) fn cookies(&self, round: usize) -> &[String] {
        &self.cookies[round]
    }

    /// A request of each user.
    pub(crate) fn requests(&self, round: usize) -> Vec<Request<()>> {
        let request = |cookies: &String| Request::get("/").header(header::COOKIE, cookies).body(());
        let requests = self.cookies(round).iter().map(request);
        requests.collect::<Result<_, _>>().expect("good fields")
    }

    /// The least that a proxy does: it reads the refresh cookie, calls, and sets two cookies.
    pub(crate) fn bare_proxy(&self) -> BareProxy {
        let client = reqwest::Client::builder().http1_only().no_proxy();
        BareProxy {
            client: client.build().expect("a client"),
            url: format!("{}/v1/auth/refresh", self.url),
            project_id: self.project_id.clone(),
        }
    }
}

/// What the least proxy reads of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    session_jwt: String,
    refresh_jwt: String,
}

pub(crate) struct BareProxy {
    client: reqwest::Client,
    url: String,
    project_id: String,
}

impl BareProxy {
    pub(crate) async fn call(&self, request: Request<()>) -> Result<Response<String>, Infallible> {
        let cookies = request.headers()[header::COOKIE].to_str();
        let mut cookies = cookies.expect("text").split("; ");
        let refresh = cookies.find_map(|cookie| cookie.strip_prefix("DSR="));
        let refresh = refresh.expect("a refresh cookie");
        let call = self.client.post(&self.url);
        let call = call
            .header(
                "authorization",
                format!("Bearer {}:{refresh}", self.project_id),
            )
            .header("content-type", "application/json")
            .body("{}");
        let answer = call.send().await.expect("an answer");
        let answer = answer.bytes().await.expect("a body");
        let answer: Answer = serde_json::from_slice(&answer).expect("an answer");
        let mut response = Response::new(String::new());
        for (name, token) in [("DS", answer.session_jwt), ("DSR", answer.refresh_jwt)] {
            let line = format!("{name}={token}; HttpOnly; SameSite=Strict; Secure; Path=/");
            let line = HeaderValue::try_from(line).expect("a header");
            response.headers_mut().append(header::SET_COOKIE, line);
        }
        Ok(response)
    }
}

fn response(body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Answers on a port of its own, each connection on a thread of its own; returns its URL.
fn serve(answers: Arc<HashMap<String, Vec<u8>>>, keys: Arc<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let (answers, keys) = (Arc::clone(&answers), Arc::clone(&keys));
            thread::spawn(move || answer_all(stream, &answers, &keys));
        }
    });
    url
}

/// Answers the requests of a connection until it ends.
fn answer_all(mut stream: TcpStream, answers: &HashMap<String, Vec<u8>>, keys: &[u8]) {
    let mut buffer = vec![0; 16 * 1024];
    stream.set_nodelay(true).expect("a socket");
    loop {
        let mut length = 0;
        // A head, and the two bytes of a body of `{}` where it is a POST.
        let request = loop {
            let read = stream.read(&mut buffer[length..]).unwrap_or_default();
            if read == 0 {
                return;
            }
            length += read;
            let request = std::str::from_utf8(&buffer[..length]).expect("text");
            let end = if request.starts_with("GET") {
                "\r\n\r\n"
            } else {
                "\r\n\r\n{}"
            };
            if request.ends_with(end) {
                break request;
            }
        };
        let token = request.split_once("Bearer ").and_then(|(_, rest)| {
            let (credential, _) = rest.split_once("\r\n")?;
            credential.split_once(':').map(|(_, token)| token)
        });
        let answer = token.map_or(keys, |token| &answers[token]);
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}
