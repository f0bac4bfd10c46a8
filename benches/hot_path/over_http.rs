//! A service behind HTTP/1.1, and the processor time that its thread takes: its reading and writing of
//! requests, its calls and the kernel's part in both included.

use std::{
    cell::Cell,
    convert::Infallible,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Builder};
use tower::{Service, ServiceExt as _};

/// Has the requests sent one after the other over one connection to the service that `make` makes, and
/// returns the processor time of all but the first `unmeasured`, of which the first opens connections.
///
/// The service is on this thread: the allocator grows the memory of every other one page by page.
pub(crate) fn processor_time<S>(
    requests: Vec<Vec<u8>>,
    unmeasured: usize,
    make: impl AsyncFnOnce() -> S,
) -> Duration
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible> + Clone,
{
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let service = make().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let browser = thread::spawn(move || send_all(address, &requests));
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let (served, start) = (Cell::new(0), Cell::new(Duration::ZERO));
        let service = service_fn(|request: Request<Incoming>| {
            if served.get() == unmeasured {
                start.set(thread_time());
            }
            served.set(served.get() + 1);
            service.clone().oneshot(request.map(drop))
        });
        let connection = http1::Builder::new();
        let connection = connection.serve_connection(TokioIo::new(stream), service);
        connection.await.expect("a connection that ends well");
        let took = thread_time().saturating_sub(start.get());
        browser.join().expect("good responses");
        took
    })
}

/// A request as it is sent.
pub(crate) fn get(cookies: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nhost: app.example.com\r\ncookie: {cookies}\r\n\r\n").into_bytes()
}

/// Each response must set two cookies and have no body.
fn send_all(address: SocketAddr, requests: &[Vec<u8>]) {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = vec![0; 16 * 1024];
    for request in requests {
        stream.write_all(request).expect("an open connection");
        let mut length = 0;
        while !buffer[..length].ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut buffer[length..]).expect("a response");
            assert!(read > 0, "the connection has ended");
            length += read;
        }
        let head = std::str::from_utf8(&buffer[..length]).expect("text");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert_eq!(head.matches("\r\nset-cookie: ").count(), 2, "{head}");
    }
}

/// The processor time that this thread has had.
#[cfg(target_os = "linux")]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().expect("no time before the thread")
}

/// Real time, where the other is not known.
#[cfg(not(target_os = "linux"))]
fn thread_time() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}
