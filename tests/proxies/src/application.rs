//! The application behind a proxy: it notes what reached it, and knows nothing of who asks but what it is
//! told.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Channel, Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade};
use hyper_util::rt::TokioIo;
use tokio::{
    io,
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// Its own cookies, on every answer.
pub const COOKIES: [&str; 2] = ["theme=dark; Path=/", "cart=7; Path=/; HttpOnly"];

/// What the page `/stored` says of itself, to each cache by the field that it goes by.
pub const STORED: [(&str, &str); 7] = [
    ("cache-control", "public, s-maxage=600"),
    ("cdn-cache-control", "max-age=600"),
    ("cloudflare-cdn-cache-control", "max-age=600"),
    ("surrogate-control", "max-age=600"),
    ("fastly-surrogate-control", "max-age=600"),
    ("edge-control", "cache-maxage=600"),
    ("x-accel-expires", "600"),
];

/// A request that reached the application.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "for these tests alone")]
pub struct Seen {
    /// `GET`, for example.
    pub method: String,
    /// The target.
    pub uri: String,
    /// The fields, their names in lower case.
    pub headers: HeaderMap,
    /// How many bytes the body had.
    pub length: usize,
}

impl Seen {
    /// The values of all fields of a name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).into_iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }
}

/// An application on a free port.
#[derive(Debug)]
pub struct Application {
    shared: Arc<Shared>,
    port: u16,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    next_event: Notify,
}

impl Application {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self {
            shared,
            port,
            server,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Forgets them.
    pub fn forget(&self) {
        self.shared.seen.lock().unwrap().clear();
    }

    /// Has an open stream of events go on.
    pub fn next_event(&self) {
        self.shared.next_event.notify_one();
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Body = Either<Full<Bytes>, Channel<Bytes>>;

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&shared)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = connection.with_upgrades().await;
        });
    }
}

async fn answer(
    mut request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Infallible> {
    let mut seen = Seen {
        method: request.method().to_string(),
        uri: request.uri().to_string(),
        headers: request.headers().clone(),
        length: 0,
    };
    let mut response = Response::new(Either::Left(Full::from("the application's page")));
    for cookie in COOKIES {
        let cookie = cookie.parse().unwrap();
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    match request.uri().path() {
        // Of a bench: not noted.
        "/quick" => return Ok(response),
        "/socket" => {
            let upgraded = upgrade::on(&mut request);
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            *response.body_mut() = Either::Left(Full::default());
            for (name, value) in [
                ("connection", "upgrade"),
                ("upgrade", "websocket"),
                // Of the key in RFC 6455, section 1.3.
                ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ] {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            tokio::spawn(async move {
                // Not one frame of the protocol: what comes goes back.
                let (mut read, mut write) = io::split(TokioIo::new(upgraded.await.unwrap()));
                let _ = io::copy(&mut read, &mut write).await;
            });
        }
        "/events" => {
            let (mut events, body) = Channel::new(1);
            *response.body_mut() = Either::Right(body);
            let headers = response.headers_mut();
            headers.insert("content-type", "text/event-stream".parse().unwrap());
            // For nginx, which keeps small pieces together otherwise.
            headers.insert("x-accel-buffering", "no".parse().unwrap());
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                for number in 1..=3 {
                    let event = Bytes::from(format!("data: event {number}\n\n"));
                    if events.send_data(event).await.is_err() {
                        return;
                    }
                    shared.next_event.notified().await;
                }
            });
        }
        "/stored" => {
            for (name, value) in STORED {
                response.headers_mut().append(name, value.parse().unwrap());
            }
        }
        "/missing" => *response.status_mut() = StatusCode::NOT_FOUND,
        "/broken" => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        "/denied" => *response.status_mut() = StatusCode::FORBIDDEN,
        _ => {}
    }
    if response.status() != StatusCode::SWITCHING_PROTOCOLS
        && let Ok(body) = request.into_body().collect().await
    {
        seen.length = body.to_bytes().len();
    }
    shared.seen.lock().unwrap().push(seen);
    Ok(response)
}

/// A listener that takes connections and says nothing, as a service that stands still.
pub(crate) async fn silent(port: u16) -> JoinHandle<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    tokio::spawn(async move {
        let mut open: Vec<TcpStream> = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    })
}
