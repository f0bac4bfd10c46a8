//! The HTTP server, on a thread and a runtime of its own.
//!
//! A test may pause its runtime's time, block its thread, or end its runtime while another test
//! still uses the fake; none of this touches the fake.

use std::{
    convert::Infallible,
    future::{Future, pending},
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed, mpsc as blocking},
    thread,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime,
    sync::{Notify, mpsc},
    task::JoinSet,
};

use super::{canned::Canned, record::Recorded, routes::Service, shared::Shared};

/// More than any client of Descope sends.
const BODY_LIMIT: usize = 1 << 20;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The running server; it stops when this is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    commands: mpsc::UnboundedSender<Command>,
    runtime: runtime::Handle,
}

enum Command {
    Down(blocking::SyncSender<io::Result<()>>),
    Up(blocking::SyncSender<io::Result<()>>),
}

impl Server {
    pub(super) fn start(listen: SocketAddr, shared: &Arc<Shared>) -> Self {
        let listener = std::net::TcpListener::bind(listen)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .unwrap_or_else(|error| panic!("FakeDescope cannot listen on {listen}: {error}"));
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        // Before anybody is served.
        shared.with_state(|state| state.url = url(address));
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime for FakeDescope");
        let handle = runtime.handle().clone();
        let (commands, received) = mpsc::unbounded_channel();
        let shared = Arc::clone(shared);
        thread::Builder::new()
            .name("fake-descope".into())
            .spawn(move || {
                runtime.block_on(async {
                    let listener =
                        TcpListener::from_std(listener).expect("a listener for the fake's runtime");
                    serve(listener, address, shared, received).await;
                });
            })
            .expect("a thread for FakeDescope");
        Self {
            address,
            commands,
            runtime: handle,
        }
    }

    /// Blocks until it is done, which is at once: the server has a thread of its own.
    pub(super) fn down(&self, down: bool) {
        let (done, wait) = blocking::sync_channel(1);
        let command = if down {
            Command::Down(done)
        } else {
            Command::Up(done)
        };
        let address = self.address;
        let sent = self.commands.send(command).is_ok();
        match wait.recv() {
            Ok(Ok(())) if sent => {}
            Ok(Err(error)) => panic!("FakeDescope lost its port {address}: {error}"),
            _ => panic!("FakeDescope's thread has ended"),
        }
    }

    /// Runs a future on the fake's runtime, in real time.
    pub(super) async fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let task = self.runtime.spawn(future);
        task.await.expect("FakeDescope's runtime runs")
    }
}

/// The base URL of a fake that listens here, without a slash at its end.
pub(super) fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    format!("http://{address}")
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let mut listener = Some(listener);
    // While down, the port stays ours: bound, but nobody listens.
    let mut reserved = None;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                // Every handle is gone.
                None => return,
                Some(Command::Down(done)) => {
                    connections.shutdown().await;
                    let result = match listener.take() {
                        Some(open) => {
                            drop(open);
                            reserve(address).map(|socket| reserved = Some(socket))
                        }
                        None => Ok(()),
                    };
                    let _ = done.send(result);
                }
                Some(Command::Up(done)) => {
                    let result = match reserved.take() {
                        Some(socket) => socket.listen(BACKLOG).map(|open| listener = Some(open)),
                        None => Ok(()),
                    };
                    let _ = done.send(result);
                }
            },
            accepted = accept(listener.as_ref()) => match accepted {
                Ok(stream) => {
                    shared.connections.fetch_add(1, Relaxed);
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                // Out of file descriptors, or the client has gone; neither is for ever.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => pending().await,
    }
}

fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let cut = Arc::new(Notify::new());
    let service = service_fn({
        let cut = Arc::clone(&cut);
        move |request| respond(request, Arc::clone(&shared), Arc::clone(&cut))
    });
    let server = http1::Builder::new();
    tokio::select! {
        // A client that breaks off is no concern of the fake's.
        _ = server.serve_connection(TokioIo::new(stream), service) => {}
        () = cut.notified() => {}
    }
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    cut: Arc<Notify>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Some(body) = read(body).await else {
        let refusal = Canned::error(413, "E011001", "the body is too large or broken");
        return Ok(refusal.into_response());
    };
    let request = Recorded {
        method: parts.method,
        path: parts.uri.path().into(),
        query: parts.uri.query().map(Into::into),
        headers: parts.headers,
        body,
    };
    let path = request.path.clone();

    let (answer, lost, delay) = shared.with_state(|state| {
        let answer = match state.faults.stand_in(&path) {
            Some(canned) => canned,
            None => Service::new(&shared.settings, state, &request).answer(),
        };
        state.record.requests.push(request);
        (
            answer,
            state.faults.take_drop(&path),
            state.faults.delay_of(&path),
        )
    });
    shared.changed.send_replace(());

    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let mut changed = shared.changed.subscribe();
    while shared.with_state(|state| state.faults.hangs(&path)) {
        // The sender lives in `shared`, so this cannot fail.
        let _ = changed.changed().await;
    }
    if lost {
        cut.notify_one();
        return pending().await;
    }
    Ok(answer.into_response())
}

/// The whole body, or none if it is broken or too large. What is too large is read to its end all
/// the same: an answer before that would cut a connection on which the client still writes.
async fn read(mut body: Incoming) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    let mut fits = true;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            fits &= whole.len() + data.len() <= BODY_LIMIT;
            if fits {
                whole.extend_from_slice(&data);
            }
        }
    }
    fits.then(|| whole.freeze())
}
