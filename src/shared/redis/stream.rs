//! A connected stream: TCP, TLS over it, a Unix socket. Never more bytes come in than the steps under
//! way may be answered with, whatever a server sends.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::address::Place;

/// An answer has two sealed texts of 64 KiB at most, or a page of marks, and a server's own errors are a
/// line.
pub(super) const LONGEST_ANSWER: usize = 1024 * 1024;

/// Anything that bytes go through.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(super) async fn connect(place: &Place) -> io::Result<Box<dyn Io>> {
    match place {
        Place::Tcp { host, port, tls } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            // Scripts are small and somebody waits for each.
            stream.set_nodelay(true)?;
            if *tls {
                tls::over(stream, host).await
            } else {
                Ok(Box::new(stream))
            }
        }
        #[cfg(unix)]
        Place::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
    }
}

/// By the process's own provider of algorithms where it has one, else by the one that the calls to
/// Descope use, too; trusts what the system trusts.
#[cfg(feature = "rustls")]
mod tls {
    use std::{io, sync::Arc};

    use rustls::{
        ClientConfig,
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::ServerName,
    };
    use rustls_platform_verifier::BuilderVerifierExt as _;
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::Io;

    fn config() -> Result<ClientConfig, rustls::Error> {
        let provider = CryptoProvider::get_default().cloned();
        let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?;
        Ok(config.with_no_client_auth())
    }

    pub(super) async fn over(stream: TcpStream, host: &str) -> io::Result<Box<dyn Io>> {
        let name = ServerName::try_from(host.to_owned()).map_err(super::no_tls)?;
        // Reads the files that hold the system's certificates.
        let config = tokio::task::spawn_blocking(config).await?;
        let connector = TlsConnector::from(Arc::new(config.map_err(super::no_tls)?));
        let stream = connector.connect(name, stream).await;
        Ok(Box::new(stream.map_err(super::no_tls)?))
    }
}

#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
mod tls {
    use std::io;

    use tokio::net::TcpStream;

    use super::Io;

    pub(super) async fn over(stream: TcpStream, host: &str) -> io::Result<Box<dyn Io>> {
        let connector = tokio::task::spawn_blocking(native_tls::TlsConnector::new).await?;
        let connector = tokio_native_tls::TlsConnector::from(connector.map_err(super::no_tls)?);
        let stream = connector.connect(host, stream).await;
        Ok(Box::new(stream.map_err(super::no_tls)?))
    }
}

/// The settings' check says so before.
#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
mod tls {
    use std::io;

    use tokio::net::TcpStream;

    use super::Io;

    #[expect(clippy::unused_async, reason = "as the others")]
    pub(super) async fn over(_stream: TcpStream, _host: &str) -> io::Result<Box<dyn Io>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A failure of TLS, which is none of Redis's protocol, whatever kind it has of its own.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn no_tls(error: impl std::error::Error) -> io::Error {
    io::Error::other(format!("TLS failed: {error}"))
}

/// How many bytes may come in: so many for each step under way.
#[derive(Debug, Default)]
pub(super) struct Allowance(Mutex<Bytes>);

#[derive(Debug, Default)]
struct Bytes {
    steps: usize,
    left: usize,
}

/// A step under way.
#[derive(Debug)]
pub(super) struct Step(Arc<Allowance>);

impl Allowance {
    pub(super) fn step(self: &Arc<Self>) -> Step {
        self.change(|bytes| {
            bytes.steps += 1;
            bytes.left = bytes.left.saturating_add(LONGEST_ANSWER);
        });
        Step(Arc::clone(self))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Bytes) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.change(|bytes| {
            bytes.steps = bytes.steps.saturating_sub(1);
            // One is left to who gave up: the answer may still come.
            let most = (bytes.steps + 1).saturating_mul(LONGEST_ANSWER);
            bytes.left = bytes.left.min(most);
        });
    }
}

/// A stream that ends where more comes in than allowed.
pub(super) struct Bounded<S> {
    stream: S,
    allowance: Arc<Allowance>,
}

impl<S> Bounded<S> {
    pub(super) fn new(stream: S, allowance: Arc<Allowance>) -> Self {
        Self { stream, allowance }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let count = buffer.filled().len().saturating_sub(before);
        let allowed = self.allowance.change(|bytes| {
            let left = bytes.left.checked_sub(count);
            bytes.left = left.unwrap_or(0);
            left.is_some()
        });
        if allowed {
            read
        } else {
            Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_stream_ends_where_more_comes_in_than_was_asked_for() {
        let allowance = Arc::new(Allowance::default());
        let step = allowance.step();
        let mut stream = Bounded::new(tokio::io::repeat(b'x'), Arc::clone(&allowance));
        let mut room = vec![0; LONGEST_ANSWER];
        stream.read_exact(&mut room).await.unwrap();
        let error = stream.read_exact(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        drop(step);
    }

    #[test]
    fn what_steps_left_over_does_not_add_up() {
        let allowance = Arc::new(Allowance::default());
        for _ in 0..100 {
            drop(allowance.step());
        }
        assert_eq!(allowance.change(|bytes| bytes.left), LONGEST_ANSWER);
    }
}
