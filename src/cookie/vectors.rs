//! The shared cookie vectors, where the environment variable `COOKIE_VECTORS` names their file.

use std::{collections::BTreeSet, time::Duration};

use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde_json::Value;

use super::{CookieAttributes, CookieKind, CookieReader, SessionCookies};

#[derive(Deserialize)]
struct Vectors {
    header_cases: Vec<HeaderCase>,
    writer_cases: Vec<WriterCase>,
}

#[derive(Deserialize)]
struct HeaderCase {
    id: String,
    fields: Vec<String>,
    pairs: Vec<(String, String)>,
    #[serde(default)]
    lookup: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct WriterCase {
    id: String,
    name: String,
    value: String,
    domain: Option<String>,
    path: Option<String>,
    max_age: Option<serde_json::Number>,
    expected: String,
}

fn vectors() -> Option<Vectors> {
    let path = std::env::var_os("COOKIE_VECTORS")?;
    let file = std::fs::read(&path).expect("the file that COOKIE_VECTORS names can be read");
    Some(serde_json::from_slice(&file).expect("the file that COOKIE_VECTORS names has vectors"))
}

/// Looks a name up as a session and as a refresh cookie: both are read by one rule. The different
/// values, in their order.
fn look_up<'h>(name: &str, headers: &'h HeaderMap) -> Vec<&'h str> {
    let read = |cookies: SessionCookies, kind| {
        let mut values = Vec::new();
        let reader = CookieReader::new(&cookies);
        let presented = reader.presented(headers).expect("fields that are read");
        for (_, value) in presented.of_kind(kind) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    };
    let found = read(
        SessionCookies::new().session_name(name).refresh_name("-"),
        CookieKind::Session,
    );
    let refresh = read(
        SessionCookies::new().session_name("-").refresh_name(name),
        CookieKind::Refresh,
    );
    assert_eq!(found, refresh, "{name}");
    found
}

#[test]
fn header_cases() {
    let Some(vectors) = vectors() else { return };
    assert!(!vectors.header_cases.is_empty());
    let (mut tried, mut looked_up, mut paired) = (0, 0, 0);
    for case in vectors.header_cases {
        let headers: HeaderMap = case
            .fields
            .iter()
            .map(|field| (header::COOKIE, HeaderValue::from_bytes(field.as_bytes())))
            .map(|(name, value)| (name, value.expect("a field that HTTP can carry")))
            .collect();
        for (name, expected) in &case.lookup {
            let found = look_up(name, &headers);
            let agrees = match expected {
                Value::Null => found.is_empty(),
                Value::String(text) if text == "either" => true,
                Value::String(text) if text == "ambiguous" => found.len() > 1,
                Value::String(text) => found == [text],
                other => panic!("{}: lookup {other}", case.id),
            };
            assert!(agrees, "{}: {name} gave {found:?}, not {expected}", case.id);
        }
        looked_up += case.lookup.len();
        if case.lookup.is_empty() {
            // Without an opinion of the vectors: what a browser sends under a name is found,
            // exactly, and in its order.
            let names: BTreeSet<_> = case.pairs.iter().map(|(name, _)| name).collect();
            for &name in &names {
                let mut values: Vec<&str> = Vec::new();
                for (_, value) in case.pairs.iter().filter(|pair| pair.0 == *name) {
                    if !value.is_empty() && !value.starts_with('"') && !values.contains(&&**value) {
                        values.push(value);
                    }
                }
                assert_eq!(look_up(name, &headers), values, "{}: {name}", case.id);
            }
            paired += names.len();
        }
        tried += 1;
    }
    println!("cookie headers: {tried} tried, {looked_up} look-ups and {paired} names as they say");
}

#[test]
fn writer_cases() {
    let Some(vectors) = vectors() else { return };
    assert!(!vectors.writer_cases.is_empty());
    let (mut tried, mut lines) = (0, 0);
    for case in vectors.writer_cases {
        // Domain and Path reach the writer from the configuration only.
        let mut cookies = SessionCookies::new().session_name(&case.name);
        if let Some(domain) = &case.domain {
            cookies = cookies.domain(domain);
        }
        if let Some(path) = &case.path {
            cookies = cookies.path(path);
        }
        // A lifetime is a `Duration` before it reaches the writer: never negative.
        let max_age = case
            .max_age
            .as_ref()
            .map_or(3600, |age| age.as_u64().unwrap_or_default());
        let written = cookies.check().and_then(|()| {
            cookies.set_usual(
                CookieKind::Session,
                &case.value,
                Duration::from_secs(max_age),
                CookieAttributes::USUAL,
            )
        });
        tried += 1;
        lines += usize::from(written.is_ok());
        match case.expected.as_str() {
            "ok" => {
                written.unwrap_or_else(|error| panic!("{}: {error}", case.id));
            }
            "refuse" => assert!(written.is_err(), "{}: {written:?}", case.id),
            // A build error, or a line with the configuration's scope and nothing else.
            "sanitise" => {
                if let Ok(line) = written {
                    check_line(&case, line.to_str().unwrap());
                }
            }
            other => panic!("{}: expected {other}", case.id),
        }
    }
    println!(
        "cookies written: {tried} tried, {lines} lines, {} refusals",
        tried - lines
    );
}

fn check_line(case: &WriterCase, line: &str) {
    let mut attributes: Vec<&str> = line.split("; ").collect();
    assert_eq!(
        attributes.remove(0),
        format!("{}={}", case.name, case.value)
    );
    let domain = case.domain.as_ref().map(|domain| {
        assert!(
            domain
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        );
        format!("Domain={}", domain.to_ascii_lowercase())
    });
    let path = format!("Path={}", case.path.as_deref().unwrap_or("/"));
    for attribute in attributes {
        let known = ["HttpOnly", "SameSite=Strict", "Secure", path.as_str()].contains(&attribute)
            || Some(attribute) == domain.as_deref()
            || attribute
                .strip_prefix("Max-Age=")
                .is_some_and(|age| (1..=34_560_000).contains(&age.parse::<u64>().unwrap_or(0)));
        assert!(known, "{}: {attribute} in {line}", case.id);
    }
}
