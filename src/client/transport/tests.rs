use std::io::Write as _;

use tokio::io::AsyncReadExt as _;

use super::*;

fn base(text: &str) -> Url {
    parse_base_url(text, false).unwrap()
}

#[test]
fn a_base_url_is_https_or_http_on_loopback() {
    for (text, url) in [
        ("https://api.descope.com", "https://api.descope.com/"),
        (" https://api.descope.com/ ", "https://api.descope.com/"),
        (
            "https://auth.example.com/descope",
            "https://auth.example.com/descope/",
        ),
        (
            "https://auth.example.com/descope//",
            "https://auth.example.com/descope/",
        ),
        ("http://localhost:8080", "http://localhost:8080/"),
        ("http://LOCALHOST", "http://localhost/"),
        ("http://acme.localhost:8080", "http://acme.localhost:8080/"),
        ("http://A.B.LocalHost", "http://a.b.localhost/"),
        ("http://127.9.8.7:1", "http://127.9.8.7:1/"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x/"),
    ] {
        assert_eq!(base(text).as_str(), url);
    }
    assert_eq!(
        base("https://a.example/b")
            .join("v2/keys/P1")
            .unwrap()
            .as_str(),
        "https://a.example/b/v2/keys/P1"
    );
}

#[test]
fn a_wrong_base_url_is_refused_with_its_remedy_and_without_its_text() {
    for (text, remedy) in [
        ("", "such as https"),
        ("api.descope.com", "such as https"),
        ("ftp://secret.example", "start with https://"),
        ("file:///secret", "start with https://"),
        ("unix:/secret", "start with https://"),
        ("http://secret.example", "danger_plain_http_base_url"),
        (
            "http://localhost.secret.example",
            "danger_plain_http_base_url",
        ),
        ("http://secretlocalhost", "danger_plain_http_base_url"),
        (
            "http://localhost.localhost.secret",
            "danger_plain_http_base_url",
        ),
        ("http://0.0.0.0", "danger_plain_http_base_url"),
        ("http://128.0.0.1", "danger_plain_http_base_url"),
        ("http://[::2]", "danger_plain_http_base_url"),
        ("https://user:secret@a.example", "remove them"),
        ("https://secret@a.example", "remove them"),
        ("https://a.example/?secret", "query"),
        ("https://a.example/?", "query"),
        ("https://a.example/#secret", "fragment"),
        ("https://a.exa\nmple", "white space"),
        ("https://a.example/a b", "white space"),
    ] {
        let message = parse_base_url(text, false).unwrap_err().to_string();
        assert!(message.contains(remedy), "{text}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
    assert!(parse_base_url("http://descope.test", true).is_ok());
}

#[test]
fn the_region_stands_in_a_long_project_id() {
    // The vectors of Descope's Go SDK.
    for (id, url) in [
        ("", "https://api.descope.com"),
        ("Puse", "https://api.descope.com"),
        ("Puse1ar", "https://api.descope.com"),
        ("P2aAc4T2V93bddihGEx2Ryhc8e5Z", "https://api.descope.com"),
        ("Pabc2aAc4T2V93bddihGEx2Ryhc8e5Z", "https://api.descope.com"),
        (
            "Puse12aAc4T2V93bddihGEx2Ryhc8e5Z",
            "https://api.use1.descope.com",
        ),
        (
            "Puse1x2aAc4T2V93bddihGEx2Ryhc8e5Z",
            "https://api.use1.descope.com",
        ),
        (
            "Puse12aAc4T2V93bddihGEx2Ryhc8e5Zfoobar",
            "https://api.use1.descope.com",
        ),
    ] {
        assert_eq!(region_base_url(project_region(id)), url);
    }
}

#[test]
fn a_project_id_fits_into_a_url_and_a_header() {
    let longest = "P".repeat(64);
    for good in ["P", "P2aAc4T2V93bddihGEx2Ryhc8e5Z", "a_b-c", &longest] {
        assert!(check_project_id(good).is_ok(), "{good}");
    }
    let too_long = "P".repeat(65);
    for bad in ["", "P/..", "P 1", "P\n", "P%2f", "P:1", "Pé", &too_long] {
        let message = check_project_id(bad).unwrap_err().to_string();
        assert!(message.contains("project id"), "{message}");
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn settings_are_checked_when_the_client_is_made() {
    let local = base("http://127.0.0.1:1");
    for (settings, named) in [
        (
            HttpSettings {
                proxy: Some("http://".to_owned()),
                ..HttpSettings::default()
            },
            "proxy",
        ),
        (
            HttpSettings {
                root_certificates: vec![b"not PEM".to_vec()],
                ..HttpSettings::default()
            },
            "root_certificate",
        ),
    ] {
        let error = client(&settings, &local).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
    assert!(client(&HttpSettings::default(), &local).is_ok());
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn https_without_a_tls_feature_says_which_to_enable() {
    let error = client(&HttpSettings::default(), &base("https://a.example")).unwrap_err();
    assert!(error.to_string().contains("`rustls`"), "{error}");
    assert!(client(&HttpSettings::default(), &base("http://127.0.0.1:1")).is_ok());
}

fn client(settings: &HttpSettings, base: &Url) -> Result<Client, Error> {
    let connections = Connections {
        timeout: Duration::from_secs(20),
        kept: 1,
        idle_timeout: Duration::from_secs(10),
    };
    build(settings, base, connections)
}

/// Answers one connection with fixed bytes after the request's head; returns the URL, and what
/// came in.
async fn answer(bytes: Vec<u8>) -> (Url, tokio::task::JoinHandle<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = base(&format!("http://{}", listener.local_addr().unwrap()));
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let stream = stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        // The client hangs up early where the answer is too large.
        tokio::task::spawn_blocking(move || (&stream).write_all(&bytes).ok())
            .await
            .unwrap();
        String::from_utf8(head).unwrap()
    });
    (url, served)
}

async fn read(answer_bytes: &[u8], limit: usize) -> Result<Vec<u8>, BodyFault> {
    let (url, served) = answer(answer_bytes.to_vec()).await;
    let client = client(&HttpSettings::default(), &url).unwrap();
    let response = client.get(url).send().await.unwrap();
    let body = read_limited(response, limit).await;
    drop(client);
    served.await.unwrap();
    body
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit() {
    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
    const SHORT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhello";
    for answer in [PLAIN, CHUNKED] {
        assert_eq!(read(answer, 5).await.unwrap(), b"hello");
        assert!(matches!(read(answer, 4).await, Err(BodyFault::TooLarge)));
    }
    assert!(matches!(read(SHORT, 99).await, Err(BodyFault::Broken(_))));
}

#[tokio::test]
async fn no_encoding_is_asked_for_and_one_that_comes_is_named() {
    for (field, named) in [
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("identity, br", "br"),
        ("x-compress", "x-compress"),
        ("<script>", "of an odd name"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "of an odd name"),
    ] {
        let answer_bytes = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {field}\r\ncontent-length: 2\r\n\r\n\x1f\x0b"
        );
        let (url, served) = answer(answer_bytes.into()).await;
        let client = client(&HttpSettings::default(), &url).unwrap();
        let response = client.get(url).send().await.unwrap();
        let Err(BodyFault::Encoded(coding)) = read_limited(response, 9).await else {
            panic!("{field} is an encoding");
        };
        let reason = coding.to_string();
        assert!(
            reason.contains(&format!("content encoding {named} ")),
            "{reason}"
        );
        let head = served.await.unwrap().to_ascii_lowercase();
        assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
        assert!(head.contains("user-agent: tower-descope/"), "{head}");
    }
}

#[tokio::test]
async fn an_answer_that_says_that_it_is_not_encoded_is_read() {
    for field in ["identity", "Identity", "", "identity, identity"] {
        let text = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {field}\r\ncontent-length: 5\r\n\r\nhello"
        );
        assert_eq!(read(text.as_bytes(), 9).await.unwrap(), b"hello", "{field}");
    }
}

#[tokio::test]
async fn redirects_are_answers_like_any_other() {
    let (url, _served) =
        answer(b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let client = client(&HttpSettings::default(), &url).unwrap();
    assert_eq!(client.get(url).send().await.unwrap().status(), 302);
}

#[test]
fn a_proxy_that_is_none_is_told_when_the_handle_is_built_and_not_shown() {
    for wrong in [
        "proxy.internal",
        "proxy.internal:3128",
        "ftp://user:secret@proxy.internal",
        "http://",
        "http://user:secret@proxy.internal/path",
        "http://proxy.internal?secret",
        "secret",
    ] {
        for base_url in ["https://api.descope.com", "http://127.0.0.1:1"] {
            let settings = HttpSettings {
                proxy: Some(wrong.to_owned()),
                ..HttpSettings::default()
            };
            let error = client(&settings, &base(base_url)).unwrap_err();
            let message = format!("{error} {error:?}");
            assert!(message.contains("proxy is not a URL"), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
    for right in [
        "http://proxy.internal:3128",
        "https://user:pass@proxy.internal/",
    ] {
        assert!(parse_proxy(right).is_ok(), "{right}");
    }
}

#[tokio::test]
async fn a_connection_without_a_call_is_closed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = base(&format!("http://{}", listener.local_addr().unwrap()));
    let closed = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        // Until the client hangs up.
        stream.read_u8().await.unwrap_err();
    });
    let connections = Connections {
        timeout: Duration::from_secs(20),
        kept: 1,
        idle_timeout: Duration::from_millis(1),
    };
    let client = build(&HttpSettings::default(), &url, connections).unwrap();
    client.get(url).send().await.unwrap();
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, closed)
        .await
        .unwrap()
        .unwrap();
    drop(client);
}
