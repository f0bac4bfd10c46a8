//! A browser for the example to ask itself with: a page that has a socket open, renews its session three
//! times, and signs out.

use std::{collections::BTreeMap, error::Error, net::SocketAddr, time::Duration};

use futures_util::StreamExt;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::CloseFrame},
};
use tower_descope::test_util::FakeDescope;

use super::ANN;

type Failure = Box<dyn Error>;

struct Browser {
    address: SocketAddr,
    jar: BTreeMap<String, String>,
}

impl Browser {
    fn cookies(&self) -> String {
        let pairs: Vec<_> = self
            .jar
            .iter()
            .map(|(name, it)| format!("{name}={it}"))
            .collect();
        pairs.join("; ")
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap_or_default().split(';').next();
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    async fn call(&mut self, method: &str, path: &str) -> Result<StatusCode, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("cookie", self.cookies())
            .header("sec-fetch-site", "same-origin")
            .body(Empty::<bytes::Bytes>::new())?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await?;
        self.keep(response.headers());
        Ok(response.status())
    }

    async fn socket(&mut self) -> Result<WebSocketStream<TcpStream>, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        let mut request = format!("ws://{}/live", self.address).into_client_request()?;
        let origin = format!("http://{}", self.address);
        request.headers_mut().insert("origin", origin.try_into()?);
        request
            .headers_mut()
            .insert("cookie", self.cookies().try_into()?);
        let (socket, response) = client_async(request, stream).await?;
        self.keep(response.headers());
        Ok(socket)
    }
}

pub(crate) async fn check(address: SocketAddr, fake: &FakeDescope) -> Result<(), Failure> {
    let ann = fake.sign_in_to(ANN, "acme");
    let mut browser = Browser {
        address,
        jar: BTreeMap::from([
            ("DS".to_owned(), ann.session_jwt().to_owned()),
            ("DSR".to_owned(), ann.refresh_jwt().to_owned()),
        ]),
    };
    let mut socket = browser.socket().await?;
    let first = line(&mut socket).await?;
    if first != "acme: 1" {
        return Err(format!("the socket does not know its tenant: {first}").into());
    }
    let (started, before) = (Instant::now(), fake.calls("/v1/auth/refresh"));
    while fake.calls("/v1/auth/refresh") < before + 3 {
        sleep(Duration::from_millis(500)).await;
        if browser.call("GET", "/who").await? != StatusCode::OK {
            return Err("the page was signed out".into());
        }
        // What has come meanwhile; an end would be an error.
        line(&mut socket).await?;
    }
    println!("open for {:.1?}, over three renewals", started.elapsed());
    let signed_out = Instant::now();
    browser.call("POST", "/v1/auth/logout").await?;
    let end = loop {
        match timeout(Duration::from_secs(5), socket.next()).await? {
            Some(Ok(Message::Close(end))) => break end,
            Some(Ok(_)) => {}
            end => return Err(format!("no close frame: {end:?}").into()),
        }
    };
    let took = signed_out.elapsed();
    println!("closed {took:.0?} after the sign-out: {end:?}");
    match end {
        Some(CloseFrame { code, .. }) if u16::from(code) == 4401 => {}
        other => return Err(format!("closed otherwise: {other:?}").into()),
    }
    if took > Duration::from_secs(1) {
        return Err("the sign-out was not noticed within a second".into());
    }
    let _ = socket.close(None).await;
    Ok(())
}

/// The next line of the socket.
async fn line(socket: &mut WebSocketStream<TcpStream>) -> Result<String, Failure> {
    match timeout(Duration::from_secs(5), socket.next()).await? {
        Some(Ok(Message::Text(line))) => Ok(line.to_string()),
        other => Err(format!("no line: {other:?}").into()),
    }
}
