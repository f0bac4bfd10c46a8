//! A server in front of the fake that plays what it is told to the connections that come, and
//! passes them on to the fake when it is told nothing.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

/// Between two bytes of a [`Act::Trickle`]: far below every deadline, as a byte a second is below
/// the ten seconds of a real one.
const TRICKLE: Duration = Duration::from_millis(50);

/// What the kernel holds for the client is not what the client has read. It is kept small, and the
/// client is given time to read it, so that the count of what was written comes close to that.
const SEND_BUFFER: u32 = 64 * 1024;
const AT_ONCE: usize = 16 * 1024;
const PAUSE: Duration = Duration::from_millis(1);

/// More than any request of ours has.
const MAX_HEAD: usize = 64 * 1024;

/// One thing done to a connection. After the last one it is closed in good order.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Reads a whole request.
    Read,
    Send(Bytes),
    /// Sends byte by byte, slowly.
    Trickle(Bytes),
    /// Sends this again and again, for as long as somebody takes it.
    Flood(Bytes),
    /// Says nothing until the client is gone.
    Wait,
    /// Ends the connection with RST.
    Reset,
}

pub(crate) struct Hostile {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    /// While nobody listens, the port stays ours.
    reserved: Option<TcpSocket>,
}

#[derive(Default)]
struct Shared {
    upstream: Option<SocketAddr>,
    script: Mutex<Option<Vec<Act>>>,
    /// The first line of each request that was read.
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    written: AtomicUsize,
}

impl Hostile {
    /// A server in front of this one.
    pub(crate) fn before(upstream: SocketAddr) -> Self {
        Self::start(Shared {
            upstream: Some(upstream),
            ..Shared::default()
        })
    }

    /// A server that nobody should come to.
    pub(crate) fn trap() -> Self {
        Self::start(Shared::default())
    }

    fn start(shared: Shared) -> Self {
        let socket = socket(([127, 0, 0, 1], 0).into());
        let shared = Arc::new(shared);
        let listener = socket.listen(64).unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            accepting: Some(tokio::spawn(accept(listener, shared.clone()))),
            shared,
            reserved: None,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Plays this to every connection from now on.
    pub(crate) fn play(&self, script: Vec<Act>) {
        *self.shared.script.lock().unwrap() = Some(script);
    }

    /// Behaves from now on.
    pub(crate) fn behave(&self) {
        *self.shared.script.lock().unwrap() = None;
    }

    /// Refuses connections from now on, or takes them again.
    pub(crate) async fn refuse(&mut self, refuse: bool) {
        if let (true, Some(accepting)) = (refuse, self.accepting.take()) {
            accepting.abort();
            // Its listener is closed once it is gone.
            let _ = accepting.await;
            self.reserved = Some(socket(self.address));
        } else if let (false, Some(socket)) = (refuse, self.reserved.take()) {
            let listener = socket.listen(64).unwrap();
            self.accepting = Some(tokio::spawn(accept(listener, self.shared.clone())));
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// How many bytes of the script somebody took, or the kernel for them.
    pub(crate) fn written(&self) -> usize {
        self.shared.written.load(SeqCst)
    }

    /// How many requests to this path were read.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let requests = self.shared.requests.lock().unwrap();
        requests
            .iter()
            .filter(|line| line.split(' ').nth(1) == Some(path))
            .count()
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_send_buffer_size(SEND_BUFFER).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, SeqCst);
        let shared = shared.clone();
        tokio::spawn(async move {
            let script = shared.script.lock().unwrap().clone();
            // A client that gives up first is what many scripts are about.
            let _ = match script {
                Some(script) => play(stream, script, &shared).await,
                None => pass_on(stream, &shared).await,
            };
        });
    }
}

async fn play(mut stream: TcpStream, script: Vec<Act>, shared: &Shared) -> io::Result<()> {
    for act in script {
        match act {
            Act::Read => drop(read(&mut stream, shared).await?),
            Act::Send(bytes) => write(&mut stream, &bytes, shared).await?,
            Act::Trickle(bytes) => {
                for byte in bytes {
                    write(&mut stream, &[byte], shared).await?;
                    tokio::time::sleep(TRICKLE).await;
                }
            }
            Act::Flood(bytes) => loop {
                write(&mut stream, &bytes, shared).await?;
            },
            Act::Wait => return drain(&mut stream).await,
            Act::Reset => return stream.set_zero_linger(),
        }
    }
    stream.shutdown().await?;
    // Closed with something unread, it would be a reset.
    drain(&mut stream).await
}

/// Has the fake answer one request, and closes.
async fn pass_on(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let request = read(&mut stream, shared).await?;
    let Some(upstream) = shared.upstream else {
        return Ok(());
    };
    let (line, rest) = request.split_at(line_end(&request));
    let mut upstream = TcpStream::connect(upstream).await?;
    // So that the next request comes by a connection of its own, to what is played then.
    for part in [line, b"connection: close\r\n", rest] {
        upstream.write_all(part).await?;
    }
    tokio::io::copy(&mut upstream, &mut stream).await?;
    stream.shutdown().await?;
    drain(&mut stream).await
}

async fn write(stream: &mut TcpStream, mut bytes: &[u8], shared: &Shared) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = stream.write(&bytes[..bytes.len().min(AT_ONCE)]).await?;
        shared.written.fetch_add(count, SeqCst);
        bytes = &bytes[count..];
        if count >= AT_ONCE {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// A whole request: its head, and as much body as that says.
async fn read(stream: &mut TcpStream, shared: &Shared) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let end = loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if request.len() > MAX_HEAD || stream.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    while request.len() < end + length {
        if stream.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let line = String::from_utf8_lossy(&request[..line_end(&request)]);
    shared.requests.lock().unwrap().push(line.into_owned());
    Ok(request)
}

fn line_end(request: &[u8]) -> usize {
    let end = request.windows(2).position(|bytes| bytes == b"\r\n");
    end.expect("a request has a first line") + 2
}

async fn drain(stream: &mut TcpStream) -> io::Result<()> {
    let mut void = [0; 4096];
    while stream.read(&mut void).await? > 0 {}
    Ok(())
}
