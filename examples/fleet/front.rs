//! What stands before the replicas: each connection goes to the next one.

use std::{collections::BTreeSet, net::SocketAddr};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower_descope::test_util::FakeDescope;

/// Forwards connections in turn. A service has a proxy for this, which also leaves out replicas that do
/// not answer.
pub(crate) async fn serve(listener: TcpListener, replicas: Vec<SocketAddr>) {
    let mut next = replicas.into_iter().cycle();
    while let (Ok((mut stream, _)), Some(replica)) = (listener.accept().await, next.next()) {
        tokio::spawn(async move {
            if let Ok(mut replica) = TcpStream::connect(replica).await {
                let _ = copy_bidirectional(&mut stream, &mut replica).await;
            }
        });
    }
}

/// Six requests at once with a session that has expired: all are answered, by three replicas, after one
/// call.
pub(crate) async fn check(
    url: &str,
    tokens: &Value,
    fake: &FakeDescope,
) -> Result<(), super::Failure> {
    let refresh = tokens
        .get("refreshJwt")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut requests = JoinSet::new();
    for _ in 0..6 {
        let request = Request::get(format!("{url}/who"))
            .header("cookie", format!("DSR={refresh}"))
            .header("sec-fetch-site", "same-origin")
            .body(Empty::<Bytes>::new())?;
        let client = client.clone();
        requests.spawn(async move {
            let response = client.request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, super::Failure>((status, String::from_utf8_lossy(&body).into_owned()))
        });
    }
    let mut seen = BTreeSet::new();
    for answer in requests.join_all().await {
        let (status, body) = answer?;
        print!("{status}: {body}");
        if status != StatusCode::OK {
            return Err(format!("expected {}", StatusCode::OK).into());
        }
        seen.insert(body);
    }
    let calls = fake.calls("/v1/auth/refresh");
    println!("{} replicas answered, after {calls} call", seen.len());
    if (seen.len(), calls) != (3, 1) {
        return Err("expected three replicas and one call".into());
    }
    Ok(())
}
