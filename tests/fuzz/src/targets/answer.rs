//! Descope's answers: every field against `serde_json`, tokens from `Set-Cookie` where the body has
//! none. Text: `Set-Cookie` lines, an empty line, the body.

use cookie::{Cookie, time};
use http::{HeaderMap, HeaderValue, header::SET_COOKIE};
use serde_json::{Map, Value};
use tower_descope::internals;

use super::lines;
use crate::{
    dice::Dice,
    harness::Target,
    json_text::{self, Member},
};

pub const TARGET: Target = Target {
    name: "answer",
    make,
    check,
    slow: 1,
};

const MEMBERS: &[Member] = &[
    Member {
        name: "sessionJwt",
        values: &["\"s.s.s\"", "\"\"", "null", "7"],
        eighths: 7,
    },
    Member {
        name: "refreshJwt",
        values: &["\"r.r.r\"", "\"\"", "null", "[]"],
        eighths: 6,
    },
    Member {
        name: "cookieDomain",
        values: &["\"\"", "\"evil.test\\r\\nSet-Cookie: x=1\""],
        eighths: 4,
    },
    Member {
        name: "cookieMaxAge",
        values: &[
            "2419199",
            "\"2419199\"",
            "-1",
            "1e3",
            "9223372036854775808",
            "\" 1\"",
        ],
        eighths: 4,
    },
    Member {
        name: "cookieExpiration",
        values: &["1769644800", "\"x\""],
        eighths: 4,
    },
    Member {
        name: "cookieName",
        values: &["\"\"", "\"acmeR\"", "\"DS\"", "\"a b\""],
        eighths: 3,
    },
    Member {
        name: "sessionCookieName",
        values: &["\"\"", "\"acmeS\"", "\"DSR\""],
        eighths: 3,
    },
    Member {
        name: "sessionExpiration",
        values: &["1767226200"],
        eighths: 3,
    },
    Member {
        name: "nextRefreshSeconds",
        values: &["0", "300", "-5"],
        eighths: 2,
    },
    Member {
        name: "user",
        values: &["{\"userId\":\"U1\",\"x\":[1]}", "[]", "\"U1\""],
        eighths: 5,
    },
    Member {
        name: "firstSeen",
        values: &["true", "\"true\""],
        eighths: 2,
    },
    Member {
        name: "idpResponse",
        values: &["{\"groups\":[]}", "7"],
        eighths: 1,
    },
    Member {
        name: "trustedDeviceJwt",
        values: &["\"dtd\""],
        eighths: 1,
    },
    Member {
        name: "knownDeviceJwt",
        values: &["\"dkd\""],
        eighths: 1,
    },
];

fn make(dice: &mut Dice<'_>, _: &[Vec<u8>]) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..dice.below(4) {
        let name = dice.pick(&["DS", "DSR", "acmeS", "acmeR", "__cf_bm", "ds", " DS "]);
        let value = dice.pick(&["s.s.s", "r.r.r", "", "\"q\"", "a b", "é"]);
        let rest = dice.pick(&[
            "; Path=/; HttpOnly",
            "; Max-Age=0",
            "; max-age=-1",
            "; Max-Age=x",
            "; DS=inner",
            "",
            "; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            ", DSR=folded",
        ]);
        text.push_str(&format!("{name}={value}{rest}\n"));
    }
    text.push('\n');
    text.push_str(&json_text::object(dice, MEMBERS));
    text.into_bytes()
}

fn check(text: &[u8]) {
    let mut headers = HeaderMap::new();
    let mut body = text;
    for line in lines(text) {
        body = body.get(line.len() + 1..).unwrap_or_default();
        if line.is_empty() {
            break;
        }
        if let Ok(line) = HeaderValue::from_bytes(line) {
            headers.append(SET_COOKIE, line);
        }
    }
    let other: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let answer = internals::answer(headers.clone(), body, ["DS", "DSR"]);
    let Some(other) = other else {
        match answer {
            Ok(answer) => {
                let token = answer.refresh_token.unwrap();
                assert_eq!(Some(token), cookie("DSR", &headers));
                assert!(!answer.whole && answer.session_token.is_none());
            }
            Err(error) => {
                assert_eq!(cookie("DSR", &headers), None);
                let shown = format!("{error:?}");
                assert!(
                    !shown.contains("s.s.s") && !shown.contains("r.r.r"),
                    "{shown}"
                );
            }
        }
        return;
    };
    let answer = answer.unwrap();
    assert!(answer.whole);
    let text_of = |name: &str| other.get(name)?.as_str().filter(|text| !text.is_empty());
    let number_of = |name: &str| match other.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse::<i64>().ok(),
        _ => None,
    };
    for (name, value) in &answer.texts {
        assert_eq!(value.as_deref(), text_of(name), "{name}");
    }
    for (name, value) in answer.numbers {
        assert_eq!(value, number_of(name), "{name}");
    }
    let user = other.get("user").filter(|user| user.is_object());
    assert_eq!(answer.user.as_ref(), user);
    assert_eq!(
        answer.first_seen,
        other.get("firstSeen").and_then(Value::as_bool)
    );
    for (token, member, named, usual) in [
        (
            answer.session_token,
            "sessionJwt",
            "sessionCookieName",
            "DS",
        ),
        (answer.refresh_token, "refreshJwt", "cookieName", "DSR"),
    ] {
        let from_cookies = || {
            let named = text_of(named).and_then(|name| cookie(name, &headers));
            named.or_else(|| cookie(usual, &headers))
        };
        let expected = text_of(member).map(str::to_owned).or_else(from_cookies);
        assert_eq!(token, expected, "{member}");
    }
}

/// What a browser would hold under a name after these lines, scopes aside.
fn cookie(name: &str, headers: &HeaderMap) -> Option<String> {
    let mut held = None;
    for line in headers.get_all(SET_COOKIE) {
        let Ok(text) = line.to_str() else { continue };
        let Ok(cookie) = Cookie::parse(text) else {
            continue;
        };
        if cookie.name() == name {
            let gone = cookie
                .max_age()
                .is_some_and(|age| age <= time::Duration::ZERO);
            held = Some(cookie.value().to_owned()).filter(|value| !gone && !value.is_empty());
        }
    }
    held
}
