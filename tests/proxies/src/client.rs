//! A client that sends what it is told to, byte for byte, and reads likewise.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The host that all clients ask.
pub(crate) const HOST: &str = "app.example.test";

const PATIENCE: Duration = Duration::from_secs(30);

/// A request, as it is written.
#[derive(Clone, Debug)]
pub struct Request {
    head: String,
    connection: String,
    body: Vec<u8>,
}

impl Request {
    /// One of a page of the application itself.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n");
        let request = Self {
            head,
            connection: "close".to_owned(),
            body: Vec::new(),
        };
        request.field("Sec-Fetch-Site", "same-origin")
    }

    /// Leaves out where the page was that asked, as browsers do with a WebSocket.
    #[must_use]
    pub fn without_site(mut self) -> Self {
        self.head = self.head.replace("Sec-Fetch-Site: same-origin\r\n", "");
        self
    }

    /// A page.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// Adds a field, whatever is there already.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.head.push_str(part);
        }
        self
    }

    /// Sets the field `Connection`, which is `close` otherwise.
    #[must_use]
    pub fn connection(mut self, value: &str) -> Self {
        value.clone_into(&mut self.connection);
        self
    }

    /// Adds a body with its length.
    #[must_use]
    pub fn body(mut self, body: Vec<u8>) -> Self {
        self = self.field("Content-Length", &body.len().to_string());
        self.body = body;
        self
    }

    /// Adds a body in chunks.
    #[must_use]
    pub fn chunked(mut self, body: &[u8]) -> Self {
        self = self.field("Transfer-Encoding", "chunked");
        for chunk in body.chunks(50_000) {
            self.body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            self.body.extend(chunk);
            self.body.extend(b"\r\n");
        }
        self.body.extend(b"0\r\n\r\n");
        self
    }

    /// Asks, and reads to the end of the connection.
    pub async fn send(&self, port: u16) -> Answer {
        let mut connection = self.open(port).await;
        let mut answer = connection.head().await;
        answer.body = connection.rest().await;
        answer
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        let head = format!("{}Connection: {}\r\n\r\n", self.head, self.connection);
        let mut bytes = head.into_bytes();
        bytes.extend(&self.body);
        bytes
    }

    /// Asks, and leaves the answer to be read.
    pub async fn open(&self, port: u16) -> Connection {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let (mut read, mut write) = stream.into_split();
        let bytes = self.bytes();
        // Beside the reading, since a refusal may come before the end of a body.
        let (sent, had) = tokio::join!(
            async {
                let sent = timeout(PATIENCE, write.write_all(&bytes)).await;
                sent.expect("the request is taken")
            },
            async {
                let mut had = vec![0; 65_536];
                let read = timeout(PATIENCE, read.read(&mut had)).await;
                let read = read.expect("an answer comes in time").unwrap_or(0);
                had.truncate(read);
                had
            }
        );
        drop(sent);
        let stream = read.reunite(write).unwrap();
        Connection { stream, had }
    }
}

/// A connection with an answer under way.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    had: Vec<u8>,
}

impl Connection {
    /// Reads the head of an answer; one of an interim answer is passed over.
    pub async fn head(&mut self) -> Answer {
        loop {
            self.until(b"\r\n\r\n").await;
            let end = find(&self.had, b"\r\n\r\n").unwrap();
            let rest = self.had.split_off(end + 4);
            let head = std::mem::replace(&mut self.had, rest);
            let answer = Answer::of(&String::from_utf8(head).unwrap());
            if answer.status != 100 {
                return answer;
            }
        }
    }

    /// Reads until the text is there.
    pub async fn until(&mut self, text: &[u8]) {
        while find(&self.had, text).is_none() {
            let more = self.more().await;
            let had = String::from_utf8_lossy(&self.had);
            let text = String::from_utf8_lossy(text);
            assert!(more, "the connection ends before {text:?} comes: {had:?}");
        }
    }

    /// Returns `true` if the text is among what has been read.
    pub fn has(&self, text: &str) -> bool {
        find(&self.had, text.as_bytes()).is_some()
    }

    /// Writes more.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&self.had).into_owned()
    }

    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.had)).await;
        read.expect("more comes in time").unwrap_or(0) > 0
    }
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    fields: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn of(head: &str) -> Self {
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Self {
            status: status.unwrap().parse().unwrap(),
            fields: fields.collect(),
            body: String::new(),
        }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The values of all fields of a name, in their order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|(it, _)| it == name);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a field that is there once.
    pub fn field(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} is there more than once: {all:?}");
        all.first().copied()
    }

    /// The names of all fields, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// The body, with its chunks where it came in chunks.
    pub fn body(&self) -> &str {
        &self.body
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
