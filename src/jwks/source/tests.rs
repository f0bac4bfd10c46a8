use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;
use crate::client::transport::{Connections, HttpSettings, build, parse_base_url};

const KEYS: &str = r#"{"keys":[
    {"kty":"RSA","kid":"a","alg":"RS256","n":"AQAB","e":"AQAB"},
    {"kty":"oct","kid":"b","k":"c2VjcmV0"}
]}"#;

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Answers one request; returns the base URL and what came in.
async fn serve(answer: String) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/prefix/", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        // The client may hang up early.
        let _ = stream.write_all(answer.as_bytes()).await;
        String::from_utf8(head).unwrap()
    });
    (parse_base_url(&base, false).unwrap(), served)
}

fn source(base: &Url) -> DescopeKeys {
    let connections = Connections {
        timeout: Duration::from_secs(20),
        kept: 0,
        idle_timeout: Duration::from_secs(10),
    };
    let client = build(&HttpSettings::default(), base, connections).unwrap();
    DescopeKeys::new(
        client,
        base,
        "P1",
        KeyCache::new().max_body(2_000).max_keys(3),
    )
}

async fn fetch(answer: String) -> Result<usize, String> {
    let (base, _served) = serve(answer).await;
    match source(&base).fetch_keys().await {
        Ok(set) => Ok(set.keys().len()),
        Err(error) => Err(in_words(&error)),
    }
}

#[tokio::test]
async fn the_request_names_the_project_and_the_sdk() {
    let (base, served) = serve(answer("200 OK", KEYS)).await;
    let source = source(&base);
    assert_eq!(source.url().as_str(), format!("{base}v2/keys/P1"));
    assert_eq!(source.fetch_keys().await.unwrap().keys().len(), 1);
    let head = served.await.unwrap().to_ascii_lowercase();
    for line in [
        "get /prefix/v2/keys/p1 http/1.1\r\n",
        "\r\nauthorization: bearer p1\r\n",
        "\r\nx-descope-project-id: p1\r\n",
        "\r\nx-descope-sdk-name: rust-tower-descope\r\n",
        "\r\nx-descope-sdk-version: ",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
}

#[tokio::test]
async fn only_200_carries_keys() {
    for status in [
        "201 Created",
        "204 No Content",
        "302 Found",
        "404 Not Found",
        "500 Oops",
    ] {
        let words = fetch(answer(status, KEYS)).await.unwrap_err();
        assert_eq!(words, format!("status {}, not 200", &status[..3]));
    }
}

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_and_in_keys() {
    let padding = " ".repeat(2_000);
    let declared = answer("200 OK", &format!("{KEYS}{padding}"));
    let streamed = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{KEYS}\r\n{:x}\r\n{padding}",
        KEYS.len(),
        padding.len()
    );
    for answer in [declared, streamed] {
        let words = fetch(answer).await.unwrap_err();
        assert!(words.contains("too large"), "{words}");
    }
    let many = answer("200 OK", r#"{"keys":[1,2,3,4]}"#);
    assert!(fetch(many).await.unwrap_err().contains("too many keys"));
    assert_eq!(fetch(answer("200 OK", r#"{"keys":[1,2,3]}"#)).await, Ok(0));
}

#[tokio::test]
async fn what_is_no_key_set_is_a_failure() {
    for body in ["", "<html>", "{}", "[]", r#"{"keys":{}}"#, &KEYS[..40]] {
        assert!(fetch(answer("200 OK", body)).await.is_err(), "{body}");
    }
    let truncated = answer("200 OK", KEYS);
    assert!(
        fetch(truncated[..truncated.len() - 10].to_owned())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_failure_is_told_with_its_causes() {
    let base = parse_base_url("http://127.0.0.1:9", false).unwrap();
    let source = source(&base);
    let fetched = tokio::time::timeout(Duration::from_secs(5), source.fetch_keys());
    let words = in_words(&fetched.await.unwrap().unwrap_err());
    assert!(words.contains("refused"), "{words}");
}
