//! A small server on loopback with the faults of a test, and a client for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{ClientSettings, CredentialStyle, DescopeClient};
use crate::{
    client::transport::{self, HttpSettings},
    clock::Clock,
};

/// For the tests that wait for it.
pub(super) const SHORT: Duration = Duration::from_millis(200);
/// For all others, which must not hang either.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// The acts of the server once it has read a request.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Sends this text and closes.
    Say(String),
    /// Sends nothing, and keeps the connection.
    Hang,
    /// Sends this text, and keeps the connection.
    Stall(String),
    /// Closes without an answer.
    Close,
    /// Sends a head with these fields, and then zeros for ever.
    Flood(&'static str),
}

/// A server that does one act per connection, the last one again and again.
pub(super) struct Server {
    pub(super) base: String,
    requests: Arc<std::sync::Mutex<Vec<String>>>,
    pub(super) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(super) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<std::sync::Mutex<Vec<String>>>::default();
        let connections = Arc::<AtomicUsize>::default();
        let (seen, count) = (requests.clone(), connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let index = count.fetch_add(1, SeqCst).min(acts.len() - 1);
                let (act, seen) = (acts[index].clone(), seen.clone());
                tokio::spawn(async move {
                    // A client that gives up first is what some tests are about.
                    let _ = serve(stream, act, &seen).await;
                });
            }
        });
        Self {
            base,
            requests,
            connections,
        }
    }

    pub(super) fn client(&self, rotation: bool) -> DescopeClient {
        client(&self.base, rotation, LONG)
    }

    /// Completes once a request has come.
    pub(super) fn arrived(&self) -> impl Future<Output = ()> + use<> {
        let requests = self.requests.clone();
        async move {
            while requests.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    act: Act,
    seen: &std::sync::Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    seen.lock()
        .unwrap()
        .push(String::from_utf8(request).unwrap());
    match act {
        Act::Say(text) => stream.write_all(text.as_bytes()).await?,
        Act::Hang => std::future::pending().await,
        Act::Stall(text) => {
            stream.write_all(text.as_bytes()).await?;
            std::future::pending::<()>().await;
        }
        Act::Close => {}
        Act::Flood(headers) => {
            let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(&[b'0'; 8192]).await?;
            }
        }
    }
    stream.shutdown().await
}

pub(super) fn client(base: &str, rotation: bool, timeout: Duration) -> DescopeClient {
    client_by(Clock::System, base, rotation, timeout)
}

/// A client that lives by this clock.
pub(super) fn client_by(
    clock: Clock,
    base: &str,
    rotation: bool,
    timeout: Duration,
) -> DescopeClient {
    let base = transport::parse_base_url(base, false).unwrap();
    let connections = transport::Connections {
        timeout,
        kept: 1,
        idle_timeout: Duration::from_secs(10),
    };
    let http = transport::build(&HttpSettings::default(), &base, connections).unwrap();
    DescopeClient::new(
        http,
        base,
        ClientSettings {
            project_id: "P1".into(),
            timeout,
            listen: timeout,
            max_connections: 1,
            clock,
            retry_delay: Duration::from_millis(100),
            rotation,
            style: CredentialStyle::Bearer,
            session_names: vec!["DS".into()],
            refresh_names: vec!["DSR".into()],
        },
    )
}

pub(super) fn answer(status: &str, headers: &str, body: &str) -> Act {
    Act::Say(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    ))
}
