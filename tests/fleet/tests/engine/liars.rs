//! Servers that are none, or lie.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower_descope::internals::shared::{Probe, STEPS};

use crate::{all_fail, impatient};

/// How a server answers.
#[derive(Clone, Copy)]
enum Way {
    /// Not at all.
    Never,
    /// Closes the connection.
    Closes,
    /// As a server of HTTP does.
    Http,
    /// A greeting as Redis does, everything after it with these bytes.
    Steps(&'static [u8]),
    /// The same, without an end.
    Flood,
}

/// Listens as long as its runtime does.
async fn server(way: Way) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, way));
        }
    });
    format!("redis://127.0.0.1:{port}")
}

async fn answer(mut stream: TcpStream, way: Way) -> Option<()> {
    let mut room = vec![0; 64 * 1024];
    loop {
        let count = stream
            .read(&mut room)
            .await
            .ok()
            .filter(|&count| count > 0)?;
        let asked = String::from_utf8_lossy(room.get(..count)?).to_uppercase();
        match way {
            Way::Never => {}
            Way::Closes => return None,
            Way::Http => {
                let text = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(text).await.ok()?;
            }
            _ if !asked.contains("EVAL") => {
                let pings = asked.matches("PING").count();
                stream.write_all(&b"+PONG\r\n".repeat(pings)).await.ok()?;
            }
            Way::Steps(bytes) => stream.write_all(bytes).await.ok()?,
            Way::Flood => {
                stream.write_all(b"$1000000000\r\n").await.ok()?;
                loop {
                    stream.write_all(&[b'x'; 16 * 1024]).await.ok()?;
                }
            }
        }
    }
}

async fn liar(way: Way) -> Probe {
    impatient(&server(way).await)
}

#[tokio::test]
async fn a_server_that_never_answers_is_waited_for_no_longer_than_the_timeout() {
    for way in [Way::Never, Way::Steps(b""), Way::Steps(b"*5\r\n$3\r\now")] {
        let probe = liar(way).await;
        for _ in 0..3 {
            let begun = Instant::now();
            assert_eq!(all_fail(&probe, "unreachable", &["claim"]).await, None);
            assert!(begun.elapsed() < Duration::from_secs(1));
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_unreachable() {
    let probe = liar(Way::Closes).await;
    assert_eq!(all_fail(&probe, "unreachable", STEPS).await, None);
}

#[tokio::test]
async fn another_protocol_is_no_answer() {
    let probe = liar(Way::Http).await;
    assert_eq!(all_fail(&probe, "invalid", STEPS).await, None);
}

#[tokio::test]
async fn an_answer_of_another_shape_is_no_answer() {
    for bytes in [
        &b"+OK\r\n"[..],
        b":1\r\n",
        b"$-1\r\n",
        b"*0\r\n",
        b"*1\r\n$3\r\nown\r\n",
        b"$5\r\nowned\r\n",
        b"*5\r\n$3\r\nown\r\n:-1\r\n:0\r\n$0\r\n\r\n$0\r\n\r\n",
        b"*5\r\n$4\r\ndead\r\n:0\r\n:0\r\n$1\r\n\xff\r\n$0\r\n\r\n",
        b"*5\r\n$3\r\nown\r\n:1\r\n:0\r\n$0\r\n\r\n$3\r\nabc\r\n",
        // Pages of marks, but for an age below zero, a number that is none, a mark that is cut off.
        b"*6\r\n$1\r\n1\r\n:-1\r\n:0\r\n$1\r\n0\r\n:1\r\n*0\r\n",
        b"*6\r\n$1\r\n1\r\n:1\r\n:0\r\n$1\r\n0\r\n:2\r\n*0\r\n",
        b"*6\r\n$1\r\nx\r\n:1\r\n:0\r\n$1\r\n0\r\n:1\r\n*0\r\n",
        b"*6\r\n$1\r\n1\r\n:1\r\n:0\r\n$1\r\n1\r\n:1\r\n*1\r\n*3\r\n$3\r\n1-1\r\n$1\r\n5\r\n$1\r\nu\r\n",
        b"garbage\r\n",
    ] {
        let probe = liar(Way::Steps(bytes)).await;
        let outcome = all_fail(&probe, "invalid", STEPS).await;
        assert_eq!(outcome, None, "{}", bytes.escape_ascii());
    }
}

/// However many bytes or parts an answer promises, no more come in than an answer of ours has.
#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let probe = liar(Way::Flood).await;
    let begun = Instant::now();
    assert_eq!(all_fail(&probe, "invalid", &["claim"]).await, None);
    assert!(begun.elapsed() < Duration::from_secs(1));
    for bytes in [
        &b"*1000000000\r\n"[..],
        b"*9223372036854775807\r\n",
        b"$9223372036854775807\r\n",
        b"%9223372036854775807\r\n",
        b"=-1\r\n",
    ] {
        let probe = liar(Way::Steps(bytes)).await;
        let failed = probe.make("claim", 1).await.unwrap_err();
        assert_ne!(failed.kind, "refused", "{failed}");
    }
}

#[tokio::test]
async fn an_error_of_a_servers_is_told_by_its_code_alone() {
    let probe = liar(Way::Steps(b"-OOM hush hush\r\n")).await;
    let failed = probe.make("claim", 1).await.unwrap_err();
    assert_eq!(failed.to_string(), "refused: redis refuses (OOM)");
    let probe = liar(Way::Steps(b"-LOADING hush\r\n")).await;
    let failed = probe.make("claim", 1).await.unwrap_err();
    assert_eq!(failed.kind, "unreachable", "{failed}");
    for bytes in [
        &b"-MOVED 1 127.0.0.1:1\r\n"[..],
        b"-BUSY hush\r\n",
        b"-MASTERDOWN hush\r\n",
        b"-MISCONF hush\r\n",
        b"-NOSCRIPT hush\r\n",
        b"-ERR hush\r\n",
        b"-hush\r\n",
    ] {
        let probe = liar(Way::Steps(bytes)).await;
        let failed = probe.make("claim", 1).await.unwrap_err();
        assert_eq!(failed.kind, "refused", "{failed}");
        assert!(!failed.message.contains("hush"), "{failed}");
    }
}
