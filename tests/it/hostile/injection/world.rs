//! An upstream that says anything, a server in front of it, and what holds for each of its responses.

use std::{convert::Infallible, sync::Arc, sync::Mutex, sync::atomic::AtomicUsize, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_descope::{
    AccessKeys, Descope, Renewal, SelectTenant, SessionRoutes, TenantLayer, test_util::FakeDescope,
};

/// An upstream of plain bytes: what comes next is written as it is, where hyper would refuse to.
pub(super) struct Upstream {
    pub(super) fake: FakeDescope,
    url: String,
    next: Arc<Mutex<Vec<u8>>>,
}

impl Upstream {
    async fn start() -> Self {
        let fake = FakeDescope::builder()
            .user("ann@example.test", |user| user.id("U1").tenant("T1", |t| t))
            .start()
            .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let next = Arc::new(Mutex::new(Vec::new()));
        let keys = answer("200 OK", "", &fake.jwks().to_string());
        let answers = Arc::clone(&next);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (keys, answers) = (keys.clone(), Arc::clone(&answers));
                tokio::spawn(async move {
                    let head = read_request(&mut stream).await;
                    let bytes = if head.starts_with("GET /v2/keys/") {
                        keys
                    } else {
                        answers.lock().unwrap().clone()
                    };
                    // Whoever asked may have had enough of it before the end.
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { fake, url, next }
    }

    pub(super) fn says(&self, status: &str, fields: &str, body: &str) {
        *self.next.lock().unwrap() = answer(status, fields, body);
    }
}

fn answer(status: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The head of a request, read with its body.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return head.to_owned();
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return text,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// What stands in front: the session routes, and the layer with renewal and access keys.
async fn serve(descope: Descope) -> String {
    type Body = BoxBody<Bytes, Infallible>;
    let routes = SessionRoutes::new(descope.clone())
        .select_tenant(SelectTenant::new(descope.clone()))
        .at("/v1/auth");
    let inner = service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("inner")))
    });
    let layered = TenantLayer::new(descope).renew(Renewal::new()).layer(inner);
    let app = service_fn(move |request: Request<Incoming>| {
        let (routes, layered) = (routes.clone(), layered.clone());
        async move {
            let response: Response<Body> = if request.uri().path() == "/" {
                layered.oneshot(request).await?.map(BodyExt::boxed)
            } else {
                routes.oneshot(request).await?.map(BodyExt::boxed)
            };
            Ok::<_, Infallible>(response)
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(app.clone());
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}

/// One way to have an upstream's answer turned into a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Select,
    Refresh,
    TryRefresh,
    Renewal,
    EarlyRenewal,
    Exchange,
    Me,
    Tenants,
    History,
    Logout,
}

pub(super) const SESSIONS: [Way; 6] = [
    Way::Select,
    Way::Refresh,
    Way::TryRefresh,
    Way::Renewal,
    Way::EarlyRenewal,
    Way::Exchange,
];
pub(super) const ALL: [Way; 10] = [
    Way::Select,
    Way::Refresh,
    Way::TryRefresh,
    Way::Renewal,
    Way::EarlyRenewal,
    Way::Exchange,
    Way::Me,
    Way::Tenants,
    Way::History,
    Way::Logout,
];

pub(super) struct World {
    pub(super) upstream: Upstream,
    address: String,
    asked: AtomicUsize,
}

/// A response as it stood on the wire.
pub(super) struct Wire {
    pub(super) head: String,
    pub(super) body: String,
}

impl World {
    pub(super) async fn new() -> Self {
        let upstream = Upstream::start().await;
        let keys = AccessKeys::new().key_prefix("K2").budget(1_000, 10_000);
        let builder = upstream.fake.descope_builder().base_url(&upstream.url);
        let descope = builder
            .access_keys(keys)
            // The same token never goes up twice here, so nothing is to be kept.
            .keep_answers(Duration::ZERO)
            .build()
            .unwrap();
        descope.warm_up().await.unwrap();
        Self {
            address: serve(descope).await,
            upstream,
            asked: AtomicUsize::new(0),
        }
    }

    /// The tokens of a good answer.
    pub(super) fn good(&self) -> Map<String, Value> {
        let fake = &self.upstream.fake;
        let session = fake.session("U1").tenant("T1", |t| t).active("T1");
        let body = json!({
            "sessionJwt": session.token(),
            "refreshJwt": fake.refresh("U1").active("T1").token(),
            "user": {"userId": "U1"},
        });
        body.as_object().unwrap().clone()
    }

    async fn ask(&self, way: Way) -> Wire {
        let n = self
            .asked
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let fake = &self.upstream.fake;
        let dsr = format!("DSR={}", fake.refresh("U1").active("T1").token());
        let (line, cookies, more, body) = match way {
            Way::Select => ("POST /v1/auth/tenant/select", dsr, "", r#"{"tenant":"T1"}"#),
            Way::Refresh => ("POST /v1/auth/refresh", dsr, "", "{}"),
            Way::TryRefresh => ("POST /v1/auth/try-refresh", dsr, "", "{}"),
            Way::Renewal => ("GET /", dsr, "", ""),
            Way::EarlyRenewal => {
                let soon = fake.session("U1").active("T1").expires_in(30).token();
                ("GET /", format!("DS={soon}; {dsr}"), "", "")
            }
            Way::Exchange => ("GET /", String::new(), "", ""),
            Way::Me => ("GET /v1/auth/me", dsr, "", ""),
            Way::Tenants => ("POST /v1/auth/me/tenants", dsr, "", r#"{"dct":true}"#),
            Way::History => ("GET /v1/auth/me/history", dsr, "", ""),
            Way::Logout => ("POST /v1/auth/logout", dsr, "", "{}"),
        };
        let credential = if way == Way::Exchange {
            format!("Authorization: Bearer K2machine-number-{n:08}\r\n{more}")
        } else {
            format!("Cookie: {cookies}\r\n{more}")
        };
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: app.example\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n{credential}\
             Connection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        // Whatever is not ASCII fails here.
        let end = bytes.windows(4).position(|at| at == b"\r\n\r\n").unwrap();
        assert!(bytes[..end].is_ascii(), "{way:?}: {:?}", &bytes[..end]);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_at(end);
        Wire {
            head: head.to_owned(),
            body: body[4..].to_owned(),
        }
    }

    /// What holds for every response, whatever the upstream said.
    pub(super) async fn check(&self, way: Way, what: &str) -> Wire {
        let wire = self.ask(way).await;
        let Wire { head, body } = &wire;
        let shown: String = what.chars().take(120).collect();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap();
        assert!(status.starts_with("HTTP/1.1 "), "{way:?} {shown}: {status}");
        // A signature may have any letters; whose it is was verified.
        let tokens = head.split("=eyJ").map(|part| part.split_once(';'));
        let said: String = head
            .split("=eyJ")
            .next()
            .into_iter()
            .chain(tokens.skip(1).flatten().map(|(_, rest)| rest))
            .collect();
        assert!(
            !said.to_ascii_lowercase().contains("evil"),
            "{way:?} {shown}: {head}"
        );
        let mut length = None;
        for line in lines {
            assert!(
                line.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
                "{way:?} {shown}: {line:?}"
            );
            let (name, value) = line.split_once(": ").unwrap();
            match name {
                "date" | "cache-control" | "vary" | "connection" => {}
                "content-type" => assert_eq!(value, "application/json"),
                "www-authenticate" => assert!(value.starts_with("Bearer"), "{value}"),
                "x-descope-rejection" => {
                    assert!(value.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()));
                }
                "retry-after" => assert!(value.parse::<u32>().unwrap() <= 86_400),
                "content-length" => length = Some(value.parse::<usize>().unwrap()),
                "set-cookie" => check_cookie(value, &format!("{way:?} {shown}")),
                _ => panic!("{way:?} {shown}: a field of its own: {line}"),
            }
        }
        // Nothing comes after it that could pass for another response.
        assert_eq!(Some(body.len()), length, "{way:?} {shown}");
        assert!(
            body == "inner" || body.is_empty() || serde_json::from_str::<Value>(body).is_ok(),
            "{way:?} {shown}: {body}"
        );
        wire
    }
}

/// A cookie as the configuration has it: its name, one token or none, our attributes, a sane life.
fn check_cookie(line: &str, what: &str) {
    let mut parts = line.split("; ");
    let (name, value) = parts.next().unwrap().split_once('=').unwrap();
    assert!(["DS", "DSR"].contains(&name), "{what}: {line}");
    let attributes: Vec<&str> = parts.collect();
    let removes = value.is_empty();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    assert!(value.bytes().all(token), "{what}: {line}");
    assert!(removes || value.split('.').count() == 3, "{what}: {line}");
    for attribute in &attributes {
        let age = attribute.strip_prefix("Max-Age=");
        let known = ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"].contains(attribute)
            || removes && attribute.starts_with("Expires=Thu, 01 Jan 1970")
            || age.is_some_and(|age| {
                let age: u64 = age.parse().unwrap();
                if removes {
                    age == 0
                } else {
                    (1..=400 * 86_400).contains(&age)
                }
            });
        assert!(known, "{what}: {line}");
    }
    for needed in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(attributes.contains(&needed), "{what}: {line}");
    }
}
