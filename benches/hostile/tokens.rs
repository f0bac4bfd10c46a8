//! Tokens whose header or payload somebody wrote to be read slowly. No key vouches for any of them.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_descope::TenantLayer;

use crate::{
    bed::Bed,
    door::{NOT_FOUND, not_found, through, without_fetches},
    row::{Bench, Row},
};

/// The longest header that is read is 3 KB in base64url: 2,304 bytes of JSON.
const JSON: usize = 2_300;

pub(crate) fn bench(bench: &mut Bench, bed: &Bed) {
    let descope = bed.warm(bed.fake.descope_builder());
    let layer = TenantLayer::new(without_fetches(bed, descope));
    let good = bed.session().token();
    let mut segments = good.split('.');
    let header = segments.next().expect("a header");
    let payload = segments.next().expect("a payload");
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).expect("base64url"));
    let claims = claims.expect("JSON");

    let mut rows = vec![not_found(NOT_FOUND, &[])];
    let unknown = r#"{"alg":"RS256","kid":"unknown","typ":"JWT"}"#;
    let mut add = |name: &str, token: &str| rows.extend(both(name, &layer, token));
    add("unknown_key", &token(unknown, payload));
    for (name, members) in kinds() {
        let json = with_members(unknown, &members);
        add(&format!("header_of_{name}"), &token(&json, payload));
    }
    let kid = format!(
        r#"{{"alg":"RS256","kid":"{}","typ":"JWT"}}"#,
        "k".repeat(JSON - 50)
    );
    add("header_of_long_kid", &token(&kid, payload));
    let escaped = "\\u006b".repeat((JSON - 50) / 6);
    let kid = format!(r#"{{"alg":"RS256","kid":"{escaped}","typ":"JWT"}}"#);
    add("header_of_long_escaped_kid", &token(&kid, payload));
    bench.group("headers", rows);

    let check = bed.signature_check(&good);
    let mut rows = vec![Row::new("signature_alone", check)];
    for (name, members) in kinds() {
        let json = with_members(&claims, &members);
        let payload = URL_SAFE_NO_PAD.encode(json);
        let (_, signature) = good.rsplit_once('.').expect("a signature");
        let forged = format!("{header}.{payload}.{signature}");
        for row in both(&format!("payload_of_{name}"), &layer, &forged) {
            rows.push(row.over("signature_alone"));
        }
    }
    bench.group("payloads", rows);
}

/// A token by bearer and by cookie.
fn both(name: &str, layer: &TenantLayer, token: &str) -> [Row; 2] {
    let bearer = format!("Bearer {token}");
    let cookie = format!("DS={token}");
    [
        ("bearer", "authorization", bearer),
        ("cookie", "cookie", cookie),
    ]
    .map(|(by, field, value)| {
        through(&format!("{name}_by_{by}"), layer, &[(field, &value)]).over(NOT_FOUND)
    })
}

fn token(header: &str, payload: &str) -> String {
    format!("{}.{payload}.AA", URL_SAFE_NO_PAD.encode(header))
}

/// An object with further members.
fn with_members(object: &str, members: &str) -> String {
    let start = object.strip_suffix('}').expect("an object");
    format!("{start},{members}}}")
}

/// Members to add to an object, as many of each kind as a header has room for.
fn kinds() -> [(&'static str, String); 9] {
    let filled = |of: usize, member: &dyn Fn(usize) -> String| {
        let mut members = String::new();
        for number in 0..of {
            let member = member(number);
            if members.len() + member.len() + 60 > JSON {
                break;
            }
            let _ = write!(members, "{}{member}", if number == 0 { "" } else { "," });
        }
        members
    };
    let escaped = |text: &str| {
        text.bytes().fold(String::new(), |mut escaped, byte| {
            let _ = write!(escaped, "\\u{byte:04x}");
            escaped
        })
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    // Each number below 1,000 once, in no order.
    let shuffled = |number: usize| 100 + number * 379 % 900;
    [
        (
            "many_escaped_names",
            filled(1_000, &|n| {
                format!("\"{}\":0", escaped(&shuffled(n).to_string()))
            }),
        ),
        (
            "few_escaped_names",
            filled(28, &|n| {
                format!("\"{}\":0", escaped(&format!("member {:06}", shuffled(n))))
            }),
        ),
        (
            "shuffled_members",
            filled(1_000, &|n| format!("\"m{}\":0", shuffled(n))),
        ),
        (
            "nested_arrays",
            filled(28, &|n| format!("\"m{n}\":{}", nested(50))),
        ),
        (
            "small_arrays",
            filled(28, &|n| format!("\"m{n}\":[{}0]", "[],".repeat(32))),
        ),
        (
            "numbers",
            filled(28, &|n| format!("\"m{n}\":[{}0]", "0,".repeat(48))),
        ),
        (
            "empty_strings",
            filled(28, &|n| format!("\"m{n}\":[{}0]", "\"\",".repeat(32))),
        ),
        (
            "small_objects",
            filled(28, &|n| format!("\"m{n}\":[{}0]", "{\"\":0},".repeat(12))),
        ),
        (
            "escaped_values",
            filled(28, &|n| {
                format!("\"m{n}\":\"{}\"", escaped("fifteen letters"))
            }),
        ),
    ]
}
