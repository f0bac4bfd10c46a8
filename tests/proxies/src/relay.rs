//! What stands between a proxy and the service, and notes what the service says.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
    connections: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Relay {
    /// Starts one before the service at this port.
    pub(crate) async fn start(service: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (notes, count) = (Arc::clone(&heard), Arc::clone(&connections));
        let server = tokio::spawn(async move {
            while let Ok((asking, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(connect(asking, service, Arc::clone(&notes)));
            }
        });
        Self {
            port,
            heard,
            connections,
            server,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn heard(&self) -> String {
        String::from_utf8(self.heard.lock().unwrap().clone()).unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn connect(asking: TcpStream, service: u16, notes: Arc<Mutex<Vec<u8>>>) {
    let Ok(answering) = TcpStream::connect((Ipv4Addr::LOCALHOST, service)).await else {
        return;
    };
    let (mut questions, mut asking) = asking.into_split();
    let (mut answers, mut answering) = answering.into_split();
    let down = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(read @ 1..) = answers.read(&mut buffer).await {
            // Noted first, so that whoever has the answer finds it here.
            notes.lock().unwrap().extend(&buffer[..read]);
            if asking.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
        let _ = asking.shutdown().await;
    };
    let up = async {
        let _ = copy(&mut questions, &mut answering).await;
        let _ = answering.shutdown().await;
    };
    tokio::join!(down, up);
}
