//! Reading `Cookie` fields, one a line: against the `cookie` crate, which reads each field alone
//! and knows nothing of several cookies of one name.

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header::COOKIE};
use tower_descope::{
    cookie::SessionCookies,
    internals::{self, TokenKind},
};

use super::lines;
use crate::{dice::Dice, harness::Target};

pub const TARGET: Target = Target {
    name: "cookie_header",
    make,
    check,
    slow: 1,
};

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..=dice.below(10) {
        let name = dice.pick(&[
            "DS",
            "DS",
            "DSR",
            "__Host-DS",
            "__Host-DSR",
            "ds",
            " DS",
            "DS ",
            "",
            "x",
            "$DS",
            "D%53",
            "__host-DS",
            "DS.0",
            "\"DS\"",
        ]);
        let value = dice.pick(&[
            "a.b.c",
            "d.e.f",
            "",
            "\"a.b.c\"",
            " a.b.c",
            "a.b.c ",
            "a=b",
            "a,b",
            "\"",
            "é",
            "%61",
            "a b",
            "\"a;DS=x\"",
            "1",
            "2",
            "3",
            "4",
        ]);
        let equals = dice.pick(&["=", "=", "=", "=", "=", "==", " = ", ""]);
        let next = dice.pick(&["; ", "; ", "; ", ";", ";;", " ; ", ", ", "\n"]);
        let pair = format!("{name}{equals}{value}{next}");
        // What costs more the oftener it stands there, in one field or in many.
        let often = if dice.one_in(16) { dice.below(300) } else { 1 };
        text.push_str(&pair.repeat(often));
    }
    text.into_bytes()
}

fn headers(text: &[u8]) -> HeaderMap {
    lines(text)
        .filter_map(|line| Some((COOKIE, HeaderValue::from_bytes(line).ok()?)))
        .collect()
}

fn check(text: &[u8]) {
    let headers = headers(text);
    let cookies = SessionCookies::host_prefixed();
    for (kind, names) in [
        (TokenKind::Session, ["__Host-DS", "DS"]),
        (TokenKind::Refresh, ["__Host-DSR", "DSR"]),
    ] {
        let read = || internals::cookie_values(&cookies, kind, &headers);
        let (found, steps) = internals::counted(read);
        assert!(steps <= 12 * text.len() + 500, "{steps} for {}", text.len());
        for name in names {
            let values = found.iter().filter(|(of, _)| *of == name);
            let values: Vec<_> = values.map(|(_, value)| *value).collect();
            assert_eq!(values, named(name, &headers), "{name}");
        }
    }
}

/// The values of a name, as the `cookie` crate reads them; without those that are empty, quoted, no
/// text, or under a name with white space behind it, which are never taken for ours.
fn named(name: &str, headers: &HeaderMap) -> Vec<String> {
    let mut values = Vec::new();
    for field in headers.get_all(COOKIE) {
        for pair in field.as_bytes().split(|&byte| byte == b';') {
            let text = String::from_utf8_lossy(pair);
            let Ok(cookie) = Cookie::parse(&*text) else {
                continue;
            };
            let exact = text.trim_ascii_start().starts_with(&format!("{name}="));
            if cookie.name() != name || !exact {
                continue;
            }
            // Not the crate's value: it takes white space of Unicode for white space.
            let value = pair.splitn(2, |&byte| byte == b'=').last().unwrap();
            let value = value.trim_ascii();
            if !value.is_empty() && !value.starts_with(b"\"") {
                values.extend(String::from_utf8(value.to_vec()));
            }
        }
    }
    values
}
