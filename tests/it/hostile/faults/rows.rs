//! What can go wrong between us and Descope, each with what it comes to.

use std::sync::LazyLock;

use bytes::Bytes;

use super::{bomb, hostile::Act};

/// Made once: there are hundreds of cases.
static TEN_MEGABYTES: LazyLock<Bytes> = LazyLock::new(|| vec![b' '; 10 * 1024 * 1024].into());
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| bomb::zeros(90 * 1024 * 1024));

/// What a fault comes to, whatever was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comes {
    /// To an outage: nothing usable was said.
    Broken,
    /// To an answer that Descope cannot mean.
    Odd,
    /// To nothing before the deadline.
    Late,
    /// To a refusal of this status, without Descope's own code.
    Refused(u16),
    /// To a wish to slow down.
    Limited,
    /// To a status that says "not here now": what may be asked again is asked once more.
    Away,
}

/// A fault.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// `None`: connections are refused.
    pub(crate) script: Option<Vec<Act>>,
    pub(crate) comes: Comes,
}

fn row(what: impl Into<String>, comes: Comes, script: Vec<Act>) -> Row {
    Row {
        what: what.into(),
        script: Some(script),
        comes,
    }
}

fn send(bytes: impl Into<Vec<u8>>) -> Act {
    Act::Send(Bytes::from(bytes.into()))
}

/// A whole answer, in order but for what it says.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<Act> {
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    vec![Act::Read, send([head.as_bytes(), body].concat())]
}

/// Every fault. Where it has a body, that is `good`, which a client that took it would be content
/// with; redirects lead to `here` and to `elsewhere`, where nobody must arrive.
pub(crate) fn rows(good: &[u8], here: &str, elsewhere: &str) -> Vec<Row> {
    let mut rows = connections(good);
    rows.extend(framing(good));
    rows.extend(sizes(good));
    rows.extend(statuses(good, here, elsewhere));
    rows.extend(bodies(good));
    rows
}

/// Connections that end early, or never.
fn connections(good: &[u8]) -> Vec<Row> {
    use Act::{Read, Reset, Trickle, Wait};
    use Comes::{Broken, Late};
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", good.len());
    let whole = [whole.as_bytes(), good].concat();
    let in_body = whole.len() - (good.len() / 2).max(1);
    let stages = [
        ("the first line", 7),
        ("the head", 25),
        ("the body", in_body),
    ];
    let mut rows = vec![
        Row {
            what: "connection refused".into(),
            script: None,
            comes: Broken,
        },
        row("reset before the request", Broken, vec![Reset]),
        row("closed before the request", Broken, vec![]),
        row("reset after the request", Broken, vec![Read, Reset]),
        row("closed after the request", Broken, vec![Read]),
        row("silence", Late, vec![Read, Wait]),
        row(
            "byte by byte",
            Late,
            vec![Read, Trickle(whole.clone().into()), Wait],
        ),
        row(
            "body byte by byte",
            Late,
            vec![
                Read,
                send("HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n"),
                Trickle(Bytes::from(vec![b' '; 4_096])),
            ],
        ),
        row(
            "ever another 100 Continue",
            Late,
            vec![
                Read,
                Trickle(Bytes::from("HTTP/1.1 100 Continue\r\n\r\n".repeat(100))),
            ],
        ),
    ];
    for (stage, at) in stages {
        let start = || vec![Read, send(&whole[..at])];
        let with = |act| [start(), vec![act]].concat();
        rows.push(row(format!("reset in {stage}"), Broken, with(Reset)));
        rows.push(row(format!("closed in {stage}"), Broken, start()));
        rows.push(row(format!("silence in {stage}"), Late, with(Wait)));
    }
    rows
}

/// Answers that are no HTTP, or that lie about their length.
fn framing(good: &[u8]) -> Vec<Row> {
    use Comes::{Broken, Odd};
    let raw = |head: &str, body: &[u8]| vec![Act::Read, send([head.as_bytes(), body].concat())];
    let chunked = |chunks: &str| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        raw(head, chunks.as_bytes())
    };
    let sized = |lengths: &str| raw(&format!("HTTP/1.1 200 OK\r\n{lengths}\r\n"), good);
    let long = good.len() + 1;
    let twice = format!(
        "content-length: {0}\r\ncontent-length: {long}\r\n",
        good.len()
    );
    let short = format!("content-length: {}\r\n", good.len().saturating_sub(1));
    vec![
        row(
            "length too long",
            Broken,
            sized(&format!("content-length: {long}\r\n")),
        ),
        row("length too short", Odd, sized(&short)),
        row("length negative", Broken, sized("content-length: -1\r\n")),
        row("length no number", Broken, sized("content-length: x\r\n")),
        row(
            "length beyond numbers",
            Broken,
            sized("content-length: 99999999999999999999999\r\n"),
        ),
        row("two lengths", Broken, sized(&twice)),
        row("chunk of no size", Broken, chunked("zz\r\n{}\r\n0\r\n\r\n")),
        row(
            "chunk beyond numbers",
            Broken,
            chunked("fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ),
        row("chunk without end", Broken, chunked("2\r\n{}")),
        row("chunk too long", Broken, chunked("1\r\n{}\r\n0\r\n\r\n")),
        row(
            "chunk with endless name",
            Broken,
            vec![
                Act::Read,
                send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;"),
                Act::Flood(Bytes::from_static(&[b'x'; 4_096])),
            ],
        ),
        row(
            "endless trailers",
            Broken,
            vec![
                Act::Read,
                send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"),
                Act::Flood(Bytes::from_static(b"x-more: and more\r\n")),
            ],
        ),
        row("not HTTP", Broken, raw("SSH-2.0-OpenSSH_9.2\r\n", b"")),
        row("HTTP without a head", Broken, raw("", good)),
        row("HTTP/3.0", Broken, raw("HTTP/3.0 200 OK\r\n\r\n", good)),
        row(
            "TLS alert",
            Broken,
            vec![Act::Read, send([21, 3, 3, 0, 2, 2, 70])],
        ),
        row(
            "NUL in a header",
            Broken,
            raw("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", good),
        ),
    ]
}

/// Answers without measure.
fn sizes(good: &[u8]) -> Vec<Row> {
    use Comes::{Broken, Odd};
    let spaces = Bytes::from(vec![b' '; 16 * 1024]);
    let head = |fields: &str| send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
    let flood = |start: Act, more: &Bytes| vec![Act::Read, start, Act::Flood(more.clone())];
    let mut chunk = Vec::from(&b"4000\r\n"[..]);
    chunk.extend_from_slice(&spaces);
    chunk.extend_from_slice(b"\r\n");
    let length = TEN_MEGABYTES.len() + good.len();
    let large = |fields: &str| {
        let padding = Act::Send(TEN_MEGABYTES.clone());
        vec![Act::Read, head(fields), padding, send(good)]
    };
    vec![
        row(
            "endless head",
            Broken,
            flood(
                send("HTTP/1.1 200 OK\r\n"),
                &Bytes::from_static(b"x-more: and more\r\n"),
            ),
        ),
        row(
            "endless field",
            Broken,
            flood(send("HTTP/1.1 200 OK\r\nx: "), &spaces),
        ),
        row("endless body", Odd, flood(head(""), &spaces)),
        row(
            "endless chunks",
            Odd,
            flood(head("transfer-encoding: chunked\r\n"), &chunk.into()),
        ),
        row(
            "10 MB",
            Odd,
            large(&format!("content-length: {length}\r\n")),
        ),
        row("10 MB of no stated length", Odd, large("")),
        row(
            "a length of exabytes",
            Odd,
            flood(head("content-length: 9000000000000000000\r\n"), &spaces),
        ),
        row(
            "gzip bomb",
            Odd,
            answer("200 OK", "content-encoding: gzip\r\n", &BOMB),
        ),
    ]
}

/// Statuses that carry what a 200 should.
fn statuses(good: &[u8], here: &str, elsewhere: &str) -> Vec<Row> {
    use Comes::{Away, Broken, Limited, Odd, Refused};
    let mut rows: Vec<Row> = [
        (204, Odd),
        (300, Odd),
        (304, Odd),
        (400, Refused(400)),
        (401, Refused(401)),
        (403, Refused(403)),
        (404, Refused(404)),
        (405, Odd),
        (408, Broken),
        (410, Odd),
        (418, Odd),
        (422, Refused(422)),
        (429, Limited),
        (500, Broken),
        (502, Broken),
        (503, Away),
        (504, Broken),
        (530, Broken),
        (600, Odd),
        (999, Odd),
    ]
    .into_iter()
    .map(|(status, comes)| {
        let what = format!("{status} with a good body");
        row(what, comes, answer(&format!("{status} No"), "", good))
    })
    .collect();
    for status in [302, 307, 308] {
        let to = |place: &str| {
            let location = format!("location: {place}\r\n");
            answer(&format!("{status} Moved"), &location, good)
        };
        rows.push(row(format!("{status} to itself"), Odd, to(here)));
        rows.push(row(format!("{status} elsewhere"), Odd, to(elsewhere)));
        rows.push(row(
            format!("{status} to a file"),
            Odd,
            to("file:///etc/passwd"),
        ));
    }
    for status in [403, 502] {
        let html = answer(
            &format!("{status} No"),
            "content-type: text/html\r\n",
            b"<html><h1>Blocked</h1></html>",
        );
        let comes = if status == 403 { Refused(403) } else { Broken };
        rows.push(row(format!("{status} in HTML"), comes, html));
    }
    rows
}

/// Bodies of a 200 that are no answer.
fn bodies(good: &[u8]) -> Vec<Row> {
    let good = String::from_utf8(good.to_vec()).unwrap();
    let truncated = good[..good.len() - 1].to_owned();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_be_bytes).collect();
    // In a member that nobody reads, where there are members.
    let within = |value: &str| match good.strip_prefix('{') {
        Some("}") => format!(r#"{{"x":{value}}}"#),
        Some(rest) => format!(r#"{{"x":{value},{rest}"#),
        None => value.to_owned(),
    };
    [
        ("empty body", Vec::new()),
        ("HTML", b"<!doctype html><h1>Sign in</h1>".to_vec()),
        ("truncated JSON", truncated.into_bytes()),
        ("text after the JSON", format!("{good} x").into_bytes()),
        ("two answers in one", format!("{good}{good}").into_bytes()),
        ("deep JSON", deep.clone().into_bytes()),
        ("deep JSON within", within(&deep).into_bytes()),
        ("NaN within", within("NaN").into_bytes()),
        ("null", b"null".to_vec()),
        ("a number", b"7".to_vec()),
        ("a text", b"\"eyJ\"".to_vec()),
        ("a BOM", format!("\u{feff}{good}").into_bytes()),
        ("UTF-16", utf16),
        ("not UTF-8", b"{\"x\":\"\xff\xfe\"}".to_vec()),
    ]
    .into_iter()
    .map(|(what, body)| row(what, Comes::Odd, answer("200 OK", "", &body)))
    .collect()
}
